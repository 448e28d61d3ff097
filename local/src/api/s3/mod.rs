//! S3: buckets with their settings, and objects with ranges, copies, deletions, lists and multipart uploads. Operations that
//! are not implemented are rejected, so that no client assumes that something was stored.

mod bucket;
mod chunked;
mod copy;
mod list;
mod multipart;
mod object;
mod range;
mod settings;
mod xml;

pub(crate) use self::chunked::decode as decode_chunks;

use hyper::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Bucket, Millis};

/// A request to S3.
pub(crate) struct S3Request<'a> {
    pub method: &'a str,
    /// The path of the URL, still percent-encoded.
    pub path: &'a str,
    /// The bucket, if the host names it.
    pub bucket_of_host: Option<&'a str>,
    pub query: Vec<(String, String)>,
    pub headers: &'a HeaderMap,
    pub region: &'a str,
    pub body: &'a [u8],
    pub time: Millis,
}

/// A response of S3.
#[derive(Debug, Default)]
pub(crate) struct S3Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The length that the response to `HEAD` states; the response has no body.
    pub length: Option<u64>,
}

impl S3Answer {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }
    }

    fn no_content() -> Self {
        Self { status: 204, ..Self::default() }
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

type S3Result = Result<S3Answer, ServiceError>;

impl<'a> S3Request<'a> {
    /// Returns the bucket and the key; each is empty if the request names none.
    pub(crate) fn target(&self) -> (String, String) {
        let path = self.path.strip_prefix('/').unwrap_or(self.path);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        match self.bucket_of_host {
            Some(bucket) => (bucket.to_owned(), decoded(path)),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                (decoded(bucket), decoded(key))
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(known, _)| known == name)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }
}

/// Returns the name of the operation of a request, as in the API Reference. Requests are counted by this name, and faults refer
/// to it.
pub(crate) fn operation(request: &S3Request<'_>) -> &'static str {
    let (bucket, key) = request.target();
    if bucket.is_empty() {
        return if request.method == "GET" { "ListBuckets" } else { UNKNOWN };
    }
    if key.is_empty() { bucket_operation(request) } else { object_operation(request) }
}

/// The maximum number of bytes in a key.
const MAX_KEY_BYTES: usize = 1024;

/// The name for all operations that local mode does not implement.
const UNKNOWN: &str = "UnknownS3Operation";

fn bucket_operation(request: &S3Request<'_>) -> &'static str {
    if let Some(setting) = settings::of_request(request) {
        return setting.operation(request.method).unwrap_or(UNKNOWN);
    }
    match request.method {
        "PUT" => "CreateBucket",
        "HEAD" => "HeadBucket",
        "DELETE" => "DeleteBucket",
        "POST" if request.has("delete") => "DeleteObjects",
        "GET" if request.has("uploads") => "ListMultipartUploads",
        "GET" if request.has("versions") => "ListObjectVersions",
        "GET" if request.parameter("list-type") == Some("2") => "ListObjectsV2",
        "GET" if request.query.iter().all(|(name, _)| list::PARAMETERS.contains(&name.as_str())) => {
            "ListObjects"
        }
        _ => UNKNOWN,
    }
}

fn object_operation(request: &S3Request<'_>) -> &'static str {
    let is_copy = request.headers.contains_key("x-amz-copy-source");
    match request.method {
        "POST" if request.has("uploads") => "CreateMultipartUpload",
        "POST" if request.has("uploadId") => "CompleteMultipartUpload",
        "PUT" if request.has("uploadId") && is_copy => "UploadPartCopy",
        "PUT" if request.has("uploadId") => "UploadPart",
        "DELETE" if request.has("uploadId") => "AbortMultipartUpload",
        "GET" if request.has("uploadId") => "ListParts",
        "GET" if request.has("tagging") => "GetObjectTagging",
        "PUT" if request.has("tagging") => "PutObjectTagging",
        "DELETE" if request.has("tagging") => "DeleteObjectTagging",
        _ if object::UNSUPPORTED.iter().any(|name| request.has(name)) => UNKNOWN,
        "PUT" if is_copy => "CopyObject",
        "PUT" => "PutObject",
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "DELETE" => "DeleteObject",
        _ => UNKNOWN,
    }
}

/// Performs a request to S3.
pub(crate) fn s3(engine: &mut Engine, request: &S3Request<'_>) -> S3Result {
    let (bucket, key) = request.target();
    let operation = operation(request);
    match operation {
        "ListBuckets" => return bucket::list(engine, request),
        "CreateBucket" => return bucket::create(engine, request, &bucket),
        UNKNOWN => return Err(not_implemented(request)),
        _ => {}
    }
    if engine.state.buckets.get(&bucket).is_none() && is_bootstrap_bucket(engine, request.region, &bucket) {
        engine.assume(format!("the bucket {bucket} of CDK's bootstrap stack"));
        engine.state.buckets.add(&bucket, Bucket::assumed(request.region, request.time));
    }
    if engine.state.buckets.get(&bucket).is_none() {
        return Err(missing_bucket(&bucket));
    }
    if key.is_empty()
        && let Some(setting) = settings::of_request(request)
    {
        return settings::answer(engine, request, &bucket, setting);
    }
    if key.len() > MAX_KEY_BYTES {
        return Err(ServiceError::new("KeyTooLongError", "Your key is too long"));
    }
    match operation {
        "HeadBucket" => bucket::head(engine, &bucket),
        "DeleteBucket" => bucket::delete(engine, &bucket),
        "DeleteObjects" => object::delete_many(engine, request, &bucket),
        "ListMultipartUploads" => Ok(multipart::list(engine, request, &bucket)),
        "ListObjectVersions" => list::versions(engine, request, &bucket),
        "ListObjectsV2" => list::objects_v2(engine, request, &bucket),
        "ListObjects" => list::objects(engine, request, &bucket),
        "CreateMultipartUpload" => Ok(multipart::create(engine, request, &bucket, &key)),
        "CompleteMultipartUpload" => multipart::complete(engine, request, &bucket, &key),
        "UploadPartCopy" => multipart::copy_part(engine, request, &bucket, &key),
        "UploadPart" => multipart::upload_part(engine, request, &bucket, &key),
        "AbortMultipartUpload" => multipart::abort(engine, request, &bucket, &key),
        "ListParts" => multipart::list_parts(engine, request, &bucket, &key),
        "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging" => {
            object::tagging(engine, request, &bucket, &key)
        }
        "CopyObject" => copy::copy_object(engine, request, &bucket, &key),
        "PutObject" => object::put(engine, request, &bucket, &key),
        "GetObject" | "HeadObject" => object::get(engine, request, &bucket, &key),
        "DeleteObject" => object::delete(engine, request, &bucket, &key),
        _ => Err(not_implemented(request)),
    }
}

/// Returns whether a bucket is that of CDK's bootstrap stack, which contains the assets: `cdk-QUALIFIER-assets-ACCOUNT-REGION`.
/// Local mode assumes that it exists, as `cdk deploy` does.
fn is_bootstrap_bucket(engine: &Engine, region: &str, bucket: &str) -> bool {
    let suffix = format!("-assets-{}-{region}", engine.settings.account);
    let qualifier = bucket.strip_prefix("cdk-").and_then(|rest| rest.strip_suffix(&suffix));
    qualifier.is_some_and(|name| !name.is_empty() && name.bytes().all(|one| one.is_ascii_alphanumeric()))
}

fn not_implemented(request: &S3Request<'_>) -> ServiceError {
    let names: Vec<&str> = request.query.iter().map(|(name, _)| name.as_str()).collect();
    ServiceError::new(
        "NotImplemented",
        format!(
            "Local mode does not implement this operation of S3: {} {}?{}",
            request.method,
            request.path,
            names.join("&")
        ),
    )
    .status(501)
}

fn missing_bucket(bucket: &str) -> ServiceError {
    ServiceError::new("NoSuchBucket", format!("The specified bucket does not exist: {bucket}")).status(404)
}

fn missing_key(key: &str) -> ServiceError {
    ServiceError::new("NoSuchKey", format!("The specified key does not exist: {key}")).status(404)
}

fn malformed() -> ServiceError {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    ServiceError::new("MalformedXML", message)
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::new("InvalidArgument", message)
}

fn internal(error: &std::io::Error) -> ServiceError {
    ServiceError::new("InternalError", error.to_string()).status(500)
}
