//! The CloudFormation registry schemas, one file per type, and the types and instance types of each region.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};
use zip::ZipArchive;

use super::{Files, Package, pretty};
use crate::Result;

const DATA: &str = "cfnlint/data/schemas";

/// Keywords with descriptions and links. They make up two thirds of a schema, and no check reads them.
const PROSE: [&str; 10] = [
    "$comment",
    "$id",
    "$schema",
    "description",
    "documentationUrl",
    "examples",
    "markdownDescription",
    "resourceLink",
    "sourceUrl",
    "title",
];

/// Keywords whose object maps names to schemas: a property can have the name `description`.
const NAMED: [&str; 5] =
    ["definitions", "dependentExcluded", "dependentRequired", "patternProperties", "properties"];

/// The origin of the registry schemas.
pub struct Origin {
    pub name: String,
    pub version: String,
    pub date: String,
}

/// Returns all types of all regions, from the cfn-lint package.
pub fn from_cfn_lint(package: &mut Package, files: &mut Files) -> Result<Origin> {
    let mut hashes = BTreeMap::new();
    for region in regions_of(package) {
        for (name, hash) in types_of(package, &region)? {
            hashes.insert(name, hash);
        }
    }
    for (name, hash) in &hashes {
        let schema = package.json(&format!("{DATA}/resources/{hash}.json"))?;
        add(name, &schema, files)?;
    }
    let date =
        package.json(&format!("{DATA}/version.json"))?["schema_date"].as_str().unwrap_or_default().to_owned();
    Ok(Origin { name: "PyPI cfn-lint".into(), version: super::CFN_LINT.into(), date })
}

/// Returns all types of AWS's published archive of registry schemas.
pub fn from_archive(path: &Path, files: &mut Files) -> Result<Origin> {
    let mut texts = Vec::new();
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                texts.push((file.display().to_string(), fs::read_to_string(&file)?));
            }
        }
    } else {
        let mut archive =
            ZipArchive::new(File::open(path).map_err(|error| format!("{}: {error}", path.display()))?)?;
        for index in 0..archive.len() {
            let mut file = archive.by_index(index)?;
            let name = file.name().to_owned();
            if name.ends_with(".json") {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                texts.push((name, text));
            }
        }
    }
    if texts.is_empty() {
        return Err(format!("{} holds no registry schema (*.json)", path.display()).into());
    }
    for (file, text) in &texts {
        let schema: Value = serde_json::from_str(text).map_err(|error| format!("{file}: {error}"))?;
        let name = schema["typeName"].as_str().ok_or_else(|| format!("{file} has no typeName"))?.to_owned();
        add(&name, &schema, files)?;
    }
    Ok(Origin {
        name: "AWS CloudFormation registry schema archive".into(),
        version: "unversioned".into(),
        date: "as downloaded".into(),
    })
}

fn add(name: &str, schema: &Value, files: &mut Files) -> Result<()> {
    let path: PathBuf = ["schemas/data/registry"].into_iter().chain(name.split("::")).collect();
    files.insert(path.with_extension("json"), pretty(&without_prose(schema, false))?);
    Ok(())
}

fn without_prose(value: &Value, names: bool) -> Value {
    match value {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (key, value) in map {
                // A keyword whose value is a string; an object under the same name is a schema.
                if !names && PROSE.contains(&key.as_str()) {
                    continue;
                }
                kept.insert(key.clone(), without_prose(value, !names && NAMED.contains(&key.as_str())));
            }
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| without_prose(item, false)).collect()),
        other => other.clone(),
    }
}

/// Returns the types of each region (one line per type), and the instance types that each service offers there.
///
/// For regions that publish no schemas, the package contains a copy of us-east-1. These regions stay unknown.
pub fn regions(package: &mut Package, files: &mut Files) -> Result<()> {
    let everywhere: BTreeSet<String> = types_of(package, "us-east-1")?.into_keys().collect();
    for region in regions_of(package) {
        let types: BTreeSet<String> = types_of(package, &region)?.into_keys().collect();
        if types == everywhere && region != "us-east-1" {
            continue;
        }
        let mut text = String::new();
        for name in types {
            text.push_str(&name);
            text.push('\n');
        }
        files.insert(format!("schemas/data/regions/{region}.txt").into(), text);
    }
    for (service, extension) in [
        ("cluster", "aws_sagemaker_cluster"),
        ("ec2", "aws_ec2_instance"),
        ("hosting", "aws_sagemaker_hosting"),
        ("processing", "aws_sagemaker_processing"),
        ("transform", "aws_sagemaker_transform"),
    ] {
        let by_region = package.json(&format!("{DATA}/extensions/{extension}/instancetype_enum.json"))?;
        let flat: Map<String, Value> = by_region
            .as_object()
            .ok_or("instance types are not by region")?
            .iter()
            // The package has no list for the region: its instance types are unknown.
            .filter(|(_, list)| list["enum"].is_array())
            .map(|(region, list)| (region.clone(), list["enum"].clone()))
            .collect();
        files.insert(
            format!("schemas/data/instance-types/{service}.json").into(),
            pretty(&Value::Object(flat))?,
        );
    }
    Ok(())
}

fn regions_of(package: &Package) -> Vec<String> {
    let prefix = format!("{DATA}/providers/");
    let mut regions: Vec<String> = package
        .names()
        .iter()
        .filter_map(|name| name.strip_prefix(&prefix)?.strip_suffix(".json"))
        // The types of the serverless transform exist in templates only.
        .filter(|region| *region != "sam")
        .map(str::to_owned)
        .collect();
    regions.sort();
    regions
}

fn types_of(package: &mut Package, region: &str) -> Result<BTreeMap<String, String>> {
    Ok(serde_json::from_value(package.json(&format!("{DATA}/providers/{region}.json"))?)?)
}

/// Returns the attributes that `Fn::GetAtt` returns in addition to the read-only properties of a schema, as the
/// package lists them: types whose properties all are attributes, and types with named attributes.
pub fn attributes(package: &mut Package, files: &mut Files) -> Result<()> {
    // The package contains them as two Python literals. Python's `ast.literal_eval` parses them without running code.
    const READ: &str = "import ast, json, sys\n\
        found = {}\n\
        for node in ast.parse(sys.argv[1]).body:\n    \
            name = getattr((getattr(node, 'targets', None) or [None])[0], 'id', None)\n    \
            if name in ('_all_property_types', '_exceptions'):\n        \
                found[name] = ast.literal_eval(node.value)\n\
        print(json.dumps(found))";
    let source = package.text("cfnlint/schema/_getatts.py")?;
    let output = Command::new("python3").args(["-c", READ, &source]).output()?;
    let found: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("attributes: {error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let (every, named) = (&found["_all_property_types"], &found["_exceptions"]);
    if !every.is_array() || !named.is_object() {
        return Err("the package no longer lists attributes where it did".into());
    }
    let document = serde_json::json!({ "named": named, "one_for_each_property": every });
    files.insert("schemas/data/attributes.json".into(), pretty(&document)?);
    Ok(())
}
