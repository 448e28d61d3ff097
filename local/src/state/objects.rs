//! The content of S3 objects, one file for each content. With a key, files are encrypted in chunks, so that a part of a large
//! object can be read without the rest, and the names of the files do not reveal their content.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::seal::{OVERHEAD_BYTES, Seal};
use super::store::create_private_directory;

/// The length of an encrypted part of a file, before its encryption. The last one may be shorter.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The suffix of the name of an encrypted file.
const SEALED_SUFFIX: &str = ".sealed";

/// The directory with the files.
#[derive(Debug)]
pub(crate) struct Objects {
    directory: PathBuf,
    seal: Option<Seal>,
}

/// Content that is stored.
pub(crate) struct Content {
    /// The name of its file.
    pub file: String,
    pub bytes: u64,
    pub sha256: [u8; 32],
}

impl Objects {
    /// Opens a directory, which is created if there is none. New files are encrypted if there is a key.
    pub fn open(directory: &Path, seal: Option<Seal>) -> io::Result<Self> {
        create_private_directory(directory)?;
        Ok(Self { directory: directory.to_owned(), seal })
    }

    /// Stores content.
    pub fn keep(&self, content: &[u8]) -> io::Result<Content> {
        self.copy(content)
    }

    /// Stores the content of several files as one. The content is not read into memory as a whole.
    pub fn join(&self, files: &[&str]) -> io::Result<Content> {
        self.copy(Joined { objects: self, files: files.iter(), current: None })
    }

