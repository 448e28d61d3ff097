//! Responds to requests: applies the faults, calls the service, and saves the state.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::render::{dated, document_answer, error_answer, plain, query_answer, s3_answer};
use super::route::{Call, DocumentService, QueryService, bucket_of_host, header, is_allowed, region, route};
use super::{Shared, control, lock};
use crate::api::error::ServiceError;
use crate::api::s3::S3Request;
use crate::api::{cloud_control, cloudformation, s3, secrets_manager, service_quotas, ssm, sts};
use crate::engine::Engine;
use crate::faults::RequestFaultKind;
use crate::state::now;

/// The connection is closed without a response: because a fault requests it, or because the client sent no complete request.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed without a response")]
pub(super) struct Incomplete;

/// A request with its body.
pub(super) struct Received {
    pub parts: Parts,
    pub body: Bytes,
}

type Answered = Result<Response<Full<Bytes>>, Incomplete>;

/// Answers a request.
pub(super) async fn answer(mut received: Received, engine: Shared) -> Answered {
    if !is_allowed(&received.parts.headers) {
        return Ok(plain(403, "text/plain", "local mode answers to requests from this machine only"));
    }
    decode_body(&mut received);
    let Received { parts, body } = &received;
    let call = route(parts.method.as_str(), parts.uri.path(), &parts.headers, body);
    if matches!(call, Call::Control) {
        return Ok(control::control(parts.method.as_str(), parts.uri.path(), body, &engine));
    }
    let action = action_of(&call, &received);
    let fault = {
        let mut engine = lock(&engine);
        *engine.state.requests.entry(action.clone()).or_default() += 1;
        engine.settings.faults.of_request(&action, now() / 1000)
    };
    let mut skew = Duration::ZERO;
    match fault {
        Some((RequestFaultKind::Drop, _)) => return Err(Incomplete),
        Some((RequestFaultKind::Slow, time)) => tokio::time::sleep(time).await,
        Some((RequestFaultKind::ClockSkew, ahead)) => {
            skew = ahead;
            if !is_signed_now(header(&received.parts.headers, "x-amz-date"), skew) {
                let message =
                    "Signature expired: the time of the request is too far from that of the service";
                let error = ServiceError::new("RequestTimeTooSkewed", message).status(403);
                return Ok(dated(error_answer(&call, &error), skew));
            }
        }
        Some((RequestFaultKind::DropAnswer, _)) | None => {}
        Some((kind, _)) => return Ok(error_answer(&call, &error_of(kind))),
    }
    let shared = Arc::clone(&engine);
    // The engine computes and writes files, which must not block the async runtime.
    let work = tokio::task::spawn_blocking(move || perform(&mut lock(&shared), &call, &action, &received));
    let response = work.await.map_err(|_| Incomplete)?;
    if matches!(fault, Some((RequestFaultKind::DropAnswer, _))) {
        return Err(Incomplete);
    }
    Ok(dated(response, skew))
}

/// Decodes the encoding `aws-chunked`. Trailing headers are added to the headers.
fn decode_body(received: &mut Received) {
    let Received { parts, body } = received;
    let is_chunked = header(&parts.headers, "content-encoding").contains("aws-chunked")
        || header(&parts.headers, "x-amz-content-sha256").starts_with("STREAMING-");
    if !is_chunked {
        return;
    }
    let Some((content, trailers)) = s3::decode_chunks(body) else { return };
    *body = Bytes::from(content);
    for (name, value) in trailers {
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            parts.headers.insert(name, value);
        }
    }
}

fn s3_request<'a>(received: &'a Received, query: Vec<(String, String)>) -> S3Request<'a> {
    let headers = &received.parts.headers;
    S3Request {
        method: received.parts.method.as_str(),
        path: received.parts.uri.path(),
        bucket_of_host: bucket_of_host(header(headers, "host")),
        query,
        headers,
        region: region(header(headers, "authorization")),
        body: &received.body,
        time: now(),
    }
}

