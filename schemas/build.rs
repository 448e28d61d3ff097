//! Packs the registry: schemas minified and compressed a service at a time, and an index by type name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

fn main() {
    let data = Path::new("data");
    println!("cargo::rerun-if-changed=data");
    println!("cargo::rerun-if-changed=patches");
    println!("cargo::rerun-if-changed=facts/iam_actions.txt");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));

    let regions = regions(&data.join("regions"));
    assert!(regions.len() <= 128, "a type has one bit for each region");
    let mut packed = Vec::new();
    let mut services = String::new();
    let mut types = String::new();
    for (service, directory) in services_of(&data.join("registry")) {
        let mut raw = Vec::new();
        let start = packed.len();
        for (name, file) in types_of(&service, &directory) {
            let offset = raw.len();
            raw.extend(minified(&fs::read_to_string(file).expect("a schema is text")));
            let present = regions.iter().enumerate().filter(|(_, (_, types))| types.contains(&name));
            let bits: u128 = present.map(|(index, _)| 1 << index).sum();
            let service = services.lines().count();
            writeln!(types, "({name:?}, {service}, {offset}, {}, {bits}),", raw.len())
                .expect("writing to a string");
        }
        let mut encoder = DeflateEncoder::new(&mut packed, Compression::best());
        encoder.write_all(&raw).expect("writing to memory");
        encoder.finish().expect("writing to memory");
        writeln!(services, "({start}, {}, {}),", packed.len(), raw.len()).expect("writing to a string");
    }
    let names: Vec<_> = regions.keys().map(String::as_str).collect();
    let mut patches = String::new();
    for file in entries(Path::new("patches")) {
        let text = fs::read_to_string(&file).expect("a patch is text");
        writeln!(patches, "({:?}, {text:?}),", stem(&file).replace('-', "::")).expect("writing to a string");
    }
    // Types are found by binary search, so the order is by name, not by service.
    let mut sorted: Vec<_> = types.lines().collect();
    sorted.sort_unstable();
    let index = format!(
        "pub(super) static REGIONS: &[&str] = &{names:?};\npub(super) static SERVICES: &[(usize, usize, usize)] = &[\n{services}];\n\
         pub(super) static TYPES: &[(&str, u16, u32, u32, u128)] = &[\n{}\n];\n\
         pub(super) static PATCHES: &[(&str, &str)] = &[\n{patches}];\n",
        sorted.join("\n")
    );
    let actions = fs::read("facts/iam_actions.txt").expect("the actions of IAM are a text");
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&actions).expect("writing to memory");
    fs::write(out.join("iam_actions.bin"), encoder.finish().expect("writing to memory"))
        .expect("OUT_DIR is writable");
    fs::write(out.join("registry.bin"), packed).expect("OUT_DIR is writable");
    fs::write(out.join("registry.rs"), index).expect("OUT_DIR is writable");
}

/// `AWS::Service` and its directory, in order.
fn services_of(registry: &Path) -> BTreeMap<String, PathBuf> {
    let mut services = BTreeMap::new();
    for vendor in entries(registry) {
        for service in entries(&vendor) {
            services.insert(format!("{}::{}", stem(&vendor), stem(&service)), service);
        }
    }
    services
}

fn types_of(service: &str, directory: &Path) -> BTreeMap<String, PathBuf> {
    entries(directory).into_iter().map(|file| (format!("{service}::{}", stem(&file)), file)).collect()
}

/// The region names and the types each has.
fn regions(directory: &Path) -> BTreeMap<String, std::collections::BTreeSet<String>> {
    let read = |file: &Path| {
        fs::read_to_string(file).expect("a region is text").lines().map(str::to_owned).collect()
    };
    entries(directory).into_iter().map(|file| (stem(&file), read(&file))).collect()
}

/// Without the white space that makes the committed form readable; no string of it spans lines.
fn minified(text: &str) -> Vec<u8> {
    text.lines().map(str::trim_start).collect::<String>().into_bytes()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("a readable directory").path())
        .collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
