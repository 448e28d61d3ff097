//! Determines the service and the operation of a request.

use hyper::HeaderMap;
use serde_json::{Map, Value as Json};

use crate::api::query;

/// The operation of a request.
pub(super) enum Call {
    /// An operation of the query protocol.
    Query {
        service: QueryService,
        action: String,
        form: Map<String, Json>,
    },
    /// A form that cannot be read.
    BadForm(String),
    /// An operation of a JSON protocol.
    Document {
        service: DocumentService,
        action: String,
        body: Json,
    },
    S3,
    /// An operation on the endpoint itself.
    Control,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum QueryService {
    CloudFormation,
    Sts,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum DocumentService {
    Ssm,
    SecretsManager,
    ServiceQuotas,
    CloudControl,
}

/// Returns the value of a header; empty if it is absent or not text.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads the operation of a request.
pub(super) fn route(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Call {
    if path.starts_with("/_local/") {
        return Call::Control;
    }
    let target = header(headers, "x-amz-target");
    if let Some((service, action)) = target.split_once('.') {
        let service = match service {
            "AmazonSSM" => DocumentService::Ssm,
            "secretsmanager" => DocumentService::SecretsManager,
            "ServiceQuotasV20190624" => DocumentService::ServiceQuotas,
            _ => DocumentService::CloudControl,
        };
        let body = serde_json::from_slice(body).unwrap_or_default();
        return Call::Document { service, action: action.to_owned(), body };
    }
    let is_form = header(headers, "content-type").starts_with("application/x-www-form-urlencoded");
    if method != "POST" || !is_form {
        return Call::S3;
    }
    let form = match query::read(body) {
        Ok(form) => form,
        Err(message) => return Call::BadForm(message),
    };
    let text = |name: &str| form.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let is_sts = text("Version") == "2011-06-15";
    let service = if is_sts { QueryService::Sts } else { QueryService::CloudFormation };
    Call::Query { service, action: text("Action"), form }
}

/// Returns the region that a request was signed for: `Credential=ID/20261125/us-east-1/cloudformation/aws4_request`.
pub(crate) fn region(authorization: &str) -> &str {
    let scope = authorization.split("Credential=").nth(1).unwrap_or_default();
    let region = scope.split('/').nth(2).unwrap_or_default();
    let is_region = (1..=64).contains(&region.len())
        && region.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-');
    if is_region { region } else { "us-east-1" }
}

/// Returns whether a request was sent from this machine, and not by a web page of another site. The endpoint rejects all other
/// requests, because a browser allows any web page to send requests to it.
pub(super) fn is_allowed(headers: &HeaderMap) -> bool {
    let origin = header(headers, "origin");
    let is_origin_local =
        origin.is_empty() || origin.split_once("://").is_some_and(|(_, host)| is_loopback(host));
    is_loopback(header(headers, "host"))
        && is_origin_local
        && header(headers, "sec-fetch-site") != "cross-site"
}

fn is_loopback(host: &str) -> bool {
    let name = host_name(host);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") || name.ends_with(".localhost")
}

fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|one| one.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Returns the bucket that the host of a request names: `bucket.localhost:4566`, `bucket.s3.localhost:4566`.
pub(super) fn bucket_of_host(host: &str) -> Option<&str> {
    let before = host_name(host).strip_suffix(".localhost")?;
    let name = before.split_once(".s3").map_or(before, |(name, _)| name);
    Some(name).filter(|name| !name.is_empty() && *name != "s3" && !name.starts_with("s3."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_requests_of_this_machine_are_allowed() {
        assert!(is_allowed(&headers(&[("host", "127.0.0.1:4566")])));
        assert!(is_allowed(&headers(&[
            ("host", "bucket.localhost:4566"),
            ("origin", "http://localhost:3000")
        ])));
        for refused in [
            headers(&[]),
            headers(&[("host", "example.com")]),
            headers(&[("host", "127.0.0.1"), ("origin", "https://example.com")]),
            headers(&[("host", "127.0.0.1"), ("origin", "null")]),
            headers(&[("host", "127.0.0.1"), ("sec-fetch-site", "cross-site")]),
        ] {
            assert!(!is_allowed(&refused), "{refused:?}");
        }
    }

    #[test]
    fn a_region_is_read_from_the_signature() {
        assert_eq!(
            region("AWS4-HMAC-SHA256 Credential=ID/20261125/eu-west-1/s3/aws4_request, …"),
            "eu-west-1"
        );
        assert_eq!(region(""), "us-east-1");
        assert_eq!(region("Credential=a/b/<x>/s3"), "us-east-1");
    }

    #[test]
    fn a_host_may_name_a_bucket() {
        assert_eq!(bucket_of_host("assets.localhost:4566"), Some("assets"));
        assert_eq!(bucket_of_host("assets.s3.us-east-1.localhost"), Some("assets"));
        assert_eq!(bucket_of_host("localhost:4566"), None);
        assert_eq!(bucket_of_host("127.0.0.1:4566"), None);
    }
}
