//! Buckets of S3 and their objects. They record which buckets and objects were changed since the state was saved.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Millis;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub region: String,
    pub created: Millis,
    /// Whether the bucket was not created, but assumed by local mode: the bucket of CDK's bootstrap stack.
    #[serde(default)]
    pub is_assumed: bool,
    /// The bucket's settings (`policy`, `encryption` and so on) as the bodies that were put.
    pub settings: BTreeMap<String, String>,
    #[serde(skip)]
    objects: BTreeMap<String, Object>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// The name of the file with the content.
    pub file: String,
    pub bytes: u64,
    pub etag: String,
    pub time: Millis,
    /// Headers that are returned as they were sent: `content-type`, `content-encoding`, `x-amz-meta-…` and so on.
    pub headers: BTreeMap<String, String>,
    /// The object's tags as the document that was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tagging: Option<String>,
    /// Checksums that the client sent, by header name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checksums: BTreeMap<String, String>,
}

/// A multipart upload that is not completed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub bucket: String,
    pub key: String,
    pub started: Millis,
    pub headers: BTreeMap<String, String>,
    pub parts: BTreeMap<u32, UploadPart>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UploadPart {
    /// The name of the file with the content.
    pub file: String,
    pub bytes: u64,
    pub etag: String,
    /// The SHA-256 of the content in Base64; empty if an earlier version stored the part.
    #[serde(default)]
    pub sha256: String,
    pub time: Millis,
}

impl Bucket {
    pub fn new(region: &str, created: Millis) -> Self {
        Self { region: region.to_owned(), created, ..Self::default() }
    }

    /// Returns a bucket that was not created, but assumed.
    pub fn assumed(region: &str, created: Millis) -> Self {
        Self { is_assumed: true, ..Self::new(region, created) }
    }

    pub fn objects(&self) -> &BTreeMap<String, Object> {
        &self.objects
    }
}

/// Every bucket by its name.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    all: BTreeMap<String, Bucket>,
    changed: BTreeSet<String>,
    changed_objects: BTreeSet<(String, String)>,
    /// For each file, the number of objects whose content it contains. Objects with the same content share a file.
    users: BTreeMap<String, usize>,
    /// Files that an object or an upload does not use any more.
    released: BTreeSet<String>,
}

impl Buckets {
    pub fn get(&self, name: &str) -> Option<&Bucket> {
        self.all.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Bucket)> {
        self.all.iter()
    }

    /// Returns a bucket, so that the caller can change its settings.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Bucket> {
        let bucket = self.all.get_mut(name)?;
        self.changed.insert(name.to_owned());
        Some(bucket)
    }

    /// Adds a bucket, unless there is one with this name.
    pub fn add(&mut self, name: &str, bucket: Bucket) {
        if !self.all.contains_key(name) {
            self.all.insert(name.to_owned(), bucket);
            self.changed.insert(name.to_owned());
        }
    }

    /// Inserts a bucket as it was saved; without a bucket, removes the one with this name.
    pub fn restore(&mut self, name: &str, bucket: Option<Bucket>) {
        match (bucket, self.all.get_mut(name)) {
            (Some(bucket), Some(present)) => {
                let objects = std::mem::take(&mut present.objects);
                *present = Bucket { objects, ..bucket };
            }
            (Some(bucket), None) => {
                self.all.insert(name.to_owned(), bucket);
            }
            (None, _) => {
                self.take(name);
            }
        }
    }

    pub fn remove(&mut self, name: &str) {
        if self.take(name) {
            self.changed.insert(name.to_owned());
        }
    }

    /// Removes a bucket with its objects; returns whether there was one.
    fn take(&mut self, name: &str) -> bool {
        let Some(bucket) = self.all.remove(name) else { return false };
        for object in bucket.objects.into_values() {
            self.leave(object.file);
        }
        true
    }

    /// Reduces the number of objects whose content is in a file.
    fn leave(&mut self, file: String) {
        if let Some(count) = self.users.get_mut(&file) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(&file);
            }
        }
        self.released.insert(file);
    }

    /// Records that a part of an upload does not use a file any more.
    pub fn release(&mut self, file: String) {
        self.released.insert(file);
    }

    /// Returns whether the content of an object is in a file.
    pub fn uses_file(&self, file: &str) -> bool {
        self.users.contains_key(file)
    }

    /// Returns the files that were released since the last call. Other objects or uploads may still use them.
    pub fn take_released(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.released)
    }

    pub fn object(&self, bucket: &str, key: &str) -> Option<&Object> {
        self.all.get(bucket)?.objects.get(key)
    }

    /// Stores an object; without an object, removes the one with this key.
    pub fn set_object(&mut self, bucket: &str, key: &str, object: Option<Object>) {
        let Some(owner) = self.all.get_mut(bucket) else { return };
        let before = match &object {
            Some(object) => owner.objects.insert(key.to_owned(), object.clone()),
            None => owner.objects.remove(key),
        };
        if before == object {
            return;
        }
        self.changed_objects.insert((bucket.to_owned(), key.to_owned()));
        if let Some(object) = object {
            *self.users.entry(object.file).or_default() += 1;
        }
        if let Some(before) = before {
            self.leave(before.file);
        }
    }

    /// Returns the names of the buckets, and the buckets and keys of the objects, that were changed since the last call.
    pub fn take_changed(&mut self) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
        (std::mem::take(&mut self.changed), std::mem::take(&mut self.changed_objects))
    }
}