fn query_of(received: &Received) -> Vec<(String, String)> {
    let query = received.parts.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Returns the name of the operation, for counting and for faults.
fn action_of(call: &Call, received: &Received) -> String {
    match call {
        Call::Query { action, .. } | Call::Document { action, .. } => action.clone(),
        Call::S3 => s3::operation(&s3_request(received, query_of(received))).to_owned(),
        Call::BadForm(_) | Call::Control => String::new(),
    }
}

/// Performs an operation, and saves what it changed.
fn perform(engine: &mut Engine, call: &Call, action: &str, received: &Received) -> Response<Full<Bytes>> {
    let mut moved = engine.advance(now());
    let response = serve(engine, call, received);
    moved |= engine.advance(now());
    // Most requests only read the state, and do not change it.
    let saved = if moved || !is_reading(action) { engine.save() } else { Ok(()) };
    match saved {
        Ok(()) => response,
        Err(error) => {
            let message = format!("the state cannot be saved: {error}");
            error_answer(call, &ServiceError::new("InternalFailure", message).status(500))
        }
    }
}

/// Calls the service of the request.
fn serve(engine: &mut Engine, call: &Call, received: &Received) -> Response<Full<Bytes>> {
    let region = region(header(&received.parts.headers, "authorization"));
    match call {
        Call::Query { service: QueryService::Sts, action, form } => {
            let answer = sts::sts(engine, action, form, now());
            query_answer(call, action, sts::NAMESPACE, answer)
        }
        Call::Query { service: QueryService::CloudFormation, action, form } => {
            let request = cloudformation::Request { region, form: form.clone(), time: now() };
            let answer = cloudformation::cloudformation(engine, action, &request);
            query_answer(call, action, cloudformation::NAMESPACE, answer)
        }
        Call::Document { service, action, body } => {
            let answer = match service {
                DocumentService::Ssm => ssm::ssm(engine, action, region, body),
                DocumentService::SecretsManager => {
                    secrets_manager::secrets_manager(engine, action, region, body)
                }
                DocumentService::ServiceQuotas => {
                    service_quotas::service_quotas(engine, action, region, body)
                }
                DocumentService::CloudControl => cloud_control::cloud_control(engine, action, region, body),
            };
            document_answer(call, answer)
        }
        Call::S3 => {
            let request = s3_request(received, query_of(received));
            match s3::s3(engine, &request) {
                Ok(answer) => s3_answer(request.method, answer),
                Err(error) => error_answer(call, &error),
            }
        }
        Call::BadForm(message) => {
            error_answer(call, &ServiceError::new("MalformedQueryString", message.clone()))
        }
        Call::Control => plain(404, "text/plain", ""),
    }
}

/// Returns whether an operation only reads.
fn is_reading(action: &str) -> bool {
    ["Describe", "Get", "Head", "List", "Validate"].iter().any(|verb| action.starts_with(verb))
}

/// The maximum difference between two clocks.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Returns whether a clock that is ahead by this time accepts the time at which a request was signed.
fn is_signed_now(date: &str, ahead: Duration) -> bool {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    PrimitiveDateTime::parse(date, form)
        .is_ok_and(|signed| (OffsetDateTime::now_utc() + ahead - signed.assume_utc()).abs() < MAX_CLOCK_SKEW)
}

fn error_of(kind: RequestFaultKind) -> ServiceError {
    match kind {
        RequestFaultKind::Throttle => ServiceError::new("Throttling", "Rate exceeded"),
        RequestFaultKind::ExpiredToken => {
            ServiceError::new("ExpiredToken", "The security token included in the request is expired")
                .status(403)
        }
        RequestFaultKind::AccessDenied => {
            ServiceError::new("AccessDenied", "User is not authorized to perform this action").status(403)
        }
        _ => ServiceError::new("InternalFailure", "An internal error has occurred").status(500),
    }
}
