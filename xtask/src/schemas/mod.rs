//! `cargo xtask schemas`: generates everything under `schemas/data` from packages that contain AWS's data.

mod api;
mod features;
mod images;
mod instances;
mod regions;
mod registry;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zip::ZipArchive;

use crate::{Result, root, tools};

const CFN_LINT: &str = "1.58.0";
const BOTOCORE: &str = "1.44.5";
const SAGEMAKER: &str = "2.257.7";
const MOTO: &str = "5.2.5";

/// The files to write, by their paths relative to the root of the workspace.
type Files = BTreeMap<PathBuf, String>;

/// Generates the data and writes it; with `check`, compares it with the committed data instead.
pub fn refresh(registry_archive: Option<&Path>, check: bool) -> Result<()> {
    let mut cfn_lint = Package::open("cfn-lint", CFN_LINT)?;
    let mut botocore = Package::open("botocore", BOTOCORE)?;
    let mut sagemaker = Package::open("sagemaker", SAGEMAKER)?;
    let mut moto = Package::open("moto", MOTO)?;

    let mut files = Files::new();
    let registry_origin = match registry_archive {
        Some(path) => registry::from_archive(path, &mut files)?,
        None => registry::from_cfn_lint(&mut cfn_lint, &mut files)?,
    };
    registry::attributes(&mut cfn_lint, &mut files)?;
    registry::regions(&mut cfn_lint, &mut files)?;
    let model = botocore.json("botocore/data/sagemaker/2017-07-24/service-2.json.gz")?;
    api::request_shapes(&model, &mut files)?;
    regions::names(&botocore.json("botocore/data/partitions.json")?, &mut files)?;
    instances::table(&mut moto, &model, &mut files)?;
    images::tables(&mut sagemaker, &mut files)?;
    features::manifests(&mut files)?;
    sources::record(&registry_origin, &mut files)?;

    let changes = changes(&files)?;
    if changes.is_empty() {
        eprintln!("schemas: {} files, nothing changed", files.len());
        return Ok(());
    }
    for change in &changes {
        eprintln!("{change}");
    }
    if check {
        return Err(
            "the committed data is not what `cargo xtask schemas` makes; run it and commit the result".into(),
        );
    }
    write(&files)?;
    eprintln!("schemas: {} changes written; review them with `git diff schemas`", changes.len());
    Ok(())
}

/// A Python package, opened as the archive that the package index serves.
struct Package(ZipArchive<File>);

impl Package {
    fn open(name: &str, version: &str) -> Result<Self> {
        Ok(Self(ZipArchive::new(File::open(tools::wheel(name, version)?)?)?))
    }

    fn names(&self) -> Vec<String> {
        self.0.file_names().map(str::to_owned).collect()
    }

    /// Returns a file of the package; a `.gz` file is decompressed.
    fn text(&mut self, path: &str) -> Result<String> {
        let mut text = String::new();
        let mut file = self.0.by_name(path).map_err(|error| format!("{path}: {error}"))?;
        if path.ends_with(".gz") {
            flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
        } else {
            file.read_to_string(&mut text)?;
        }
        Ok(text)
    }

    fn json(&mut self, path: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.text(path)?).map_err(|error| format!("{path}: {error}"))?)
    }
}

/// Formats JSON with sorted keys and one fact per line, so that the diff of an update is readable.
fn pretty(value: &Value) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&sorted(value))?;
    text.push('\n');
    Ok(text)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let by_name: BTreeMap<_, _> = map.iter().collect();
            Value::Object(by_name.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Returns the differences between the files on disk and the files to write, one per line.
fn changes(files: &Files) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (path, text) in files {
        match fs::read_to_string(root().join(path)) {
            Err(_) => lines.push(format!("added    {}", path.display())),
            Ok(old) if old == *text => {}
            Ok(old) => {
                let (old, new) =
                    (old.lines().collect::<BTreeSet<_>>(), text.lines().collect::<BTreeSet<_>>());
                let (gone, come) = (old.difference(&new).count(), new.difference(&old).count());
                lines.push(format!("changed  {} (+{come} -{gone} lines)", path.display()));
            }
        }
    }
    lines.extend(stale(files)?.into_iter().map(|path| format!("removed  {}", path.display())));
    Ok(lines)
}

/// Returns files under `schemas/data` that the command no longer generates.
fn stale(files: &Files) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![root().join("schemas/data")];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let relative = path.strip_prefix(root())?.to_path_buf();
                if !files.contains_key(&relative) {
                    found.push(relative);
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

fn write(files: &Files) -> Result<()> {
    for path in stale(files)? {
        fs::remove_file(root().join(path))?;
    }
    for (path, text) in files {
        let path = root().join(path);
        if fs::read_to_string(&path).is_ok_and(|old| old == *text) {
            continue;
        }
        fs::create_dir_all(path.parent().ok_or("a file without a directory")?)?;
        fs::write(path, text)?;
    }
    Ok(())
}
