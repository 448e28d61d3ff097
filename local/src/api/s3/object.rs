//! Operations on objects: store, return, delete and tag.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::macros::format_description;

use super::range::ByteRange;
use super::xml::{self, Elements};
use super::{S3Answer, S3Request, S3Result, internal, invalid, malformed, missing_key};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Content, Millis, Object};

/// Sub-resources of objects that local mode does not implement.
pub(super) const UNSUPPORTED: [&str; 8] =
    ["acl", "attributes", "legal-hold", "retention", "restore", "select", "torrent", "renameObject"];

/// Headers that are stored with an object and returned with it.
const KEPT_HEADERS: [&str; 8] = [
    "content-type",
    "content-encoding",
    "content-disposition",
    "content-language",
    "cache-control",
    "expires",
    "x-amz-website-redirect-location",
    "x-amz-storage-class",
];

/// The maximum number of keys in a `DeleteObjects` request.
const MAX_DELETED_KEYS: usize = 1000;

/// The parameters of a request that replace a header of the response, by the header.
const REPLACED_HEADERS: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];

/// The maximum number of tags of an object.
const MAX_TAGS: usize = 10;

/// Returns the headers of a request that are stored with an object.
pub(super) fn kept_headers(request: &S3Request<'_>) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (name, value) in request.headers {
        let name = name.as_str();
        let Ok(value) = value.to_str() else { continue };
        if KEPT_HEADERS.contains(&name) || name.starts_with("x-amz-meta-") {
            kept.insert(name.to_owned(), value.to_owned());
        }
    }
    // `aws-chunked` is only the encoding of the transfer, and not a property of the content.
    if let Some(encoding) = kept.remove("content-encoding") {
        let others: Vec<&str> = encoding
            .split(',')
            .map(str::trim)
            .filter(|one| *one != "aws-chunked" && !one.is_empty())
            .collect();
        if !others.is_empty() {
            kept.insert("content-encoding".to_owned(), others.join(","));
        }
    }
    kept.entry("content-type".to_owned()).or_insert_with(|| "binary/octet-stream".to_owned());
    kept
}

/// Returns the tags in the header of a request, as the document that `GetObjectTagging` returns.
pub(super) fn tagging_of_header(request: &S3Request<'_>) -> Option<String> {
    let mut set = Elements::default();
    for (key, value) in form_urlencoded::parse(request.header("x-amz-tagging")?.as_bytes()) {
        set = set.nested("Tag", Elements::default().text("Key", key).text("Value", value));
    }
    let document = Elements::default().nested("TagSet", set).document("Tagging");
    String::from_utf8(document).ok()
}

pub(super) fn put(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    check_write_conditions(engine, request, bucket, key)?;
    check_content(request)?;
    let checksums = request
        .headers
        .iter()
        .filter(|(name, _)| is_checksum(name.as_str()))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let object = Object {
        headers: kept_headers(request),
        tagging: tagging_of_header(request),
        checksums,
        ..keep(engine, request.body, request.time)?
    };
    let etag = quoted(&object.etag);
    engine.state.buckets.set_object(bucket, key, Some(object));
    Ok(S3Answer::ok("").with("etag", etag).with("x-amz-server-side-encryption", "AES256"))
}

fn is_checksum(header: &str) -> bool {
    header.starts_with("x-amz-checksum-")
        && !matches!(header, "x-amz-checksum-mode" | "x-amz-checksum-type" | "x-amz-checksum-algorithm")
}

/// Rejects the replacement of an object if the request forbids it.
pub(super) fn check_write_conditions(
    engine: &Engine,
    request: &S3Request<'_>,
    bucket: &str,
    key: &str,
) -> Result<(), ServiceError> {
    let present = engine.state.buckets.object(bucket, key);
    if request.header("if-none-match") == Some("*") && present.is_some() {
        return Err(precondition_failed());
    }
    match (request.header("if-match"), present) {
        (Some(_), None) => Err(missing_key(key)),
        (Some(wanted), Some(present)) if !matches_etag(wanted, &present.etag) => Err(precondition_failed()),
        _ => Ok(()),
    }
}

