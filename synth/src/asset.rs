//! Assets: files and directories that are uploaded to S3 under a key that is derived from their content.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::construct::{Construct, Scope};
use crate::error::ErrorKind;
use crate::unpacked::UnpackedAsset;
use crate::value::{Expression, Value};
use crate::zipped::ZippedAsset;

/// Names of files that tools create automatically. They are never packed.
const LEFT_OUT: [&str; 3] = [".DS_Store", ".git", "__pycache__"];

/// An asset: a file, or a directory that is packed as `.tar.gz`, that is uploaded to S3 before the stack is deployed.
///
/// The object key is the hash of the content: the same content is uploaded once, and changed content changes the
/// template. Packing is reproducible: entries are sorted and contain neither times nor owners. Files and directories with the
/// names `.DS_Store`, `.git` and `__pycache__` are left out. A path that cannot be read, or a directory with a link, is an error
/// of synthesis.
///
/// ```no_run
/// use stackwright_synth::{App, asset, sub};
///
/// let app = App::new("vision");
/// let stack = app.stack("Training");
/// // The path is relative to the crate of the program.
/// let source = stack.add("Source", asset!("training"));
/// let uri = source.s3_uri();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Asset {
    /// The file or directory. An archive can consist of added files only.
    path: Option<PathBuf>,
    left_out: Vec<String>,
    added: Vec<(String, Added)>,
}

/// A file that is added to an archive.
#[derive(Clone, Debug)]
enum Added {
    Text(String),
    /// A file, or a directory with all its files.
    Copy(PathBuf),
}

/// Creates an [`Asset`] from a path, a string literal, that is relative to the directory with the `Cargo.toml` of the crate that
/// contains the call.
#[macro_export]
macro_rules! asset {
    ($path:literal) => {
        $crate::Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
    };
}

impl Asset {
    /// Creates an asset from a file or a directory. A relative path is relative to the working directory of the program; use
    /// [`asset!`](crate::asset) for a path that is relative to the crate.
    ///
    /// ```
    /// use stackwright_synth::{App, Asset};
    ///
    /// let stack = App::new("vision").stack("Training");
    /// let source = stack.add("Source", Asset::new("/home/ada/vision/training").leave_out("notebooks"));
    /// ```
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: Some(path.into()), ..Self::archive() }
    }

    /// Creates an empty `.tar.gz` archive, to which [`file`](Self::file) and [`copy`](Self::copy) add files.
    pub fn archive() -> Self {
        Self { path: None, left_out: LEFT_OUT.map(str::to_owned).into(), added: Vec::new() }
    }

    /// Adds a file with a name, such as `config/settings.json`, and a content to the archive. It replaces a file of the same
    /// name. An asset that is a single file accepts no further files: it is then an error of synthesis.
    pub fn file(mut self, name: impl Into<String>, content: impl Into<String>) -> Self {
        self.added.push((name.into(), Added::Text(content.into())));
        self
    }

    /// Adds a file, or a directory with all its files, by its path, to the archive under a name. An asset that is a single file
    /// accepts no further files: it is then an error of synthesis.
    pub fn copy(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.added.push((name.into(), Added::Copy(path.into())));
        self
    }

    /// Creates an asset from a directory with every file in it.
    pub(crate) fn whole(path: &Path) -> Self {
        Self { path: Some(path.to_owned()), left_out: Vec::new(), added: Vec::new() }
    }

    /// Returns the path of the file or directory, or `None` for an asset of [`archive`](Self::archive).
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns an asset whose files are uploaded one by one below a common prefix, for services that read all objects below a
    /// prefix in S3 instead of an archive.
    pub fn unpacked(self) -> UnpackedAsset {
        UnpackedAsset(self)
    }

    /// Returns an asset that is packed as `.zip` instead of `.tar.gz`, for AWS Lambda.
    pub fn zipped(self) -> ZippedAsset {
        ZippedAsset(self)
    }

    /// Excludes files and directories with this name, in every directory of the asset, in addition to `.DS_Store`, `.git` and
    /// `__pycache__`.
    pub fn leave_out(mut self, name: impl Into<String>) -> Self {
        self.left_out.push(name.into());
        self
    }
}

