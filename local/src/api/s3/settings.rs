//! The settings of a bucket. Each setting is stored as the body of the request that put it, and returned in the same form.

use super::{S3Answer, S3Request, S3Result, malformed, missing_bucket, xml};
use crate::api::error::ServiceError;
use crate::engine::Engine;

/// A setting, by its name in the query.
pub(super) struct Setting {
    query: &'static str,
    /// The operations that put, get and delete it; empty if there is none.
    operations: [&'static str; 3],
    absent: Absent,
}

/// The response to a request for a setting that was not put.
enum Absent {
    Error { code: &'static str, message: &'static str },
    Body(&'static str),
}

const DEFAULT_ENCRYPTION: &str = "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>\
    <ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>\
    <BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>";

const DEFAULT_ACL: &str = "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>local</ID></Owner>\
    <AccessControlList></AccessControlList></AccessControlPolicy>";

const SETTINGS: [Setting; 15] = [
    setting(
        "publicAccessBlock",
        ["PutPublicAccessBlock", "GetPublicAccessBlock", "DeletePublicAccessBlock"],
        Absent::Error {
            code: "NoSuchPublicAccessBlockConfiguration",
            message: "The public access block configuration was not found",
        },
    ),
    setting(
        "encryption",
        ["PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption"],
        Absent::Body(DEFAULT_ENCRYPTION),
    ),
    setting(
        "policy",
        ["PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy"],
        Absent::Error { code: "NoSuchBucketPolicy", message: "The bucket policy does not exist" },
    ),
    setting(
        "versioning",
        ["PutBucketVersioning", "GetBucketVersioning", ""],
        Absent::Body("<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"),
    ),
    setting(
        "lifecycle",
        ["PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration", "DeleteBucketLifecycle"],
        Absent::Error {
            code: "NoSuchLifecycleConfiguration",
            message: "The lifecycle configuration does not exist",
        },
    ),
    setting(
        "ownershipControls",
        ["PutBucketOwnershipControls", "GetBucketOwnershipControls", "DeleteBucketOwnershipControls"],
        Absent::Error {
            code: "OwnershipControlsNotFoundError",
            message: "The bucket ownership controls were not found",
        },
    ),
    setting(
        "tagging",
        ["PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging"],
        Absent::Error { code: "NoSuchTagSet", message: "The TagSet does not exist" },
    ),
    setting(
        "logging",
        ["PutBucketLogging", "GetBucketLogging", ""],
        Absent::Body("<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"),
    ),
    setting(
        "cors",
        ["PutBucketCors", "GetBucketCors", "DeleteBucketCors"],
        Absent::Error { code: "NoSuchCORSConfiguration", message: "The CORS configuration does not exist" },
    ),
    setting(
        "website",
        ["PutBucketWebsite", "GetBucketWebsite", "DeleteBucketWebsite"],
        Absent::Error {
            code: "NoSuchWebsiteConfiguration",
            message: "The specified bucket does not have a website configuration",
        },
    ),
    setting(
        "notification",
        ["PutBucketNotificationConfiguration", "GetBucketNotificationConfiguration", ""],
        Absent::Body("<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"),
    ),
    setting(
        "requestPayment",
        ["PutBucketRequestPayment", "GetBucketRequestPayment", ""],
        Absent::Body(
            "<RequestPaymentConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
        ),
    ),
    setting(
        "accelerate",
        ["PutBucketAccelerateConfiguration", "GetBucketAccelerateConfiguration", ""],
        Absent::Body("<AccelerateConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"),
    ),
    setting("acl", ["PutBucketAcl", "GetBucketAcl", ""], Absent::Body(DEFAULT_ACL)),
    // The region is determined by the bucket.
    setting("location", ["", "GetBucketLocation", ""], Absent::Body("")),
];

const fn setting(query: &'static str, operations: [&'static str; 3], absent: Absent) -> Setting {
    Setting { query, operations, absent }
}

impl Setting {
    /// Returns the operation's name in the API reference.
    pub fn operation(&self, method: &str) -> Option<&'static str> {
        let [put, get, delete] = self.operations;
        let name = match method {
            "PUT" => put,
            "GET" => get,
            "DELETE" => delete,
            _ => "",
        };
        Some(name).filter(|name| !name.is_empty())
    }
}

/// Returns the setting that a request names.
pub(super) fn of_request(request: &S3Request<'_>) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| request.has(setting.query))
}

/// Rejects a body that a client could not parse when the endpoint returns it.
fn check_body(setting: &Setting, body: &[u8]) -> Result<(), ServiceError> {
    match setting.query {
        "policy" => match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(serde_json::Value::Object(_)) => Ok(()),
            _ => Err(ServiceError::new(
                "MalformedPolicy",
                "Policies must be valid JSON and the first byte must be '{'",
            )),
        },
        _ => xml::read(body)
            .filter(|read| read.as_object().is_some_and(|all| !all.is_empty()))
            .map(drop)
            .ok_or_else(malformed),
    }
}

pub(super) fn answer(
    engine: &mut Engine,
    request: &S3Request<'_>,
    name: &str,
    setting: &Setting,
) -> S3Result {
    if request.method != "GET" {
        let bucket = engine.state.buckets.get_mut(name).ok_or_else(|| missing_bucket(name))?;
        if request.method == "DELETE" {
            bucket.settings.remove(setting.query);
            return Ok(S3Answer::no_content());
        }
        // A request may set the access control list by headers, which have no effect.
        if setting.query == "acl" && request.body.is_empty() {
            return Ok(S3Answer::ok(""));
        }
        check_body(setting, request.body)?;
        let body = String::from_utf8_lossy(request.body).into_owned();
        bucket.settings.insert(setting.query.to_owned(), body);
        return Ok(S3Answer::ok(""));
    }
    let bucket = engine.state.buckets.get(name).ok_or_else(|| missing_bucket(name))?;
    if setting.query == "location" {
        let region = if bucket.region == "us-east-1" { "" } else { &bucket.region };
        return Ok(S3Answer::ok(format!(
            "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{region}</LocationConstraint>"
        )));
    }
    match (bucket.settings.get(setting.query), &setting.absent) {
        (Some(body), _) => Ok(S3Answer::ok(body.clone())),
        (None, Absent::Body(body)) => Ok(S3Answer::ok(*body)),
        (None, Absent::Error { code, message }) => Err(ServiceError::new(code, *message).status(404)),
    }
}
