//! Copies of objects.

use percent_encoding::percent_decode_str;

use super::object::{check_version, check_write_conditions, kept_headers, quoted};
use super::xml::Elements;
use super::{S3Answer, S3Request, S3Result, invalid, missing_bucket, missing_key};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Object, iso_time};

/// Returns the object that the header `x-amz-copy-source` names.
pub(super) fn source(
    engine: &Engine,
    request: &S3Request<'_>,
) -> Result<(String, String, Object), ServiceError> {
    let header = request.header("x-amz-copy-source").unwrap_or_default();
    let (path, version) =
        header.split_once("?versionId=").map_or((header, None), |(path, id)| (path, Some(id)));
    check_version(version)?;
    let path = percent_decode_str(path.strip_prefix('/').unwrap_or(path)).decode_utf8_lossy().into_owned();
    let (bucket, key) = path
        .split_once('/')
        .filter(|(_, key)| !key.is_empty())
        .ok_or_else(|| invalid("Invalid copy source object key"))?;
    if engine.state.buckets.get(bucket).is_none() {
        return Err(missing_bucket(bucket));
    }
    let object = engine.state.buckets.object(bucket, key).ok_or_else(|| missing_key(key))?;
    check_source_conditions(request, object)?;
    Ok((bucket.to_owned(), key.to_owned(), object.clone()))
}

fn check_source_conditions(request: &S3Request<'_>, object: &Object) -> Result<(), ServiceError> {
    let is_it = |header: &str| header.trim_matches('"') == object.etag || header == "*";
    let fails = request.header("x-amz-copy-source-if-match").is_some_and(|wanted| !is_it(wanted))
        || request.header("x-amz-copy-source-if-none-match").is_some_and(is_it);
    if fails {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(ServiceError::new("PreconditionFailed", message).status(412));
    }
    Ok(())
}

pub(super) fn copy_object(engine: &mut Engine, request: &S3Request<'_>, bucket: &str, key: &str) -> S3Result {
    let (from_bucket, from_key, found) = source(engine, request)?;
    check_write_conditions(engine, request, bucket, key)?;
    let replaces_headers = request.header("x-amz-metadata-directive") == Some("REPLACE");
    let replaces_tags = request.header("x-amz-tagging-directive") == Some("REPLACE");
    let changes_class = request.header("x-amz-storage-class").is_some();
    if from_bucket == bucket && from_key == key && !replaces_headers && !changes_class {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the \
                       object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(ServiceError::new("InvalidRequest", message));
    }
    let mut copy = Object { time: request.time, ..found };
    if replaces_headers {
        copy.headers = kept_headers(request);
    } else if let Some(class) = request.header("x-amz-storage-class") {
        copy.headers.insert("x-amz-storage-class".to_owned(), class.to_owned());
    }
    if replaces_tags {
        copy.tagging = super::object::tagging_of_header(request);
    }
    let result =
        Elements::default().text("LastModified", iso_time(copy.time)).text("ETag", quoted(&copy.etag));
    engine.state.buckets.set_object(bucket, key, Some(copy));
    Ok(S3Answer::ok(result.document("CopyObjectResult")))
}
