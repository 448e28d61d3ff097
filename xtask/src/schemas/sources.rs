//! `schemas/SOURCES.json`: origin, version, date, licence and hash of every data file.

use std::fs;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::registry::Origin;
use super::{BOTOCORE, CFN_LINT, Files, MOTO, SAGEMAKER, pretty};
use crate::{Result, root};

const PATH: &str = "schemas/SOURCES.json";

/// The entry of a path: origin, version, date, licence.
fn made(registry: &Origin) -> Vec<(&'static str, Value)> {
    let entry = |origin: &str, version: &str, date: &str, licence: &str, note: &str| json!({ "origin": origin, "version": version, "date": date, "licence": licence, "note": note });
    let (apache, mit_0) = ("Apache-2.0", "MIT-0");
    vec![
        (
            "schemas/data/registry",
            entry(
                &registry.name,
                &registry.version,
                &registry.date,
                mit_0,
                "AWS CloudFormation registry schemas without descriptions; a file a type; every type of any region",
            ),
        ),
        (
            "schemas/data/attributes.json",
            entry(
                "PyPI cfn-lint",
                CFN_LINT,
                &registry.date,
                mit_0,
                "Fn::GetAtt attributes that are no read-only property",
            ),
        ),
        (
            "schemas/data/regions",
            entry(
                "PyPI cfn-lint",
                CFN_LINT,
                &registry.date,
                mit_0,
                "types by region; a region without a file is unknown",
            ),
        ),
        (
            "schemas/data/instance-types",
            entry(
                "PyPI cfn-lint",
                CFN_LINT,
                &registry.date,
                mit_0,
                "instance types that a service takes, by region",
            ),
        ),
        (
            "schemas/data/api",
            entry(
                "PyPI botocore",
                BOTOCORE,
                "2026-11-17",
                apache,
                "SageMaker 2017-07-24 request shapes as JSON Schema",
            ),
        ),
        (
            "schemas/data/region-names.txt",
            entry(
                "PyPI botocore",
                BOTOCORE,
                "2026-11-17",
                apache,
                "the regions of all partitions, without the pseudo regions of global services",
            ),
        ),
        (
            "schemas/data/instances.csv",
            entry(
                "PyPI moto (EC2 DescribeInstanceTypes output), PyPI botocore (service columns)",
                &format!("{MOTO}, {BOTOCORE}"),
                "2026-10-27",
                apache,
                "empty means unknown",
            ),
        ),
        (
            "schemas/data/images.json",
            entry("PyPI sagemaker", SAGEMAKER, "with the package", apache, "image_uri_config tables"),
        ),
    ]
}

/// Records the generated files, and updates the hashes of the facts that are maintained by hand.
pub fn record(registry: &Origin, files: &mut Files) -> Result<()> {
    let old: Value = match fs::read_to_string(root().join(PATH)) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => json!({}),
    };
    let mut sources = Map::new();
    for (path, mut entry) in made(registry) {
        let mut hash = Sha256::new();
        for (file, text) in files.range(std::path::PathBuf::from(path)..) {
            if !file.starts_with(path) {
                break;
            }
            hash.update(file.to_string_lossy().as_bytes());
            hash.update(text.as_bytes());
        }
        entry["sha256"] = hex(&hash.finalize()).into();
        sources.insert(path.into(), entry);
    }
    for directory in ["schemas/facts", "schemas/patches"] {
        let mut kept: Vec<_> = fs::read_dir(root().join(directory))?.collect::<std::io::Result<_>>()?;
        kept.sort_by_key(|entry| entry.file_name());
        for file in kept {
            let path = format!("{directory}/{}", file.file_name().to_string_lossy());
            let mut entry = old[&path].clone();
            if !entry["origin"].is_string() || !entry["date"].is_string() {
                return Err(
                    format!("{PATH}: {path} needs an entry with origin, version, date and licence").into()
                );
            }
            entry["sha256"] = hex(&Sha256::digest(fs::read(file.path())?)).into();
            sources.insert(path, entry);
        }
    }
    files.insert(PATH.into(), pretty(&Value::Object(sources))?);
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