/// The content of an asset, ready to be copied into an assembly.
#[derive(Clone, Debug)]
pub(crate) struct PackedAsset {
    pub object_key: String,
    pub hash: String,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// The original file of the user.
    File(PathBuf),
    /// A packed directory: a temporary file that is deleted with the app.
    Packed(Arc<NamedTempFile>),
}

impl Content {
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Packed(file) => file.path(),
        }
    }
}

impl Construct for Asset {
    type Handle = AssetHandle;

    fn build(self, scope: &mut Scope<'_>) -> AssetHandle {
        let handle = AssetHandle::of(self.pack(), scope);
        self.insert_documents(scope);
        handle
    }
}

/// An [`Asset`] that was added to a stack: the location in S3 to which it is uploaded.
#[derive(Clone, Debug)]
pub struct AssetHandle {
    object_key: String,
    hash: String,
}

impl AssetHandle {
    /// Adds a packed asset to the stack of a scope, or reports why it cannot be packed.
    pub(crate) fn of(packed: Result<PackedAsset, Failure>, scope: &Scope<'_>) -> Self {
        match packed {
            Ok(packed) => {
                let handle = Self { object_key: packed.object_key.clone(), hash: packed.hash.clone() };
                scope.stack().insert_asset(packed);
                handle
            }
            Err((path, error)) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                let kind = ErrorKind::Asset { reason: reason(&path, &name, &error), path: name };
                scope.stack().report_at(scope.id(), kind, scope.location(), None);
                Self { object_key: String::new(), hash: String::new() }
            }
        }
    }

    /// Returns the name of the S3 bucket for assets.
    pub fn bucket(&self) -> Value<String> {
        Value::from_expression(Expression::AssetBucket)
    }

    /// Returns the object key, which is the hash of the content with the ending of the file, such as `….tar.gz`.
    pub fn key(&self) -> &str {
        &self.object_key
    }

    /// Returns the URI of the object, `s3://BUCKET/KEY`.
    pub fn s3_uri(&self) -> Value<String> {
        crate::sub!("s3://{}/{}", self.bucket(), self.key())
    }

    /// Returns the SHA-256 of the content, as 64 hexadecimal digits. For an archive, it is the hash before compression.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

pub(crate) type Failure = (PathBuf, io::Error);

/// Explains an error of the operating system. For a missing file, it names the directory and a file with a similar name.
fn reason(path: &Path, name: &str, error: &io::Error) -> String {
    let Some(directory) = path.parent().filter(|_| error.kind() == io::ErrorKind::NotFound) else {
        return error.to_string();
    };
    let missing = format!("{} does not have it", directory.display());
    let names: Vec<String> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    match stackwright_schemas::nearest(name, names.iter().map(String::as_str)) {
        Some(similar) => format!("{missing}; it has `{similar}`"),
        None => missing,
    }
}

impl Asset {
    /// Adds readable copies of the text files in the archive to the assembly, for reviewers.
    pub(crate) fn insert_documents(self, scope: &Scope<'_>) {
        for (name, added) in self.added {
            if let Added::Text(text) = added
                && !text.is_empty()
            {
                scope.stack().insert_document(format!("{}.{name}", scope.id()), text);
            }
        }
    }

    fn pack(&self) -> Result<PackedAsset, Failure> {
        match &self.path {
            Some(path) if !fs::metadata(path).map_err(|error| (path.clone(), error))?.is_dir() => {
                self.take_file(path)
            }
            _ => self.pack_archive(),
        }
    }