/// Rejects content that does not match its hash.
fn check_content(request: &S3Request<'_>) -> Result<(), ServiceError> {
    if let Some(expected) = request.header("content-md5") {
        let actual =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, Md5::digest(request.body));
        if actual != expected {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(ServiceError::new("BadDigest", message));
        }
    }
    let is_hash = |text: &&str| text.len() == 64 && text.bytes().all(|one| one.is_ascii_hexdigit());
    if let Some(expected) = request.header("x-amz-content-sha256").filter(is_hash)
        && stackwright_synth::sha256(request.body) != expected.to_lowercase()
    {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(ServiceError::new("XAmzContentSHA256Mismatch", message));
    }
    Ok(())
}

/// Stores content, and describes it as an object without headers.
pub(super) fn keep(engine: &Engine, body: &[u8], time: Millis) -> Result<Object, ServiceError> {
    let Content { file, bytes, .. } = engine.store.objects.keep(body).map_err(|error| internal(&error))?;
    Ok(Object { file, bytes, etag: md5_hex(body), time, ..Object::default() })
}

/// Returns an MD5 hash, which S3 uses as the `ETag`.
pub(super) fn md5_hex(body: &[u8]) -> String {
    Md5::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn matches_etag(header: &str, etag: &str) -> bool {
    header
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|one| one == "*" || one == etag)
}

fn precondition_failed() -> ServiceError {
    let message = "At least one of the pre-conditions you specified did not hold";
    ServiceError::new("PreconditionFailed", message).status(412)
}

/// Rejects a version ID other than that of the only version.
pub(super) fn check_version(version: Option<&str>) -> Result<(), ServiceError> {
    match version {
        None | Some("null" | "") => Ok(()),
        Some(_) => {
            Err(ServiceError::new("NoSuchVersion", "The specified version does not exist.").status(404))
        }
    }
}

pub(super) fn get(engine: &Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    check_version(request.parameter("versionId"))?;
    let object = engine.state.buckets.object(bucket, key).ok_or_else(|| missing_key(key))?;
    if request.header("if-match").is_some_and(|wanted| !matches_etag(wanted, &object.etag)) {
        return Err(precondition_failed());
    }
    let mut answer = S3Answer { headers: headers_of(object), ..S3Answer::ok("") };
    if request.header("if-none-match").is_some_and(|known| matches_etag(known, &object.etag)) {
        answer.status = 304;
        return Ok(answer);
    }
    for (name, value) in &request.query {
        if let Some(header) = name.strip_prefix("response-").filter(|name| REPLACED_HEADERS.contains(name)) {
            answer.headers.retain(|(known, _)| known != header);
            answer = answer.with(header, value.clone());
        }
    }
    let (first, length) = match part_of(request, object)? {
        None => (0, object.bytes),
        Some((first, last)) => {
            answer.status = 206;
            answer = answer.with("content-range", format!("bytes {first}-{last}/{}", object.bytes));
            (first, last - first + 1)
        }
    };
    if answer.status == 200 && request.header("x-amz-checksum-mode").is_some() {
        for (name, value) in &object.checksums {
            answer = answer.with(name, value.clone());
        }
    }
    if request.method == "HEAD" {
        answer.length = Some(length);
        return Ok(answer);
    }
    answer.body = read(engine, object, first, length)?;
    Ok(answer)
}

/// Returns the first and the last byte of the requested range, if the request has one.
fn part_of(request: &S3Request<'_>, object: &Object) -> Result<Option<(u64, u64)>, ServiceError> {
    if let Some(number) = request.parameter("partNumber") {
        // When an upload is completed, its parts are joined, so that an object has only one part.
        return match number {
            "1" => Ok(None),
            _ => Err(ServiceError::new("InvalidPartNumber", "The requested partnumber is not satisfiable")
                .status(416)),
        };
    }
    match ByteRange::parse(request.header("range"), object.bytes) {
        ByteRange::Whole => Ok(None),
        ByteRange::Part { first, last } => Ok(Some((first, last))),
        ByteRange::Unsatisfiable => {
            Err(ServiceError::new("InvalidRange", "The requested range is not satisfiable").status(416))
        }
    }
}

/// Reads a part of an object's content.
pub(super) fn read(
    engine: &Engine,
    object: &Object,
    first: u64,
    length: u64,
) -> Result<Vec<u8>, ServiceError> {
    engine.store.objects.read(&object.file, first, length).map_err(|error| internal(&error))
}

