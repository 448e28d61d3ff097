//! The assets that differ, and the files in their archives that differ.

use std::collections::{BTreeMap, BTreeSet};

use stackwright_synth::{FileAsset, StackArtifact};

use super::model::{AssetChange, FileChange};

/// Returns the assets that differ. The same content has the same key.
pub(crate) fn changes(old: &StackArtifact, new: &StackArtifact) -> Vec<AssetChange> {
    if old.assets.is_empty() && new.assets.is_empty() {
        return Vec::new();
    }
    let (before, after) = (by_key(old), by_key(new));
    let mut gone: Vec<&FileAsset> =
        before.iter().filter(|(key, _)| !after.contains_key(*key)).map(|(_, asset)| *asset).collect();
    let mut found = Vec::new();
    for (key, asset) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        // A file of the same kind that is gone was probably this one.
        let same = |other: &&FileAsset| kind(&other.object_key) == kind(key);
        let partner = gone.iter().position(same).map(|at| gone.remove(at));
        found.push(AssetChange {
            before: partner.map(|partner| partner.object_key.clone()),
            after: Some((*key).to_owned()),
            files: partner.and_then(|partner| files(partner, asset)),
        });
    }
    found.extend(gone.into_iter().map(|asset| AssetChange {
        before: Some(asset.object_key.clone()),
        after: None,
        files: None,
    }));
    found
}

fn by_key(stack: &StackArtifact) -> BTreeMap<&str, &FileAsset> {
    stack.assets.iter().map(|asset| (asset.object_key.as_str(), asset)).collect()
}

/// Returns the part of an object key that identifies an asset independently of its content: the name below the hash, or the
/// extension.
fn kind(key: &str) -> Option<&str> {
    key.split_once(['/', '.']).map(|(_, kind)| kind)
}

/// Returns the files in two archives that differ; `None` where an archive is not there or is no archive.
fn files(old: &FileAsset, new: &FileAsset) -> Option<Vec<FileChange>> {
    let (before, after) = (old.archive_entries()?, new.archive_entries()?);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changes = names.into_iter().filter_map(|name| match (before.get(name), after.get(name)) {
        (None, _) => Some(FileChange::Added(name.clone())),
        (_, None) => Some(FileChange::Removed(name.clone())),
        (one, other) => (one != other).then(|| FileChange::Modified(name.clone())),
    });
    Some(changes.collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use stackwright_synth::{App, Asset};

    use crate::diff::{compare, json, markdown, text};

    #[test]
    fn files_that_differ_in_an_archive_are_listed() {
        for is_zipped in [false, true] {
            files_are_listed(is_zipped);
        }
    }

    fn files_are_listed(is_zipped: bool) {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let assembly = || {
            let app = App::new("app");
            let (stack, code) = (app.stack("Main"), Asset::new(directory.path()));
            if is_zipped {
                stack.add("Code", code.zipped());
            } else {
                stack.add("Code", code);
            }
            let assembly = app.synth().unwrap();
            // The temporary archive is read while the app exists, or from the directory that was written.
            let out = tempfile::tempdir().unwrap();
            assembly.write(out.path()).unwrap();
            (stackwright_synth::Assembly::read(out.path()).unwrap(), out)
        };
        for (name, content) in [("kept.py", "1"), ("train.py", "1"), ("old.py", "1")] {
            write(name, content);
        }
        let (old, _one) = assembly();
        write("train.py", "2");
        write("new.py", "1");
        fs::remove_file(directory.path().join("old.py")).unwrap();
        let (new, _other) = assembly();
        let found = compare(&old, &new);
        let shown = text(&found, false);
        for line in ["+ new.py", "- old.py", "~ train.py"] {
            assert!(shown.contains(line), "{shown}");
        }
        assert!(!shown.contains("kept.py"), "{shown}");
        assert!(markdown(&found).contains("`train.py`"));
        assert!(json(&found).contains("\"modified\": ["), "{}", json(&found));
        assert_eq!(compare(&old, &old).stacks, []);
    }
}
