//! Multipart uploads.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::copy::source;
use super::object::{check_write_conditions, kept_headers, md5_hex, quoted, read};
use super::range::ByteRange;
use super::xml::{self, Elements};
use super::{S3Answer, S3Request, S3Result, internal, invalid, malformed};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Content, Object, Upload, UploadPart, iso_time, unique_id};

/// The minimum number of bytes in a part that is not the last part.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// The highest number of a part.
const MAX_PARTS: u32 = 10_000;

pub(super) fn create(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Answer {
    let id = unique_id();
    let upload = Upload {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        started: request.time,
        headers: kept_headers(request),
        parts: BTreeMap::new(),
    };
    engine.state.rest.uploads.insert(id.clone(), upload);
    let result = Elements::default().text("Bucket", bucket).text("Key", key).text("UploadId", id);
    S3Answer::ok(result.document("InitiateMultipartUploadResult"))
}

/// Returns the ID of the upload that a request names, and the upload.
fn upload_of<'e>(
    engine: &'e Engine,
    request: &S3Request<'_>,
    bucket: &str,
    key: &str,
) -> Result<(String, &'e Upload), ServiceError> {
    let id = request.parameter("uploadId").unwrap_or_default();
    let upload = engine.state.rest.uploads.get(id).filter(|one| one.bucket == bucket && one.key == key);
    let missing = || {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted \
                       or completed.";
        ServiceError::new("NoSuchUpload", message).status(404)
    };
    Ok((id.to_owned(), upload.ok_or_else(missing)?))
}

/// Stores a part; returns its `ETag`.
fn keep_part(
    engine: &mut Engine,
    request: &S3Request<'_>,
    id: &str,
    body: &[u8],
) -> Result<String, ServiceError> {
    let number = request.parameter("partNumber").and_then(|text| text.parse::<u32>().ok());
    let number = number
        .filter(|number| (1..=MAX_PARTS).contains(number))
        .ok_or_else(|| invalid("Part number must be an integer between 1 and 10000, inclusive"))?;
    let Content { file, bytes, sha256 } =
        engine.store.objects.keep(body).map_err(|error| internal(&error))?;
    let etag = md5_hex(body);
    let shown = quoted(&etag);
    if let Some(upload) = engine.state.rest.uploads.get_mut(id) {
        let sha256 = STANDARD.encode(sha256);
        let part = UploadPart { file, bytes, etag, sha256, time: request.time };
        if let Some(before) = upload.parts.insert(number, part) {
            engine.state.buckets.release(before.file);
        }
    }
    Ok(shown)
}

pub(super) fn upload_part(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    let (id, _) = upload_of(engine, request, bucket, key)?;
    let etag = keep_part(engine, request, &id, request.body)?;
    Ok(S3Answer::ok("").with("etag", etag))
}

pub(super) fn copy_part(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    let (id, _) = upload_of(engine, request, bucket, key)?;
    let (_, _, found) = source(engine, request)?;
    let (first, length) = match ByteRange::parse(request.header("x-amz-copy-source-range"), found.bytes) {
        ByteRange::Whole => (0, found.bytes),
        ByteRange::Part { first, last } => (first, last - first + 1),
        ByteRange::Unsatisfiable => {
            return Err(
                ServiceError::new("InvalidRange", "The requested range is not satisfiable").status(416)
            );
        }
    };
    let body = read(engine, &found, first, length)?;
    let etag = keep_part(engine, request, &id, &body)?;
    let result = Elements::default().text("ETag", etag).text("LastModified", iso_time(request.time));
    Ok(S3Answer::ok(result.document("CopyPartResult")))
}

