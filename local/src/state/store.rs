//! Stores the state in a journal with one JSON record in each line. Each save appends the changes since the previous save, so
//! that its cost depends on the size of the changes and not on the size of the state. When the journal has become several times
//! as large as the state, it is replaced by one record with the whole state.
//!
//! Only the user who created the directory can read it and its files. Records that may contain secrets (values of
//! parameters with `NoEcho`, secrets, secure strings, hashes of the content of objects) and the content of objects are
//! encrypted, if an encryption key is set.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::objects::Objects;
use super::seal::Seal;
use super::{Bucket, Buckets, Object, Rest, Stack, Stacks, State};

/// The version of the journal's format.
const FORMAT: u32 = 4;

/// The oldest version that this program reads: it has no encrypted records. Version 3 has no encrypted objects.
const OLDEST_FORMAT: u32 = 2;

/// The journal is compacted when it is this many bytes long, and `GROWTH` times as long as it was after the last time.
const COMPACT_FROM: u64 = 4 * 1024 * 1024;
const GROWTH: u64 = 4;

/// The first line of a journal.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    /// The version of the program that wrote it.
    version: String,
}

/// A line of the journal: the changes of a save.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<S> {
    /// Stacks by index.
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    stacks: BTreeMap<usize, S>,
    /// Buckets by name; null for one that was deleted.
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    buckets: BTreeMap<String, Option<Bucket>>,
    /// Bucket, key and object; null for one that was deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    objects: Vec<(String, String, Option<Object>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rest: Option<Json>,
}

/// A line of the journal that is encrypted: a [`Record`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    sealed: String,
}

/// The directory that contains the state of one endpoint.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    pub objects: Objects,
    journal: File,
    /// The journal's length in bytes now, and after it was compacted.
    length: u64,
    compacted: u64,
    /// [`Rest`] as it is in the journal.
    rest: String,
    /// The lock of the directory, which is not released while the endpoint runs.
    lock: File,
    seal: Option<Seal>,
    is_closed: bool,
    /// Whether a save failed, so that the journal has to be written again as a whole.
    is_incomplete: bool,
}

impl Store {
    /// Opens a directory, and reads the state that is in it. Records with secrets are encrypted with the key in a file.
    ///
    /// # Errors
    /// Another process uses the directory, or its files cannot be read, are incomplete, have another format, or are encrypted
    /// with another key.
    pub fn open(directory: &Path, key: Option<&Path>) -> io::Result<(Self, State)> {
        create_private_directory(directory)?;
        let lock = lock(directory)?;
        if directory.join("state.json").exists() {
            return Err(invalid(format!(
                "{} was written by a version before 0.1.0 with format 1, which this version cannot read. Deploy again into \
                 another directory, or delete {}",
                directory.join("state.json").display(),
                directory.display()
            )));
        }
        let path = directory.join("state.jsonl");
        let seal = key.map(Seal::new);
        let state = match fs::read_to_string(&path) {
            Ok(text) => read(&text, &path, seal.as_ref())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        };
        let objects = Objects::open(&directory.join("objects"), seal.clone())?;
        let journal = private_file().append(true).create(true).open(&path)?;
        let mut store = Self {
            directory: directory.to_owned(),
            objects,
            journal,
            length: 0,
            compacted: 0,
            rest: String::new(),
            lock,
            seal,
            is_closed: false,
            is_incomplete: false,
        };
        store.compact(&state)?;
        store.objects.delete_unused(|file| state.uses_file(file))?;
        Ok((store, state))
    }

    /// Writes the process and the address into the lock file, so that a second process can name them.
    pub fn announce(&mut self, url: &str) -> io::Result<()> {
        fs::write(self.directory.join("lock"), format!("process {} at {url}", std::process::id()))
    }

    /// Releases the directory for another process. Nothing is saved afterwards.
    pub fn close(&mut self) {
        self.is_closed = true;
        // If the lock cannot be released, it is released when the process ends.
        let _ = self.lock.unlock();
    }

    /// Writes the changes since the last save, and then deletes the files of deleted objects.
    pub fn save(&mut self, state: &mut State) -> io::Result<()> {
        self.write(state)?;
        let released = state.buckets.take_released();
        self.objects.delete(released.into_iter().filter(|file| !state.uses_file(file)));
        Ok(())
    }

