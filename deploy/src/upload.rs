//! Uploads objects to S3. Large files are uploaded in parts with checksums, and an upload that was interrupted is resumed.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest as _, Sha256};
use stackwright_synth::FileAsset;

use crate::assets::packed;
use crate::connection::Connection;
use crate::error::DeployError;
use crate::{Progress, Report};

const MIB: u64 = 1024 * 1024;

/// From this size on, a file is uploaded in parts. S3 accepts at most 5 GB in one part.
const MULTIPART_THRESHOLD: u64 = 64 * MIB;

/// The smallest part. S3 requires at least 5 MiB.
const MIN_PART_SIZE: u64 = 16 * MIB;

/// The largest number of parts (Amazon S3 User Guide, "Amazon S3 multipart upload limits").
const MAX_PARTS: u64 = 10_000;

/// The maximum number of parts of a file that are uploaded at the same time; each part is kept in memory.
const CONCURRENT_PARTS: usize = 4;

/// The content of an object.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// An asset. A directory of the CDK's output is packed only if the bucket does not have the object, whose key is the hash
    /// that the manifest states.
    Asset(&'a FileAsset),
    #[cfg(test)]
    File(&'a Path),
    Text(&'a str),
}

/// Uploads an object, unless the bucket has one with its key, which is the hash of the content.
pub(crate) async fn put(
    connection: &Connection,
    bucket: &str,
    key: &str,
    content: Content<'_>,
    report: Report<'_>,
) -> Result<(), DeployError> {
    match put_once(connection, bucket, key, content, report).await {
        // Another process has resumed the same upload, and has completed or aborted it meanwhile.
        Err(error) if error.code() == Some("NoSuchUpload") => {
            put_once(connection, bucket, key, content, report).await
        }
        result => result,
    }
}

async fn put_once(
    connection: &Connection,
    bucket: &str,
    key: &str,
    content: Content<'_>,
    report: Report<'_>,
) -> Result<(), DeployError> {
    let s3 = &connection.s3;
    let head = s3.head_object().bucket(bucket).key(key).expected_bucket_owner(&connection.account);
    match head.send().await {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
        Err(error) => return Err(DeployError::call("HeadObject")(error)),
    }
    match content {
        Content::Asset(asset) => {
            let packed = packed(asset).await?;
            put_file(connection, bucket, key, &packed.path, report).await
        }
        #[cfg(test)]
        Content::File(path) => put_file(connection, bucket, key, path, report).await,
        Content::Text(text) => {
            report(Progress::Uploading { key: key.to_owned(), bytes: text.len() as u64 });
            put_object(connection, bucket, key, ByteStream::from(text.as_bytes().to_vec())).await
        }
    }
}

async fn put_file(
    connection: &Connection,
    bucket: &str,
    key: &str,
    path: &Path,
    report: Report<'_>,
) -> Result<(), DeployError> {
    let failed = |source| DeployError::Asset { path: path.to_owned(), source };
    let bytes = tokio::fs::metadata(path).await.map_err(failed)?.len();
    report(Progress::Uploading { key: key.to_owned(), bytes });
    if bytes >= MULTIPART_THRESHOLD {
        let file = File { path, bytes, part_size: part_size(bytes) };
        return multipart(connection, bucket, key, &file, report).await;
    }
    let body = ByteStream::from_path(path).await.map_err(|error| failed(std::io::Error::other(error)))?;
    put_object(connection, bucket, key, body).await
}

async fn put_object(
    connection: &Connection,
    bucket: &str,
    key: &str,
    body: ByteStream,
) -> Result<(), DeployError> {
    connection
        .s3
        .put_object()
        .bucket(bucket)
        .key(key)
        // A bucket with this name in another account must not receive the files.
        .expected_bucket_owner(&connection.account)
        .body(body)
        .send()
        .await
        .map(drop)
        .map_err(DeployError::call("PutObject"))
}

/// A file that is uploaded in parts.
struct File<'a> {
    path: &'a Path,
    bytes: u64,
    part_size: u64,
}

impl File<'_> {
    /// Reads a part and computes its checksum, without blocking other work.
    async fn part(&self, number: u64) -> Result<(Vec<u8>, String), DeployError> {
        let start = (number - 1) * self.part_size;
        let length = self.part_size.min(self.bytes - start);
        let path: PathBuf = self.path.to_owned();
        let read = tokio::task::spawn_blocking(move || -> std::io::Result<(Vec<u8>, String)> {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(start))?;
            let mut part = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            file.take(length).read_to_end(&mut part)?;
            if part.len() as u64 != length {
                return Err(std::io::Error::other("the file was changed while it was uploaded"));
            }
            let checksum = STANDARD.encode(Sha256::digest(&part));
            Ok((part, checksum))
        });
        let read = read.await.map_err(std::io::Error::other).flatten();
        read.map_err(|source| DeployError::Asset { path: self.path.to_owned(), source })
    }

    fn parts(&self) -> u64 {
        self.bytes.div_ceil(self.part_size)
    }
}

