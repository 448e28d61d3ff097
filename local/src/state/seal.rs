//! Encrypts the records that contain secrets and the content of objects, with a key that is stored outside of the state
//! directory. Therefore, a copy of the directory, or an artifact of a CI system, does not reveal them.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::store::create_private_directory;

/// The length of a key in bytes.
const KEY_BYTES: usize = 32;

/// The number of bytes that encryption adds to a chunk: the chunk begins with its nonce and ends with its tag.
pub(super) const OVERHEAD_BYTES: usize = NONCE_LEN + MAX_TAG_LEN;

/// A key, which is created when it is used for the first time.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    path: PathBuf,
}

impl Seal {
    /// Uses the key in a file.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Encrypts a text.
    pub fn seal(&self, text: &[u8]) -> io::Result<String> {
        Ok(STANDARD.encode(self.encrypt(text.to_vec(), &[])?))
    }

    /// Decrypts a text.
    pub fn unseal(&self, sealed: &str) -> io::Result<Vec<u8>> {
        self.decrypt(STANDARD.decode(sealed).map_err(|_| self.wrong_key())?, &[])
    }

    /// Encrypts a chunk of a file. It can be decrypted only with its number.
    pub fn seal_chunk(&self, chunk: Vec<u8>, number: u64) -> io::Result<Vec<u8>> {
        self.encrypt(chunk, &number.to_le_bytes())
    }

    /// Decrypts a chunk of a file.
    pub fn unseal_chunk(&self, sealed: Vec<u8>, number: u64) -> io::Result<Vec<u8>> {
        self.decrypt(sealed, &number.to_le_bytes())
    }

    /// Returns a name for content with a hash, which nobody can derive from the content without the key.
    pub fn name_of(&self, hash: &[u8]) -> io::Result<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key_bytes(true)?);
        Ok(hmac::sign(&key, hash).as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn encrypt(&self, mut text: Vec<u8>, associated: &[u8]) -> io::Result<Vec<u8>> {
        let nonce = self.key(true)?.seal_in_place_append_tag(Aad::from(associated), &mut text);
        let nonce = nonce.map_err(|_| io::Error::other("the state cannot be encrypted"))?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    fn decrypt(&self, sealed: Vec<u8>, associated: &[u8]) -> io::Result<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(|| self.wrong_key())?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| self.wrong_key())?;
        let mut text = rest.to_vec();
        let opened = self.key(false)?.open_in_place(nonce, Aad::from(associated), &mut text);
        let length = opened.map_err(|_| self.wrong_key())?.len();
        text.truncate(length);
        Ok(text)
    }

    fn wrong_key(&self) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is encrypted with another key than the one in {}", self.path.display()),
        )
    }

    fn key(&self, may_create: bool) -> io::Result<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.key_bytes(may_create)?)
            .map_err(|_| self.at(io::Error::new(io::ErrorKind::InvalidData, "it is not a key of 32 bytes")))
    }

    fn key_bytes(&self, may_create: bool) -> io::Result<Vec<u8>> {
        let mut key = Vec::new();
        match fs::File::open(&self.path) {
            Ok(file) => {
                file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key).map_err(|error| self.at(error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
                key = self.create().map_err(|error| self.at(error))?;
            }
            Err(error) => return Err(self.at(error)),
        }
        Ok(key)
    }

    /// Returns an error about the file of the key.
    fn at(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }

    /// Creates the key. If another process creates it at the same time, uses the key of the other process.
    fn create(&self) -> io::Result<Vec<u8>> {
        if let Some(parent) = self.path.parent() {
            create_private_directory(parent)?;
        }
        let mut key = vec![0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| io::Error::other("no random key can be created"))?;
        let parent = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(parent)?;
        file.write_all(&key)?;
        match file.persist_noclobber(&self.path) {
            Ok(_) => Ok(key),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => fs::read(&self.path),
            Err(error) => Err(error.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_records_are_decrypted_only_with_their_key() {
        let directory = tempfile::tempdir().unwrap();
        let seal = Seal::new(&directory.path().join("keys/local.key"));
        let sealed = seal.seal(b"hunter2").unwrap();
        assert_eq!(seal.unseal(&sealed).unwrap(), b"hunter2");
        assert_ne!(seal.seal(b"hunter2").unwrap(), sealed, "each has its own nonce");
        let other = Seal::new(&directory.path().join("other.key"));
        assert_eq!(other.unseal(&sealed).unwrap_err().kind(), io::ErrorKind::NotFound);
        other.seal(b"x").unwrap();
        for text in [sealed.as_str(), "", "AAAA", "no base64!"] {
            let error = other.unseal(text).unwrap_err().to_string();
            assert!(error.contains("another key") && error.contains("other.key"), "{error}");
        }
        fs::write(directory.path().join("other.key"), "short").unwrap();
        assert!(other.seal(b"x").unwrap_err().to_string().contains("not a key of 32 bytes"));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/local.key");
        Seal::new(&path).seal(b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
}