    fn write(&mut self, state: &mut State) -> io::Result<()> {
        if self.is_closed {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the endpoint has stopped"));
        }
        if self.is_incomplete {
            self.compact(state)?;
            drop((state.buckets.take_changed(), state.stacks.take_changed()));
            self.is_incomplete = false;
            return Ok(());
        }
        let (buckets, objects) = state.buckets.take_changed();
        let rest = serde_json::to_string(&state.rest)?;
        let record = Record {
            stacks: state.stacks.take_changed().collect(),
            buckets: buckets
                .into_iter()
                .map(|name| {
                    let bucket = state.buckets.get(&name).cloned();
                    (name, bucket)
                })
                .collect(),
            objects: objects
                .into_iter()
                .map(|(bucket, key)| {
                    let object = state.buckets.object(&bucket, &key).cloned();
                    (bucket, key, object)
                })
                .collect(),
            rest: (rest != self.rest).then(|| serde_json::from_str(&rest)).transpose()?,
        };
        if record.is_empty() {
            return Ok(());
        }
        let has_secrets = record.stacks.values().any(|stack| stack.has_secrets())
            || !record.objects.is_empty()
            || (record.rest.is_some() && state.rest.has_secrets());
        let line = line(&record, self.seal.as_ref().filter(|_| has_secrets))?;
        if let Err(error) = self.journal.write_all(&line) {
            // A partly written line would make the journal unreadable, and the record of the changes was lost. Therefore, the
            // next save writes the whole state.
            self.is_incomplete = true;
            return Err(error);
        }
        self.length += line.len() as u64;
        self.rest = rest;
        if self.length > COMPACT_FROM && self.length > self.compacted.saturating_mul(GROWTH) {
            self.compact(state)?;
        }
        Ok(())
    }

    /// Replaces the journal atomically by a journal that contains the whole state in one record.
    fn compact(&mut self, state: &State) -> io::Result<()> {
        let path = self.directory.join("state.jsonl");
        let header = Header { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned() };
        let record = Record {
            stacks: state.stacks.iter().enumerate().collect(),
            buckets: state.buckets.iter().map(|(name, one)| (name.clone(), Some(one.clone()))).collect(),
            objects: objects_of(&state.buckets),
            rest: Some(serde_json::to_value(&state.rest)?),
        };
        let has_secrets = state.rest.has_secrets()
            || !record.objects.is_empty()
            || state.stacks.iter().any(Stack::has_secrets);
        let mut text = serde_json::to_vec(&header)?;
        text.push(b'\n');
        text.extend(line(&record, self.seal.as_ref().filter(|_| has_secrets))?);
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&text)?;
        file.persist(&path).map_err(|error| error.error)?;
        self.journal = private_file().append(true).open(&path)?;
        self.length = text.len() as u64;
        self.compacted = self.length;
        self.rest = serde_json::to_string(&state.rest)?;
        Ok(())
    }
}

/// Returns a record as a line of the journal, encrypted if it is sealed.
fn line<S: Serialize>(record: &Record<S>, seal: Option<&Seal>) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    if let Some(seal) = seal {
        line = serde_json::to_vec(&Sealed { sealed: seal.seal(&line)? })?;
    }
    line.push(b'\n');
    Ok(line)
}

impl<S> Record<S> {
    fn is_empty(&self) -> bool {
        self.stacks.is_empty() && self.buckets.is_empty() && self.objects.is_empty() && self.rest.is_none()
    }
}

fn objects_of(buckets: &Buckets) -> Vec<(String, String, Option<Object>)> {
    let of = |(name, bucket): (&String, &Bucket)| {
        let objects = bucket.objects().iter();
        objects.map(|(key, one)| (name.clone(), key.clone(), Some(one.clone()))).collect::<Vec<_>>()
    };
    buckets.iter().flat_map(of).collect()
}