    /// Reads a part of a content.
    ///
    /// # Errors
    /// The file cannot be read, is encrypted with another key, or is shorter.
    pub fn read(&self, file: &str, first: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut reader = self.reader(file)?;
        reader.skip(first)?;
        let mut content = Vec::new();
        reader.take(length).read_to_end(&mut content)?;
        if (content.len() as u64) < length {
            let message = format!("{} is incomplete", self.directory.join(file).display());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        Ok(content)
    }

    /// Deletes files that are not used any more. If a file cannot be deleted, it is deleted when the directory is opened again.
    pub fn delete(&self, files: impl Iterator<Item = String>) {
        for file in files {
            let _ = std::fs::remove_file(self.directory.join(file));
        }
    }

    /// Deletes every unused file: such files remain if a process ended before it could save the state or delete them.
    pub fn delete_unused(&self, is_used: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let is_used = entry.file_name().to_str().is_some_and(&is_used);
            if !is_used && entry.file_type()?.is_file() {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn copy(&self, mut from: impl Read) -> io::Result<Content> {
        let mut file = NamedTempFile::new_in(&self.directory)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        for number in 0.. {
            let mut chunk = Vec::new();
            from.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
            if chunk.is_empty() {
                break;
            }
            hash.update(&chunk);
            bytes += chunk.len() as u64;
            match &self.seal {
                Some(seal) => file.write_all(&seal.seal_chunk(chunk, number)?)?,
                None => file.write_all(&chunk)?,
            }
        }
        let sha256: [u8; 32] = hash.finalize().into();
        let name = match &self.seal {
            Some(seal) => format!("{}{SEALED_SUFFIX}", seal.name_of(&sha256)?),
            None => hex(&sha256),
        };
        file.persist(self.directory.join(&name)).map_err(|error| error.error)?;
        Ok(Content { file: name, bytes, sha256 })
    }

    fn reader(&self, file: &str) -> io::Result<Reader<'_>> {
        let path = self.directory.join(file);
        let seal = match (file.ends_with(SEALED_SUFFIX), &self.seal) {
            (false, _) => None,
            (true, Some(seal)) => Some(seal),
            (true, None) => {
                let message = format!("{} is encrypted, and no key is given", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        };
        Ok(Reader { file: File::open(path)?, seal, number: 0, chunk: io::Cursor::default() })
    }
}

/// Reads the content of a file from its beginning.
struct Reader<'s> {
    file: File,
    seal: Option<&'s Seal>,
    /// The number of the next chunk, and the rest of the previous chunk.
    number: u64,
    chunk: io::Cursor<Vec<u8>>,
}

impl Reader<'_> {
    /// Moves to a position of the content.
    fn skip(&mut self, to: u64) -> io::Result<()> {
        if self.seal.is_none() {
            return self.file.seek(SeekFrom::Start(to)).map(drop);
        }
        self.number = to / CHUNK_BYTES as u64;
        self.file.seek(SeekFrom::Start(self.number * (CHUNK_BYTES + OVERHEAD_BYTES) as u64))?;
        io::copy(&mut Read::take(self, to % CHUNK_BYTES as u64), &mut io::sink()).map(drop)
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(seal) = self.seal else { return self.file.read(buffer) };
        let read = self.chunk.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let mut sealed = Vec::new();
        Read::take(&mut self.file, (CHUNK_BYTES + OVERHEAD_BYTES) as u64).read_to_end(&mut sealed)?;
        if sealed.is_empty() {
            return Ok(0);
        }
        self.chunk = io::Cursor::new(seal.unseal_chunk(sealed, self.number)?);
        self.number += 1;
        self.chunk.read(buffer)
    }
}

/// Reads the content of several files, of which it opens one at a time.
struct Joined<'o> {
    objects: &'o Objects,
    files: std::slice::Iter<'o, &'o str>,
    current: Option<Reader<'o>>,
}

impl Read for Joined<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(reader) = &mut self.current {
                let read = reader.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            let Some(file) = self.files.next() else { return Ok(0) };
            self.current = Some(self.objects.reader(file)?);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the bytes of all files.
    fn stored(directory: &Path) -> Vec<u8> {
        let files = std::fs::read_dir(directory).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    fn contains(all: &[u8], part: &[u8]) -> bool {
        all.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn content_is_encrypted_with_a_key_and_read_back() {
        let (directory, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let seal = || Seal::new(&keys.path().join("local.key"));
        let objects = Objects::open(directory.path(), Some(seal())).unwrap();
        let kept = objects.keep(b"token = hunter2").unwrap();
        assert_eq!(objects.read(&kept.file, 0, kept.bytes).unwrap(), b"token = hunter2");
        assert!(!contains(&stored(directory.path()), b"hunter2"));
        assert!(!kept.file.contains(&hex(&kept.sha256)), "a short content could be guessed by its hash");
        assert_eq!(objects.keep(b"token = hunter2").unwrap().file, kept.file, "it is stored once");

        let without = Objects::open(directory.path(), None).unwrap();
        let error = without.read(&kept.file, 0, 1).unwrap_err().to_string();
        assert!(error.contains("is encrypted, and no key is given"), "{error}");
        let plain = without.keep(b"plain").unwrap();
        assert!(contains(&stored(directory.path()), b"plain"));
        assert_eq!(objects.read(&plain.file, 1, 3).unwrap(), b"lai", "files from before are read");
    }

    #[test]
    fn any_part_of_large_content_can_be_read_and_parts_are_joined() {
        let (directory, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for seal in [None, Some(Seal::new(&keys.path().join("local.key")))] {
            let objects = Objects::open(directory.path(), seal).unwrap();
            let large: Vec<u8> = (0..2 * CHUNK_BYTES + 10).map(|at| (at % 251) as u8).collect();
            let first = objects.keep(&large).unwrap();
            let second = objects.keep(b"end").unwrap();
            let joined = objects.join(&[&first.file, &second.file]).unwrap();
            let all = [&large[..], b"end"].concat();
            assert_eq!((joined.bytes, &joined.sha256[..]), (all.len() as u64, &Sha256::digest(&all)[..]));
            let chunk = CHUNK_BYTES as u64;
            for (from, length) in
                [(0, joined.bytes), (0, 1), (chunk - 1, 2), (chunk, chunk + 5), (joined.bytes - 4, 4), (7, 0)]
            {
                let (start, end) = (from as usize, (from + length) as usize);
                assert!(
                    objects.read(&joined.file, from, length).unwrap() == all[start..end],
                    "{from} {length}"
                );
            }
            let error = objects.read(&joined.file, joined.bytes - 1, 2).unwrap_err().to_string();
            assert!(error.contains("is incomplete"), "{error}");
            assert_eq!(objects.keep(b"").unwrap().bytes, 0);
        }
    }

    #[test]
    fn chunks_in_another_order_are_refused() {
        let (directory, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let seal = Seal::new(&keys.path().join("local.key"));
        let objects = Objects::open(directory.path(), Some(seal)).unwrap();
        let kept = objects.keep(&vec![1; 2 * CHUNK_BYTES]).unwrap();
        let path = directory.path().join(&kept.file);
        let sealed = std::fs::read(&path).unwrap();
        let (first, second) = sealed.split_at(CHUNK_BYTES + OVERHEAD_BYTES);
        std::fs::write(&path, [second, first].concat()).unwrap();
        objects.read(&kept.file, 0, 1).unwrap_err();
    }
}