/// Returns the size of the parts of a file: as small as the limit on their number allows, in whole MiB.
fn part_size(bytes: u64) -> u64 {
    bytes.div_ceil(MAX_PARTS).div_ceil(MIB).saturating_mul(MIB).max(MIN_PART_SIZE)
}

/// Returns the number of tenths of a file that are uploaded: each tenth is reported once, regardless of the number of parts.
fn tenths(uploaded: u64, bytes: u64) -> u64 {
    uploaded.saturating_mul(10) / bytes.max(1)
}

/// A part that S3 has.
struct UploadedPart {
    tag: String,
    checksum: Option<String>,
}

async fn multipart(
    connection: &Connection,
    bucket: &str,
    key: &str,
    file: &File<'_>,
    report: Report<'_>,
) -> Result<(), DeployError> {
    let (upload, present) = match unfinished(connection, bucket, key).await {
        Some(found) => found,
        None => (begin(connection, bucket, key).await?, BTreeMap::new()),
    };
    let uploaded = std::cell::Cell::new(0);
    let parts = (1..=file.parts()).map(async |number| {
        let (part, checksum) = file.part(number).await?;
        let length = part.len() as u64;
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let known = present.get(&number).filter(|one| one.checksum.as_ref() == Some(&checksum));
        let tag = match known {
            Some(part) => Some(part.tag.clone()),
            None => {
                let request = connection
                    .s3
                    .upload_part()
                    .bucket(bucket)
                    .key(key)
                    .upload_id(&upload)
                    .part_number(number)
                    .expected_bucket_owner(&connection.account)
                    .checksum_sha256(&checksum)
                    .body(ByteStream::from(part));
                request.send().await.map_err(DeployError::call("UploadPart"))?.e_tag
            }
        };
        let before = uploaded.get();
        uploaded.set(before + length);
        if tenths(before, file.bytes) != tenths(uploaded.get(), file.bytes) {
            report(Progress::Uploaded { key: key.to_owned(), uploaded: uploaded.get(), bytes: file.bytes });
        }
        let part = CompletedPart::builder().part_number(number).set_e_tag(tag).checksum_sha256(checksum);
        Ok::<_, DeployError>(part.build())
    });
    let mut parts: Vec<CompletedPart> =
        stream::iter(parts).buffer_unordered(CONCURRENT_PARTS).try_collect().await?;
    parts.sort_by_key(CompletedPart::part_number);
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    connection
        .s3
        .complete_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(upload)
        .expected_bucket_owner(&connection.account)
        .multipart_upload(parts)
        .send()
        .await
        .map(drop)
        .map_err(DeployError::call("CompleteMultipartUpload"))
}

async fn begin(connection: &Connection, bucket: &str, key: &str) -> Result<String, DeployError> {
    let request = connection
        .s3
        .create_multipart_upload()
        .bucket(bucket)
        .key(key)
        .expected_bucket_owner(&connection.account)
        .checksum_algorithm(ChecksumAlgorithm::Sha256);
    let answer = request.send().await.map_err(DeployError::call("CreateMultipartUpload"))?;
    Ok(answer.upload_id.unwrap_or_default())
}

