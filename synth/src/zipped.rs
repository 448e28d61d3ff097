//! Directories that are packed as `.zip`, for services that do not accept `.tar.gz`, such as AWS Lambda.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use tempfile::NamedTempFile;

use crate::asset::{Asset, AssetHandle, Content, Entry, Failure, PackedAsset, is_executable, sha256};
use crate::construct::{Construct, Scope};

/// A directory, or an archive of named files, that is packed as `.zip` and uploaded to S3 before the stack is deployed.
///
/// The object key is the hash of the files, their names and whether they are executable: the same content is uploaded
/// once, and another version of the compressor does not change the key. Entries are sorted and contain neither times
/// nor owners. For a `.zip` archive that a build tool created, use an [`Asset`].
///
/// ```
/// use stackwright_synth::{App, Asset};
///
/// let app = App::new("events");
/// let stack = app.stack("Functions");
/// let code = stack.add("Code", Asset::archive().file("index.py", "def handler(event, _): return event").zipped());
/// assert!(code.key().ends_with(".zip"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ZippedAsset(pub(crate) Asset);

impl ZippedAsset {
    fn pack(&self) -> Result<PackedAsset, Failure> {
        let mut archive = Archive::default();
        let mut listing = String::new();
        for (name, entry) in self.0.entries()? {
            let (content, executable) = match entry {
                Entry::Text(text) => (text.as_bytes().to_vec(), false),
                Entry::File(path) => {
                    let at = |error| (path.clone(), error);
                    let executable = is_executable(&fs::metadata(&path).map_err(at)?);
                    (fs::read(&path).map_err(at)?, executable)
                }
            };
            listing.push_str(&format!("{} {executable} {name}\n", sha256(&content)));
            archive.add(&name, &content, executable).map_err(|error| (name.clone().into(), error))?;
        }
        let at = |error| (self.0.path().map(Into::into).unwrap_or_default(), error);
        let mut file = NamedTempFile::new().map_err(at)?;
        file.write_all(&archive.finish().map_err(at)?).map_err(at)?;
        let hash = sha256(&listing);
        let content = Content::Packed(Arc::new(file));
        Ok(PackedAsset { object_key: format!("{hash}.zip"), hash, content })
    }
}

impl Construct for ZippedAsset {
    type Handle = AssetHandle;

    fn build(self, scope: &mut Scope<'_>) -> AssetHandle {
        let handle = AssetHandle::of(self.pack(), scope);
        self.0.insert_documents(scope);
        handle
    }
}

/// Packs every file of a directory into a temporary `.zip` archive.
pub(crate) fn pack_directory(path: &Path) -> Result<Content, Failure> {
    Ok(ZippedAsset(Asset::whole(path)).pack()?.content)
}