fn headers_of(object: &Object) -> Vec<(String, String)> {
    let mut headers = vec![
        ("etag".to_owned(), quoted(&object.etag)),
        ("last-modified".to_owned(), http_date(object.time)),
        ("accept-ranges".to_owned(), "bytes".to_owned()),
        ("x-amz-server-side-encryption".to_owned(), "AES256".to_owned()),
    ];
    headers.extend(object.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    let tags = object.tagging.as_ref().map_or(0, |text| text.matches("<Tag>").count());
    if tags > 0 {
        headers.push(("x-amz-tagging-count".to_owned(), tags.to_string()));
    }
    headers
}

pub(super) fn delete(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    check_version(request.parameter("versionId"))?;
    if request.header("if-match").is_some() {
        check_write_conditions(engine, request, bucket, key)?;
    }
    engine.state.buckets.set_object(bucket, key, None);
    Ok(S3Answer::no_content())
}

pub(super) fn delete_many(engine: &mut Engine, request: &S3Request<'_>, bucket: &str) -> S3Result {
    let body = xml::read(request.body).ok_or_else(malformed)?;
    let delete: &Json = xml::children(&body, "Delete").first().ok_or_else(malformed)?;
    let objects = xml::children(delete, "Object");
    if objects.is_empty() || objects.len() > MAX_DELETED_KEYS {
        return Err(malformed());
    }
    let is_quiet = xml::child_text(delete, "Quiet") == Some("true");
    // Nothing is deleted if a part of the request is malformed.
    let keys = objects.iter().map(|object| xml::child_text(object, "Key").ok_or_else(malformed));
    let keys = keys.collect::<Result<Vec<&str>, ServiceError>>()?;
    let mut result = Elements::default();
    for (object, key) in objects.iter().zip(keys) {
        let named = Elements::default().text("Key", key);
        match check_version(xml::child_text(object, "VersionId")) {
            Ok(()) => {
                engine.state.buckets.set_object(bucket, key, None);
                if !is_quiet {
                    result = result.nested("Deleted", named);
                }
            }
            Err(error) => {
                let failed = named.text("Code", error.code).text("Message", &error.message);
                result = result.nested("Error", failed);
            }
        }
    }
    Ok(S3Answer::ok(result.document("DeleteResult")))
}

pub(super) fn tagging(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    let object = engine.state.buckets.object(bucket, key).cloned().ok_or_else(|| missing_key(key))?;
    let tagging = match request.method {
        "GET" => {
            let empty = || Elements::default().nested("TagSet", Elements::default()).document("Tagging");
            return Ok(S3Answer::ok(object.tagging.map_or_else(empty, String::into_bytes)));
        }
        "DELETE" => None,
        _ => {
            let body = xml::read(request.body).ok_or_else(malformed)?;
            let tagging = xml::children(&body, "Tagging").first().ok_or_else(malformed)?;
            let tags = xml::children(tagging, "TagSet").first().ok_or_else(malformed)?;
            if xml::children(tags, "Tag").len() > MAX_TAGS {
                return Err(ServiceError::new("BadRequest", "Object tags cannot be greater than 10"));
            }
            Some(String::from_utf8_lossy(request.body).into_owned())
        }
    };
    let status = if tagging.is_none() { 204 } else { 200 };
    engine.state.buckets.set_object(bucket, key, Some(Object { tagging, ..object }));
    Ok(S3Answer { status, ..S3Answer::default() })
}

/// Returns a time in the format of HTTP headers: `Wed, 25 Nov 2026 10:00:00 GMT`.
fn http_date(time: Millis) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let seconds = i64::try_from(time / 1000).unwrap_or_default();
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_default()
}

/// Returns the value of the parameter `max-keys`, or of a similar parameter.
pub(super) fn max_parameter(request: &S3Request<'_>, name: &str) -> Result<usize, ServiceError> {
    match request.parameter(name) {
        None | Some("") => Ok(1000),
        Some(text) => match text.parse::<usize>() {
            Ok(max) if max <= 2_147_483_647 => Ok(max.min(1000)),
            _ => Err(invalid(&format!("Argument {name} must be an integer between 0 and 2147483647"))),
        },
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_is_written_as_http_has_it() {
        assert_eq!(super::http_date(1_795_600_800_000), "Wed, 25 Nov 2026 10:00:00 GMT");
    }

    #[test]
    fn an_etag_is_the_md5_of_the_content() {
        assert_eq!(super::md5_hex(b""), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