/// Finds an upload of the object that was interrupted, with its parts. If it cannot be read, the upload starts again.
async fn unfinished(
    connection: &Connection,
    bucket: &str,
    key: &str,
) -> Option<(String, BTreeMap<i32, UploadedPart>)> {
    let request = connection.s3.list_multipart_uploads().bucket(bucket).prefix(key);
    let answer = request.expected_bucket_owner(&connection.account).send().await.ok()?;
    let found = answer.uploads().iter().rev().find(|one| one.key() == Some(key))?;
    let upload = found.upload_id()?.to_owned();
    let mut parts = BTreeMap::new();
    let mut marker = None;
    loop {
        let request = connection.s3.list_parts().bucket(bucket).key(key).upload_id(&upload);
        let request = request.expected_bucket_owner(&connection.account).set_part_number_marker(marker);
        let answer = request.send().await.ok()?;
        for part in answer.parts() {
            if let (Some(number), Some(tag)) = (part.part_number(), part.e_tag()) {
                let checksum = part.checksum_sha256().map(str::to_owned);
                parts.insert(number, UploadedPart { tag: tag.to_owned(), checksum });
            }
        }
        marker = answer.next_part_number_marker.filter(|_| answer.is_truncated == Some(true));
        if marker.is_none() {
            return Some((upload, parts));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a simulated account with the bucket `assets`.
    async fn with_a_bucket() -> (stackwright_local::Local, Connection) {
        let local = stackwright_local::Local::start(stackwright_local::Options::default()).await.unwrap();
        let template = r#"{"Resources":{}}"#.to_owned();
        let stack = stackwright_synth::Assembly::of_template("one.json", template).unwrap().stacks.remove(0);
        let profile = crate::Profile::for_endpoint(local.url());
        let connection = Connection::for_stack(&stack, &profile).await.unwrap();
        connection.s3.create_bucket().bucket("assets").send().await.unwrap();
        (local, connection)
    }

    /// Returns an output of the CDK whose only asset is a directory.
    fn output_of_the_cdk(directory: &Path) -> FileAsset {
        let write = |name: &str, content: serde_json::Value| {
            std::fs::write(directory.join(name), content.to_string()).unwrap();
        };
        let hash = "0".repeat(64);
        std::fs::create_dir(directory.join("asset.code")).unwrap();
        std::fs::write(directory.join("asset.code/index.py"), "").unwrap();
        write("Shop.template.json", json!({ "Resources": {} }));
        let destination = json!({ "bucketName": "assets", "objectKey": "code.zip" });
        let source = json!({ "path": "asset.code", "packaging": "zip" });
        let entry = json!({ "source": source, "destinations": { "current": destination } });
        write("Shop.assets.json", json!({ "version": "36.0.0", "files": { hash: entry } }));
        let manifest = json!({ "type": "cdk:asset-manifest", "properties": { "file": "Shop.assets.json" } });
        let stack = json!({
            "type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
            "dependencies": ["Shop.assets"], "properties": { "templateFile": "Shop.template.json" },
        });
        write(
            "manifest.json",
            json!({ "version": "36.0.0", "artifacts": { "Shop.assets": manifest, "Shop": stack } }),
        );
        let mut assembly = stackwright_synth::Assembly::read(directory).unwrap();
        assembly.stacks.remove(0).assets.remove(0)
    }

    #[tokio::test]
    async fn a_directory_is_packed_only_if_the_bucket_does_not_have_the_object() {
        let (local, connection) = with_a_bucket().await;
        let directory = tempfile::tempdir().unwrap();
        let asset = output_of_the_cdk(directory.path());
        let upload =
            async || put(&connection, "assets", &asset.object_key, Content::Asset(&asset), &|_| {}).await;
        upload().await.unwrap();
        assert_eq!(local.requests()["PutObject"], 1);
        // A file that was deleted cannot be packed.
        std::fs::remove_dir_all(directory.path().join("asset.code")).unwrap();
        upload().await.unwrap();
        assert_eq!((local.requests()["HeadObject"], local.requests()["PutObject"]), (2, 1));
        connection.s3.delete_object().bucket("assets").key(&asset.object_key).send().await.unwrap();
        assert!(upload().await.is_err(), "it has to be packed again");
    }

    #[test]
    fn no_file_that_s3_accepts_has_too_many_parts() {
        assert_eq!(part_size(64 * MIB), 16 * MIB);
        // The largest object of S3 has 50 TB.
        for bytes in [5_000_000_000, 200_000 * MIB, 50_000_000_000_000] {
            let size = part_size(bytes);
            assert!(bytes.div_ceil(size) <= MAX_PARTS && size.is_multiple_of(MIB), "{bytes}: {size}");
        }
    }

    #[test]
    fn ten_reports_are_made_however_many_parts_there_are() {
        let bytes = 5_000 * MIB;
        let ends = (0..bytes.div_ceil(MIN_PART_SIZE)).map(|part| ((part + 1) * MIN_PART_SIZE).min(bytes));
        let mut reported = Vec::new();
        let mut before = 0;
        for end in ends {
            if tenths(before, bytes) != tenths(end, bytes) {
                reported.push(end);
            }
            before = end;
        }
        assert_eq!((reported.len(), reported.last()), (10, Some(&bytes)));
    }

    #[tokio::test]
    async fn an_upload_that_was_interrupted_is_resumed() {
        let (local, connection) = with_a_bucket().await;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("weights");
        let content: Vec<u8> = (0..MULTIPART_THRESHOLD + MIB).map(|index| (index / MIB) as u8).collect();
        std::fs::write(&path, &content).unwrap();

        let faults = r#"{"requests":[{"action":"UploadPart","kind":"access-denied","after":3}]}"#;
        local.set_faults(serde_json::from_str(faults).unwrap());
        let upload = async || put(&connection, "assets", "weights", Content::File(&path), &|_| {}).await;
        let error = upload().await.unwrap_err();
        assert!(error.is_access_denied(), "{error}");
        local.set_faults(stackwright_local::Faults::default());
        let before = local.requests()["UploadPart"];
        upload().await.unwrap();
        // Of five parts, three were there.
        assert_eq!(local.requests()["UploadPart"] - before, 2);
        assert_eq!(local.requests()["CreateMultipartUpload"], 1);
        let object = connection.s3.get_object().bucket("assets").key("weights").send().await.unwrap();
        let received = object.body.collect().await.unwrap().into_bytes();
        assert!(received == content, "the content is the same");
    }

    /// Two processes resume the same upload: the second one finds that the first one has completed it.
    #[tokio::test]
    async fn an_upload_that_another_process_completes_is_no_failure() {
        let (local, connection) = with_a_bucket().await;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("weights");
        std::fs::File::create(&path).unwrap().set_len(MULTIPART_THRESHOLD).unwrap();
        let upload = begin(&connection, "assets", "weights").await.unwrap();
        // When the parts of the upload are known, the other process is faster.
        let other = async {
            while !local.requests().contains_key("ListParts") {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            let abort = connection.s3.abort_multipart_upload().bucket("assets").key("weights");
            abort.upload_id(upload).send().await.unwrap();
            connection.s3.put_object().bucket("assets").key("weights").send().await.unwrap();
        };
        let (result, ()) =
            tokio::join!(put(&connection, "assets", "weights", Content::File(&path), &|_| {}), other);
        result.unwrap();
        assert!(local.requests()["HeadObject"] >= 2, "{:?}", local.requests());
    }

    /// A file that nobody writes yet holds up its own upload, and no other work of the same thread.
    #[cfg(unix)]
    #[tokio::test]
    async fn reading_a_file_does_not_block_other_work() {
        use std::time::{Duration, Instant};

        let (_local, connection) = with_a_bucket().await;
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let path = pipe.clone();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(600));
            std::fs::write(path, "")
        });
        let start = Instant::now();
        let other = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            start.elapsed()
        };
        let (_, other) =
            tokio::join!(put(&connection, "assets", "pipe", Content::File(&pipe), &|_| {}), other);
        assert!(
            other < Duration::from_millis(400) && start.elapsed() > Duration::from_millis(500),
            "{other:?}"
        );
        writer.join().unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_parts_of_a_file_make_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, b"abcdefgh").unwrap();
        let file = File { path: &path, bytes: 8, part_size: 3 };
        assert_eq!(file.parts(), 3);
        let mut all = Vec::new();
        for number in 1..=3 {
            all.extend(file.part(number).await.unwrap().0);
        }
        assert_eq!(all, b"abcdefgh");
        // A file that was cut is an error.
        let file = File { path: &path, bytes: 9, part_size: 3 };
        assert!(file.part(3).await.is_err());
    }
}