/// Returns the checksum, the size and the permissions of each file in a `.zip` archive, by its central directory.
pub(crate) fn entries(path: &Path) -> io::Result<BTreeMap<String, String>> {
    const END: usize = 22;
    const HEADER: usize = 46;
    let file = fs::read(path)?;
    let malformed = || io::Error::other("it is not a .zip archive");
    let number = |at: usize, bytes: usize| -> io::Result<usize> {
        let read = file.get(at..at + bytes).ok_or_else(malformed)?;
        Ok(read.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let last = file.len().checked_sub(END).ok_or_else(malformed)?;
    let end = (0..=last).rev().find(|at| file[*at..].starts_with(b"PK\x05\x06")).ok_or_else(malformed)?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let mut found = BTreeMap::new();
    for _ in 0..count {
        if !file.get(at..).is_some_and(|rest| rest.starts_with(b"PK\x01\x02")) {
            return Err(malformed());
        }
        let (checksum, size, mode) = (number(at + 16, 4)?, number(at + 24, 4)?, number(at + 38, 4)?);
        let (name, extra, comment) = (number(at + 28, 2)?, number(at + 30, 2)?, number(at + 32, 2)?);
        let text = file.get(at + HEADER..at + HEADER + name).ok_or_else(malformed)?;
        let text = String::from_utf8_lossy(text).into_owned();
        found.insert(text, format!("{checksum:08x} {size} {mode:o}"));
        at += HEADER + name + extra + comment;
    }
    Ok(found)
}

/// The `.zip` file of PKWARE's specification 6.3.10 without ZIP64: sections 4.3.7, 4.3.12 and 4.3.16.
#[derive(Default)]
struct Archive {
    entries: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Archive {
    fn add(&mut self, name: &str, content: &[u8], executable: bool) -> io::Result<()> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content)?;
        let packed = encoder.finish()?;
        let mut crc = Crc::new();
        crc.update(content);
        let start = size(self.entries.len())?;
        // Version 2.0, names in UTF-8, DEFLATE, 1980-01-01 00:00.
        let mut common = Vec::new();
        for number in [20_u16, 1 << 11, 8, 0, (1 << 5) | 1] {
            common.extend(number.to_le_bytes());
        }
        for number in [crc.sum(), size(packed.len())?, size(content.len())?] {
            common.extend(number.to_le_bytes());
        }
        let name_length = u16::try_from(name.len()).map_err(|_| too_large())?;
        common.extend(name_length.to_le_bytes());
        common.extend([0; 2]);
        self.entries.extend(b"PK\x03\x04");
        self.entries.extend(&common);
        self.entries.extend(name.as_bytes());
        self.entries.extend(packed);
        let mode: u32 = if executable { 0o100_755 } else { 0o100_644 };
        self.directory.extend(b"PK\x01\x02");
        // Made on Unix, whose permissions are in the external attributes.
        self.directory.extend([20, 3]);
        self.directory.extend(common);
        self.directory.extend([0; 6]);
        self.directory.extend((mode << 16).to_le_bytes());
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count = self.count.checked_add(1).ok_or_else(too_large)?;
        Ok(())
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        let (start, length) = (size(self.entries.len())?, size(self.directory.len())?);
        let mut file = self.entries;
        file.extend(self.directory);
        file.extend(b"PK\x05\x06");
        file.extend([0; 4]);
        for number in [self.count; 2] {
            file.extend(number.to_le_bytes());
        }
        for number in [length, start] {
            file.extend(number.to_le_bytes());
        }
        file.extend([0; 2]);
        Ok(file)
    }
}

fn size(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::Error::other("a .zip archive has at most 4 GiB and 65,535 files")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn another_reader_reads_the_archive_and_equal_content_has_an_equal_key() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("lib")).unwrap();
        fs::write(directory.path().join("lib/größe.py"), "x".repeat(10_000)).unwrap();
        fs::write(directory.path().join("bootstrap"), "#!/bin/sh\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(directory.path().join("bootstrap"), mode).unwrap();
        }
        let pack = || Asset::new(directory.path()).file("index.py", "").zipped().pack().unwrap();
        let packed = pack();
        assert_eq!(packed.object_key, pack().object_key);
        let mut archive = zip::ZipArchive::new(fs::File::open(packed.content.path()).unwrap()).unwrap();
        let files: Vec<(String, usize, bool)> = (0..archive.len())
            .map(|index| {
                let mut entry = archive.by_index(index).unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                let executable = entry.unix_mode().unwrap() & 0o100 != 0;
                (entry.name().to_owned(), content.len(), executable)
            })
            .collect();
        let expected =
            [("bootstrap", 10, cfg!(unix)), ("index.py", 0, false), ("lib/größe.py", 10_000, false)];
        assert_eq!(files, expected.map(|(name, size, executable)| (name.to_owned(), size, executable)));
        fs::write(directory.path().join("bootstrap"), "#!/bin/bash\n").unwrap();
        assert_ne!(packed.object_key, pack().object_key);
    }
}