    fn take_file(&self, path: &Path) -> Result<PackedAsset, Failure> {
        let at = |error| (path.to_owned(), error);
        if !self.added.is_empty() {
            return Err(at(io::Error::other("it is a file, so no other file can be added beside it")));
        }
        let mut hashing = Hashing { inner: io::sink(), hash: Sha256::new() };
        io::copy(&mut File::open(path).map_err(at)?, &mut hashing).map_err(at)?;
        let hash = hex(&hashing.hash.finalize());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // `model.tar.gz` keeps both extensions, because SageMaker evaluates them.
        let ending = name.trim_start_matches('.').find('.').map_or("", |dot| &name[dot..]);
        let content = Content::File(path.to_owned());
        Ok(PackedAsset { object_key: format!("{hash}{ending}"), hash, content })
    }

    fn pack_archive(&self) -> Result<PackedAsset, Failure> {
        let at = |error| (self.path.clone().unwrap_or_default(), error);
        let file = NamedTempFile::new().map_err(at)?;
        let (gzip, hash) = self.write_archive(GzEncoder::new(file, Compression::default()))?;
        let file = gzip.finish().map_err(at)?;
        let content = Content::Packed(Arc::new(file));
        Ok(PackedAsset { object_key: format!("{hash}.tar.gz"), hash, content })
    }

    /// Returns the entries of the archive by name.
    pub(crate) fn entries(&self) -> Result<BTreeMap<String, Entry<'_>>, Failure> {
        let mut entries = BTreeMap::new();
        let mut put = |prefix: &str, directory: &Path| -> Result<(), Failure> {
            for (name, path) in files_of(directory, &self.left_out)? {
                entries.insert(format!("{prefix}{name}"), Entry::File(path));
            }
            Ok(())
        };
        if let Some(directory) = &self.path {
            put("", directory)?;
        }
        for (name, added) in &self.added {
            if let Added::Copy(path) = added
                && path.is_dir()
            {
                put(&format!("{name}/"), path)?;
            }
        }
        for (name, added) in &self.added {
            match added {
                Added::Text(text) => entries.insert(name.clone(), Entry::Text(text)),
                Added::Copy(path) if !path.is_dir() => {
                    entries.insert(name.clone(), Entry::File(path.clone()))
                }
                Added::Copy(_) => None,
            };
        }
        Ok(entries)
    }

    /// Writes the tar archive and returns its hash. The hash is computed before compression, so that another version
    /// of the compressor results in the same key.
    fn write_archive<W: Write>(&self, writer: W) -> Result<(W, String), Failure> {
        let at = |error| (self.path.clone().unwrap_or_default(), error);
        let mut archive = tar::Builder::new(Hashing { inner: writer, hash: Sha256::new() });
        for (name, entry) in self.entries()? {
            match entry {
                Entry::Text(text) => {
                    let mut header = header(text.len() as u64, false);
                    archive.append_data(&mut header, &name, text.as_bytes()).map_err(at)?;
                }
                Entry::File(file) => {
                    let at = |error| (file.clone(), error);
                    let content = File::open(&file).map_err(at)?;
                    let metadata = content.metadata().map_err(at)?;
                    let mut header = header(metadata.len(), is_executable(&metadata));
                    archive.append_data(&mut header, &name, content.take(metadata.len())).map_err(at)?;
                }
            }
        }
        let hashing = archive.into_inner().map_err(at)?;
        Ok((hashing.inner, hex(&hashing.hash.finalize())))
    }
}

/// The content of an archive entry.
pub(crate) enum Entry<'a> {
    File(PathBuf),
    Text(&'a str),
}

/// Returns a hash of the content and the permissions of each file in an archive.
pub(crate) fn archive_entries(path: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(path)?));
    let mut found = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mode = entry.header().mode()?;
        let mut hashing = Hashing { inner: io::sink(), hash: Sha256::new() };
        io::copy(&mut entry, &mut hashing)?;
        found.insert(name, format!("{mode:o} {}", hex(&hashing.hash.finalize())));
    }
    Ok(found)
}