/// Reads a journal.
fn read(text: &str, path: &Path, seal: Option<&Seal>) -> io::Result<State> {
    let path = path.display();
    let again = "Delete the directory to begin with an empty state";
    let mut lines = text.split_inclusive('\n').enumerate();
    let Some((_, first)) = lines.next() else {
        return Err(invalid(format!("{path} is empty: it was not written completely. {again}")));
    };
    let header: Header = serde_json::from_str(first)
        .map_err(|error| invalid(format!("{path} does not begin with its format: {error}. {again}")))?;
    if !(OLDEST_FORMAT..=FORMAT).contains(&header.format) {
        return Err(invalid(format!(
            "{path} was written by version {} with format {}, and this version reads the formats {OLDEST_FORMAT} to {FORMAT}. Use \
             version {}, or delete the directory to begin with an empty state",
            header.version, header.format, header.version
        )));
    }
    let (mut stacks, mut buckets, mut rest) = (Vec::new(), Buckets::default(), Rest::default());
    for (number, line) in lines {
        let number = number + 1;
        let cut = || {
            invalid(format!(
                "{path} ends in the middle of line {number}: it was not written completely. Remove that line to go back to \
                 the state before it. {again}"
            ))
        };
        if !line.ends_with('\n') {
            return Err(cut());
        }
        let at = |error: &dyn std::fmt::Display| invalid(format!("{path}, line {number}: {error}. {again}"));
        let record: Record<Stack> = match serde_json::from_str::<Sealed>(line) {
            Ok(Sealed { sealed }) => {
                let seal = seal.ok_or_else(|| at(&"it is encrypted, and no key is given"))?;
                let opened = seal.unseal(&sealed).map_err(|error| at(&error))?;
                serde_json::from_slice(&opened).map_err(|error| at(&error))?
            }
            Err(_) => serde_json::from_str(line).map_err(|error| at(&error))?,
        };
        for (index, stack) in record.stacks {
            match index {
                index if index < stacks.len() => stacks[index] = stack,
                index if index == stacks.len() => stacks.push(stack),
                _ => return Err(invalid(format!("{path}, line {number}: a stack is missing. {again}"))),
            }
        }
        for (name, bucket) in record.buckets {
            buckets.restore(&name, bucket);
        }
        for (bucket, key, object) in record.objects {
            buckets.set_object(&bucket, &key, object);
        }
        if let Some(value) = record.rest {
            rest = serde_json::from_value(value)
                .map_err(|error| invalid(format!("{path}, line {number}: {error}. {again}")))?;
        }
    }
    buckets.take_changed();
    buckets.take_released();
    Ok(State { stacks: Stacks::from_saved(stacks), buckets, rest, ..State::default() })
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Locks the directory for this process.
fn lock(directory: &Path) -> io::Result<File> {
    let path = directory.join("lock");
    let file = private_file().read(true).append(true).create(true).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            let owner = fs::read_to_string(&path).unwrap_or_default();
            let owner = if owner.is_empty() { "another process" } else { owner.trim() };
            Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!(
                    "the state directory {} is in use by {owner}. Stop that process, or choose another directory",
                    directory.display()
                ),
            ))
        }
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn private_file() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(super) fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Environment, Inputs, Parameter};

    fn stack(name: &str) -> Stack {
        Stack::new(name, Environment { account: "1", region: "us-east-1" }, 0)
    }

    fn journal(directory: &Path) -> PathBuf {
        directory.join("state.jsonl")
    }

    fn error(directory: &Path) -> String {
        Store::open(directory, None).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn saved_state_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, mut state) = Store::open(directory.path(), None).unwrap();
        state.stacks.push(stack("a"));
        state.buckets.add("b", Bucket::new("us-east-1", 1));
        state.buckets.set_object("b", "k", Some(Object { bytes: 3, ..Object::default() }));
        state.rest.refactors.clear();
        store.save(&mut state).unwrap();
        state.stacks[0].inputs = Inputs { template: "{}".into(), ..Inputs::default() };
        state.buckets.set_object("b", "gone", Some(Object::default()));
        state.buckets.set_object("b", "gone", None);
        store.save(&mut state).unwrap();
        store.close();
        drop(store);
        let (_, state) = Store::open(directory.path(), None).unwrap();
        assert_eq!((state.stacks.len(), state.stacks[0].inputs.template.as_str()), (1, "{}"));
        let bucket = state.buckets.get("b").unwrap();
        assert_eq!((bucket.objects().len(), bucket.created), (1, 1));
    }

    #[test]
    fn the_file_of_an_object_is_deleted_with_the_last_object_that_has_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, mut state) = Store::open(directory.path(), None).unwrap();
        let kept = |store: &Store, content: &[u8]| Object {
            file: store.objects.keep(content).unwrap().file,
            ..Object::default()
        };
        let files = || fs::read_dir(directory.path().join("objects")).unwrap().count();
        state.buckets.add("b", Bucket::new("us-east-1", 1));
        for key in ["one", "other"] {
            let object = kept(&store, b"same");
            state.buckets.set_object("b", key, Some(object));
        }
        let object = kept(&store, b"third");
        state.buckets.set_object("b", "third", Some(object));
        store.save(&mut state).unwrap();
        assert_eq!(files(), 2);
        state.buckets.set_object("b", "one", None);
        store.save(&mut state).unwrap();
        assert_eq!(files(), 2, "the other object has the same content");
        let object = kept(&store, b"new");
        state.buckets.set_object("b", "other", Some(object));
        store.save(&mut state).unwrap();
        assert_eq!(files(), 2, "it was replaced");
        // A process that ends before it saves leaves a file.
        kept(&store, b"never saved");
        store.close();
        drop(store);
        let (mut store, mut state) = Store::open(directory.path(), None).unwrap();
        assert_eq!(files(), 2);
        state.remove_bucket("b");
        store.save(&mut state).unwrap();
        assert_eq!(files(), 0);
    }

    #[test]
    fn a_save_writes_what_changed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, mut state) = Store::open(directory.path(), None).unwrap();
        for number in 0..500 {
            state.stacks.push(stack(&format!("stack-{number}")));
        }
        store.save(&mut state).unwrap();
        let length = || fs::metadata(journal(directory.path())).unwrap().len();
        let before = length();
        store.save(&mut state).unwrap();
        assert_eq!(length(), before, "nothing has changed");
        state.stacks[7].reason = "changed".into();
        store.save(&mut state).unwrap();
        assert!(length() - before < before / 100, "{} of {before}", length() - before);
    }

    #[test]
    fn secrets_are_encrypted_with_a_key_from_elsewhere() {
        let (directory, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = keys.path().join("local.key");
        let open = |key: Option<&Path>| Store::open(directory.path(), key);
        let text = || fs::read_to_string(journal(directory.path())).unwrap();
        let (mut store, mut state) = open(Some(&key)).unwrap();
        let mut plain = stack("plain");
        plain.inputs.parameters.insert("Name".into(), "shown".into());
        state.stacks.push(plain);
        store.save(&mut state).unwrap();
        assert!(text().contains("shown") && !key.exists(), "without a secret nothing is encrypted");
        let mut secret = stack("secret");
        secret.inputs.template = r#"{"Parameters":{"Token":{"Type":"String","NoEcho":true}}}"#.into();
        secret.inputs.parameters.insert("Token".into(), "hunter2".into());
        state.stacks.push(secret);
        store.save(&mut state).unwrap();
        let parameter =
            Parameter { kind: "SecureString".into(), value: "hunter3".into(), version: 1, time: 0 };
        let parameters = BTreeMap::from([("p".to_owned(), parameter)]);
        state.rest.parameters.insert("us-east-1".into(), parameters);
        store.save(&mut state).unwrap();
        assert!(!text().contains("hunter"), "{}", text());
        store.close();
        drop(store);
        // The journal is compacted when it is opened.
        let (mut store, state) = open(Some(&key)).unwrap();
        assert_eq!(state.stacks[1].inputs.parameters["Token"], "hunter2");
        assert_eq!(state.rest.parameters["us-east-1"]["p"].value, "hunter3");
        assert!(!text().contains("hunter"), "{}", text());
        store.close();
        drop(store);
        let error = open(None).map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("line 2: it is encrypted, and no key is given") && error.contains("Delete the"),
            "{error}"
        );
    }

    #[test]
    fn a_save_that_fails_loses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, mut state) = Store::open(directory.path(), None).unwrap();
        state.stacks.push(stack("a"));
        // A file that cannot be written, as on a full disk.
        store.journal = File::open(journal(directory.path())).unwrap();
        store.save(&mut state).unwrap_err();
        // The whole state is written, although nothing has changed since.
        store.save(&mut state).unwrap();
        state.stacks.push(stack("b"));
        store.save(&mut state).unwrap();
        store.close();
        drop(store);
        let (_, state) = Store::open(directory.path(), None).unwrap();
        assert_eq!(state.stacks.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_error_of_a_second_process_names_the_process_that_uses_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(directory.path(), None).unwrap();
        store.announce("http://127.0.0.1:1").unwrap();
        let error = error(directory.path());
        let owner = format!("in use by process {} at http://127.0.0.1:1", std::process::id());
        assert!(error.contains(&owner), "{error}");
        store.close();
        Store::open(directory.path(), None).unwrap();
    }

    #[test]
    fn files_that_are_incomplete_or_old_are_refused_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::write(journal(path), "").unwrap();
        assert!(error(path).contains("is empty"), "{}", error(path));
        fs::write(journal(path), "{\"format\":1,\"version\":\"0.0.9\"}\n").unwrap();
        assert!(error(path).contains("written by version 0.0.9 with format 1"), "{}", error(path));
        fs::write(journal(path), "{\"format\":2,\"version\":\"0.1.0\"}\n{\"stacks\":{\"0\":").unwrap();
        assert!(error(path).contains("ends in the middle of line 2"), "{}", error(path));
        fs::remove_file(journal(path)).unwrap();
        fs::write(path.join("state.json"), "{}").unwrap();
        assert!(error(path).contains("Deploy again into"), "{}", error(path));
    }

    #[cfg(unix)]
    #[test]
    fn the_state_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let (mut store, mut state) = Store::open(&path, None).unwrap();
        state.stacks.push(stack("a"));
        store.save(&mut state).unwrap();
        let file = path.join("objects").join(store.objects.keep(b"content").unwrap().file);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("objects"))), (0o700, 0o700));
        for file in [journal(&path), path.join("lock"), file] {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
}
