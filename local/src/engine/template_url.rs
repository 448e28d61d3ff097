//! Templates that requests and nested stacks name by the URL of an object.

use percent_encoding::percent_decode_str;
use stackwright_schemas::limits::limits;

use crate::api::error::ServiceError;
use crate::engine::Engine;

/// Returns the text of an object by its URL, with the bucket in the host name or in the path.
pub(crate) fn object_of_url(engine: &Engine, url: &str) -> Result<String, ServiceError> {
    let unreadable = || {
        ServiceError::validation(
            "S3 error: Access Denied\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        )
    };
    let (_, rest) = url
        .split_once("://")
        .ok_or_else(|| ServiceError::validation("TemplateURL must be a supported URL.".to_owned()))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split('?').next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8_lossy();
    let (bucket, key) = match host.split_once(".s3") {
        Some((bucket, _)) if !bucket.is_empty() => (bucket.to_owned(), path.into_owned()),
        _ => {
            let (bucket, key) = path.split_once('/').ok_or_else(unreadable)?;
            (bucket.to_owned(), key.to_owned())
        }
    };
    let object = engine.state.buckets.object(&bucket, &key).ok_or_else(unreadable)?;
    let max = limits().template_url_bytes;
    if object.bytes > max as u64 {
        return Err(ServiceError::validation(format!("Template may not exceed {max} bytes in size.")));
    }
    let content = engine.store.objects.read(&object.file, 0, object.bytes).map_err(|error| {
        ServiceError::new("InternalFailure", format!("the object {bucket}/{key}: {error}")).status(500)
    })?;
    String::from_utf8(content).map_err(|_| unreadable())
}
