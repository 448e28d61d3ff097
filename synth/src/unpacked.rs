//! Directories whose files are uploaded one by one, for services that read all objects below a prefix in S3 instead
//! of an archive.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::asset::{Asset, Content, Entry, Failure, PackedAsset, sha256};
use crate::construct::{Construct, Scope};
use crate::error::ErrorKind;
use crate::value::{Expression, Value};

/// A directory whose files are uploaded to S3 one by one below a common prefix, which is the hash of all of them. If the
/// content changes, the prefix and therefore the template change.
///
/// [`Asset::unpacked`] creates it from a directory or an archive of named files. It does not contain files that the
/// asset excludes.
///
/// ```
/// use stackwright_synth::{App, Asset};
///
/// let app = App::new("cluster");
/// let stack = app.stack("Nodes");
/// let scripts = Asset::archive().file("on_create.sh", "#!/bin/bash\n").unpacked();
/// let scripts = stack.add("Scripts", scripts);
/// let uri = scripts.s3_uri(); // s3://BUCKET/HASH
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct UnpackedAsset(pub(crate) Asset);

impl UnpackedAsset {
    fn pack(&self) -> Result<(String, Vec<PackedAsset>), Failure> {
        let mut files = Vec::new();
        let mut listing = String::new();
        for (name, entry) in self.0.entries()? {
            let at = |error| (name.clone().into(), error);
            let content = match entry {
                Entry::Text(text) => text.as_bytes().to_vec(),
                Entry::File(path) => fs::read(&path).map_err(|error| (path, error))?,
            };
            let hash = sha256(&content);
            listing.push_str(&format!("{hash} {name}\n"));
            let mut file = NamedTempFile::new().map_err(at)?;
            file.write_all(&content).map_err(at)?;
            files.push((name, Content::Packed(Arc::new(file))));
        }
        let prefix = sha256(&listing);
        let files = files
            .into_iter()
            .map(|(name, content)| {
                let object_key = format!("{prefix}/{name}");
                // The manifest lists assets by hash, and two files of a stack may have the same content.
                PackedAsset { hash: sha256(&object_key), object_key, content }
            })
            .collect();
        Ok((prefix, files))
    }
}

impl Construct for UnpackedAsset {
    type Handle = UnpackedAssetHandle;

    fn build(self, scope: &mut Scope<'_>) -> UnpackedAssetHandle {
        let (prefix, files) = match self.pack() {
            Ok(packed) => packed,
            Err((path, error)) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                let kind = ErrorKind::Asset { path: name, reason: error.to_string() };
                scope.stack().report_at(scope.id(), kind, scope.location(), None);
                return UnpackedAssetHandle { prefix: String::new() };
            }
        };
        for file in files {
            scope.stack().insert_asset(file);
        }
        self.0.insert_documents(scope);
        UnpackedAssetHandle { prefix }
    }
}

/// An [`UnpackedAsset`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct UnpackedAssetHandle {
    prefix: String,
}

impl UnpackedAssetHandle {
    /// Returns the name of the bucket that contains the app's assets.
    pub fn bucket(&self) -> Value<String> {
        Value::from_expression(Expression::AssetBucket)
    }

    /// Returns the common prefix of the keys, a hash of 64 hexadecimal digits, without a slash at its end. It is empty
    /// if the files could not be read, which is an error of [`App::synth`](crate::App::synth).
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the URI of the prefix, `s3://BUCKET/PREFIX`, without a slash at its end.
    pub fn s3_uri(&self) -> Value<String> {
        crate::sub!("s3://{}/{}", self.bucket(), self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use crate::{App, Asset};

    #[test]
    fn every_file_is_an_asset_of_its_own_below_the_hash_of_all() {
        let synth = |greeting: &str| {
            let app = App::new("cluster");
            let stack = app.stack("Nodes");
            let scripts = Asset::archive().file("a.sh", greeting).file("b/c.sh", greeting).unpacked();
            stack.add("Scripts", scripts);
            app.synth().unwrap()
        };
        let keys = |greeting: &str| -> Vec<String> {
            synth(greeting).stacks[0].assets.iter().map(|asset| asset.object_key.clone()).collect()
        };
        let one = keys("hello");
        let prefix = one[0].split('/').next().unwrap().to_owned();
        assert_eq!(one, [format!("{prefix}/a.sh"), format!("{prefix}/b/c.sh")]);
        assert_eq!(keys("hello"), one);
        assert!(!keys("bye")[0].starts_with(&prefix));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("assembly");
        synth("hello").write(&path).unwrap();
        let read = crate::Assembly::read(&path).unwrap();
        assert_eq!(read.stacks[0].assets.len(), 2, "the same content twice is uploaded twice");
        for asset in &read.stacks[0].assets {
            assert_eq!(std::fs::read_to_string(&asset.path).unwrap(), "hello");
        }
    }
}