/// Returns a hash of the content and the permissions of each file in a directory.
pub(crate) fn directory_entries(path: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (name, path) in files_of(path, &[]).map_err(|(_, error)| error)? {
        let mut file = File::open(&path)?;
        let executable = is_executable(&file.metadata()?);
        let mut hashing = Hashing { inner: io::sink(), hash: Sha256::new() };
        io::copy(&mut file, &mut hashing)?;
        found.insert(name, format!("{executable} {}", hex(&hashing.hash.finalize())));
    }
    Ok(found)
}

/// Creates a header without owner and time, so that packing is reproducible.
fn header(size: u64, executable: bool) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Returns every file below a directory by its name in the archive.
fn files_of(directory: &Path, left_out: &[String]) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut found = Vec::new();
    let mut directories = vec![(String::new(), directory.to_owned())];
    while let Some((prefix, directory)) = directories.pop() {
        let at = |error| (directory.clone(), error);
        for entry in fs::read_dir(&directory).map_err(at)? {
            let entry = entry.map_err(at)?;
            let path = entry.path();
            let refuse = |reason: &str| (path.clone(), io::Error::other(reason.to_owned()));
            let Ok(name) = entry.file_name().into_string() else {
                return Err(refuse("its name is not UTF-8"));
            };
            if left_out.contains(&name) {
                continue;
            }
            let name = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(at)?;
            if kind.is_dir() {
                directories.push((format!("{name}/"), path));
            } else if kind.is_file() {
                found.push((name, path));
            } else {
                return Err(refuse("it is a link or a device: use a regular file, or leave it out"));
            }
        }
    }
    Ok(found)
}

#[cfg(unix)]
pub(crate) fn is_executable(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
pub(crate) fn is_executable(_: &fs::Metadata) -> bool {
    false
}

/// A writer that computes the hash of the bytes that are written.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Returns the SHA-256 of bytes as 64 hexadecimal digits.
pub fn sha256(content: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(content))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    #[test]
    fn a_directory_packs_to_the_same_bytes_whenever_and_in_whatever_order_it_was_made() {
        let one = directory(&[("train.py", "print(1)"), ("lib/a.py", "a"), ("__pycache__/x.pyc", "1")]);
        let other = directory(&[("lib/a.py", "a"), ("train.py", "print(1)"), ("__pycache__/x.pyc", "2")]);
        let pack = |directory: &tempfile::TempDir| {
            let packed = Asset::new(directory.path()).pack().unwrap();
            (packed.object_key, fs::read(packed.content.path()).unwrap())
        };
        assert_eq!(pack(&one), pack(&other));
        fs::write(other.path().join("train.py"), "print(2)").unwrap();
        assert_ne!(pack(&one).0, pack(&other).0);
    }

    #[test]
    fn the_archive_holds_the_files_in_order() {
        let directory = directory(&[("b.txt", "bee"), ("sub/a.txt", "ay")]);
        let packed = Asset::new(directory.path()).file("a.json", "{}").pack().unwrap();
        let gzip = flate2::read::GzDecoder::new(File::open(packed.content.path()).unwrap());
        let mut archive = tar::Archive::new(gzip);
        let files: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0));
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                (entry.path().unwrap().display().to_string(), text)
            })
            .collect();
        let expected = [("a.json", "{}"), ("b.txt", "bee"), ("sub/a.txt", "ay")];
        assert_eq!(files, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_file_keeps_its_endings_and_a_link_is_refused() {
        let directory = directory(&[("model.tar.gz", "x"), ("plain", "y")]);
        let pack = |name: &str| Asset::new(directory.path().join(name)).pack();
        assert!(pack("model.tar.gz").unwrap().object_key.ends_with(".tar.gz"));
        assert!(!pack("plain").unwrap().object_key.contains('.'));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("plain", directory.path().join("link")).unwrap();
            let (path, error) = Asset::new(directory.path()).pack().unwrap_err();
            assert!(path.ends_with("link") && error.to_string().contains("link"), "{error}");
        }
    }
}
