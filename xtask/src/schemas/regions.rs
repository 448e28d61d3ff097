//! The names of all regions.

use serde_json::Value;

use super::Files;
use crate::Result;

/// Writes the names of the regions of all partitions, sorted. `partitions` is botocore's `partitions.json`, which also lists
/// pseudo regions for global services, such as `aws-global`: these are left out.
pub fn names(partitions: &Value, files: &mut Files) -> Result<()> {
    let partitions = partitions["partitions"].as_array().ok_or("partitions.json has no partitions")?;
    let mut names = Vec::new();
    for partition in partitions {
        let regions = partition["regions"].as_object().ok_or("a partition has no regions")?;
        names.extend(regions.keys().filter(|name| !name.ends_with("-global")).cloned());
    }
    names.sort();
    files.insert("schemas/data/region-names.txt".into(), names.join("\n") + "\n");
    Ok(())
}