pub(super) fn complete(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    let (id, upload) = upload_of(engine, request, bucket, key)?;
    let upload = upload.clone();
    check_write_conditions(engine, request, bucket, key)?;
    let named = named_parts(request.body)?;
    let mut files = Vec::new();
    let mut hashes = String::new();
    for (number, etag) in &named {
        let invalid_part = || {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                           specified entity tag may not match the part's entity tag.";
            ServiceError::new("InvalidPart", message)
        };
        let part = upload.parts.get(number).ok_or_else(invalid_part)?;
        if etag.as_ref().is_some_and(|etag| etag.trim_matches('"') != part.etag) {
            return Err(invalid_part());
        }
        files.push(part.file.as_str());
        hashes.push_str(&part.etag);
    }
    let mut all_but_last = named.iter().rev().skip(1).filter_map(|(number, _)| upload.parts.get(number));
    if all_but_last.any(|part| part.bytes < MIN_PART_BYTES) {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(ServiceError::new("EntityTooSmall", message));
    }
    let etag = format!("{}-{}", md5_hex(&from_hex(&hashes)), named.len());
    let Content { file, bytes, .. } = engine.store.objects.join(&files).map_err(|error| internal(&error))?;
    let headers = upload.headers.clone();
    let object = Object { file, bytes, etag, time: request.time, headers, ..Object::default() };
    let shown = quoted(&object.etag);
    engine.state.buckets.set_object(bucket, key, Some(object));
    engine.state.remove_upload(&id);
    let result = Elements::default()
        .text("Location", format!("/{bucket}/{key}"))
        .text("Bucket", bucket)
        .text("Key", key)
        .text("ETag", shown);
    Ok(S3Answer::ok(result.document("CompleteMultipartUploadResult")))
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

/// Returns the numbers and `ETag`s of the parts of the object. S3 rejects parts that are not in the order of their numbers.
fn named_parts(body: &[u8]) -> Result<Vec<(u32, Option<String>)>, ServiceError> {
    let body: Json = xml::read(body).ok_or_else(malformed)?;
    let root = xml::children(&body, "CompleteMultipartUpload").first().ok_or_else(malformed)?;
    let mut named = Vec::new();
    for part in xml::children(root, "Part") {
        let number = xml::child_text(part, "PartNumber").and_then(|text| text.trim().parse().ok());
        named.push((number.ok_or_else(malformed)?, xml::child_text(part, "ETag").map(str::to_owned)));
    }
    if named.is_empty() {
        return Err(malformed());
    }
    if !named.is_sorted_by(|(one, _), (other, _)| one < other) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(ServiceError::new("InvalidPartOrder", message));
    }
    Ok(named)
}

pub(super) fn abort(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    let (id, _) = upload_of(engine, request, bucket, key)?;
    engine.state.remove_upload(&id);
    Ok(S3Answer::no_content())
}

pub(super) fn list_parts(engine: &Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    let (id, upload) = upload_of(engine, request, bucket, key)?;
    let after: u32 = request.parameter("part-number-marker").and_then(|text| text.parse().ok()).unwrap_or(0);
    let max = super::object::max_parameter(request, "max-parts")?;
    let mut rest = upload.parts.range(after.saturating_add(1)..);
    let page: Vec<_> = rest.by_ref().take(max).collect();
    let is_truncated = rest.next().is_some();
    let mut result = Elements::default().text("Bucket", bucket).text("Key", key).text("UploadId", id);
    if let Some((last, _)) = page.last().filter(|_| is_truncated) {
        result = result.text("NextPartNumberMarker", last.to_string());
    }
    result = result.text("MaxParts", max.to_string()).text("IsTruncated", is_truncated.to_string());
    for (number, part) in page {
        let one = Elements::default()
            .text("PartNumber", number.to_string())
            .text("LastModified", iso_time(part.time))
            .text("ETag", quoted(&part.etag))
            .text("Size", part.bytes.to_string());
        let one = if part.sha256.is_empty() { one } else { one.text("ChecksumSHA256", &part.sha256) };
        result = result.nested("Part", one);
    }
    Ok(S3Answer::ok(result.document("ListPartsResult")))
}

/// `ListMultipartUploads`, in one page.
pub(super) fn list(engine: &Engine, request: &S3Request<'_>, bucket: &str) -> S3Answer {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let mut result = Elements::default().text("Bucket", bucket).text("IsTruncated", "false");
    let uploads = engine.state.rest.uploads.iter();
    for (id, upload) in uploads.filter(|(_, one)| one.bucket == bucket && one.key.starts_with(prefix)) {
        let one = Elements::default()
            .text("Key", &upload.key)
            .text("UploadId", id)
            .text("Initiated", iso_time(upload.started));
        result = result.nested("Upload", one);
    }
    S3Answer::ok(result.document("ListMultipartUploadsResult"))
}

#[cfg(test)]
mod tests {
    use super::named_parts;

    #[test]
    fn parts_have_to_be_in_order() {
        let body = |numbers: &[u32]| {
            let parts: String =
                numbers.iter().map(|one| format!("<Part><PartNumber>{one}</PartNumber></Part>")).collect();
            format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into_bytes()
        };
        assert_eq!(named_parts(&body(&[1, 2, 9])).unwrap().len(), 3);
        assert_eq!(named_parts(&body(&[2, 1])).unwrap_err().code, "InvalidPartOrder");
        assert_eq!(named_parts(&body(&[])).unwrap_err().code, "MalformedXML");
    }
}
