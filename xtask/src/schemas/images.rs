//! Container images: repositories, registry accounts by region, and versions, from the tables of the SageMaker Python
//! SDK.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Files, Package, pretty};
use crate::Result;

/// A family of images: its table, the scope in it, the repository to keep (older versions are in other repositories),
/// and how `image_uris` of the SDK builds a tag from the fields of a version.
struct Family {
    name: &'static str,
    table: &'static str,
    scope: Option<&'static str>,
    repository: &'static str,
    tag: &'static str,
}

const FAMILIES: [Family; 8] = [
    Family {
        name: "pytorch-training",
        table: "pytorch",
        scope: Some("training"),
        repository: "pytorch-training",
        tag: "{version}-{processor}-{py_version}",
    },
    Family {
        name: "pytorch-inference",
        table: "pytorch",
        scope: Some("inference"),
        repository: "pytorch-inference",
        tag: "{version}-{processor}-{py_version}",
    },
    Family {
        name: "smp",
        table: "pytorch-smp",
        scope: Some("training"),
        repository: "smdistributed-modelparallel",
        tag: "{version}-gpu-{py_version}-{cuda}",
    },
    Family {
        name: "djl-lmi",
        table: "djl-lmi",
        scope: None,
        repository: "djl-inference",
        tag: "{tag_prefix}",
    },
    Family {
        name: "djl-tensorrtllm",
        table: "djl-tensorrtllm",
        scope: None,
        repository: "djl-inference",
        tag: "{tag_prefix}",
    },
    Family {
        name: "djl-neuronx",
        table: "djl-neuronx",
        scope: None,
        repository: "djl-inference",
        tag: "{tag_prefix}",
    },
    Family {
        name: "tritonserver",
        table: "sagemaker-tritonserver",
        scope: None,
        repository: "sagemaker-tritonserver",
        tag: "{tag_prefix}{cpu_suffix}",
    },
    Family {
        name: "huggingface-tgi",
        table: "huggingface-llm",
        scope: Some("inference"),
        repository: "huggingface-pytorch-tgi-inference",
        tag: "{tag_prefix}-gpu-{py_version}-{container_version}",
    },
];

pub fn tables(package: &mut Package, files: &mut Files) -> Result<()> {
    let mut families = Map::new();
    for family in FAMILIES {
        let table = package.json(&format!("sagemaker/image_uri_config/{}.json", family.table))?;
        let scope = family.scope.map_or(&table, |scope| &table[scope]);
        let versions =
            scope["versions"].as_object().ok_or_else(|| format!("{} lists no versions", family.table))?;
        let of_repository: Vec<_> =
            versions.iter().filter(|(_, fields)| fields["repository"] == family.repository).collect();
        let mut registries: BTreeMap<&str, &str> = BTreeMap::new();
        for (_, fields) in &of_repository {
            for (region, account) in fields["registries"].as_object().into_iter().flatten() {
                let account = account.as_str().unwrap_or_default();
                // The data assumes that one account per region serves all versions of a family; a table that differs
                // must be handled explicitly.
                if let Some(other) = registries.insert(region, account)
                    && other != account
                {
                    return Err(
                        format!("{}: {region} has accounts {other} and {account}", family.name).into()
                    );
                }
            }
        }
        let mut kept = Map::new();
        for (version, fields) in of_repository {
            let mut entry = Map::new();
            for field in ["container_version", "py_versions", "tag_prefix"] {
                if let Some(value) = fields.get(field) {
                    entry.insert(field.into(), value.clone());
                }
            }
            let absent: Vec<_> =
                registries.keys().filter(|region| fields["registries"].get(region).is_none()).collect();
            if !absent.is_empty() {
                entry.insert("not_in".into(), json!(absent));
            }
            kept.insert(version.clone(), Value::Object(entry));
        }
        if kept.is_empty() {
            return Err(
                format!("{}: no version lies in the repository {}", family.name, family.repository).into()
            );
        }
        let aliases: Map<String, Value> = scope["version_aliases"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, version)| version.as_str().is_some_and(|version| kept.contains_key(version)))
            .map(|(alias, version)| (alias.clone(), version.clone()))
            .collect();
        families.insert(
            family.name.into(),
            json!({
                "aliases": aliases,
                "processors": scope.get("processors").or(table.get("processors")).cloned().unwrap_or(json!(["gpu"])),
                "registries": registries,
                "repository": family.repository,
                "tag": family.tag,
                "versions": kept,
            }),
        );
    }
    files.insert("schemas/data/images.json".into(), pretty(&Value::Object(families))?);
    Ok(())
}
