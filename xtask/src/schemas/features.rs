//! The Cargo features, one per service, of the crates that generate and forward typed resources.

use std::collections::BTreeSet;
use std::fs;

use toml_edit::{Array, DocumentMut, value};

use super::Files;
use crate::{Result, root};

/// Writes the features of `resources/`, and the features of `stacks/` and `cli/` that forward them.
pub fn manifests(files: &mut Files) -> Result<()> {
    let services: BTreeSet<String> = files
        .keys()
        .filter_map(|path| path.strip_prefix("schemas/data/registry/AWS").ok()?.parent()?.to_str())
        .map(str::to_lowercase)
        .collect();
    manifest("resources/Cargo.toml", &services, |_| Vec::new(), files)?;
    manifest("cli/Cargo.toml", &services, |service| vec![format!("stackwright-resources/{service}")], files)
}

/// Writes a feature per service to a manifest, and leaves the rest of the manifest unchanged.
fn manifest(
    path: &str,
    services: &BTreeSet<String>,
    enables: impl Fn(&str) -> Vec<String>,
    files: &mut Files,
) -> Result<()> {
    let mut document: DocumentMut = fs::read_to_string(root().join(path))?.parse()?;
    let features = document["features"].as_table_mut().ok_or_else(|| format!("{path} has no [features]"))?;
    // The generated features follow this marker key; everything above it is maintained by hand.
    let marker = "all-services";
    let own: Vec<String> =
        features.iter().map(|(name, _)| name.to_owned()).take_while(|name| name != marker).collect();
    let generated: Vec<String> =
        features.iter().map(|(name, _)| name.to_owned()).filter(|name| !own.contains(name)).collect();
    for name in generated {
        features.remove(&name);
    }
    features.insert(marker, value(services.iter().map(String::as_str).collect::<Array>()));
    for service in services {
        features.insert(service, value(enables(service).into_iter().collect::<Array>()));
    }
    files.insert(path.into(), document.to_string());
    Ok(())
}
