//! Converts results into HTTP responses, in the format of the protocol of the request.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::format_description;

use super::route::Call;
use crate::api::cloudformation::{self, Answer};
use crate::api::error::ServiceError;
use crate::api::query;
use crate::api::s3::S3Answer;
use crate::state::unique_id;

/// Returns a response with a body of a type.
pub(super) fn plain(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert("content-type", value);
    }
    response
}

/// Returns the response to an operation of the query protocol.
pub(super) fn query_answer(
    call: &Call,
    action: &str,
    namespace: &str,
    answer: Answer,
) -> Response<Full<Bytes>> {
    match answer {
        Ok(result) => plain(200, "text/xml", query::answer(action, namespace, &result, &unique_id())),
        Err(error) => error_answer(call, &error),
    }
}

/// Returns the response to an operation of a JSON protocol.
pub(super) fn document_answer(call: &Call, answer: Answer) -> Response<Full<Bytes>> {
    match answer {
        Ok(answer) => plain(200, "application/x-amz-json-1.1", answer.to_string()),
        Err(error) => error_answer(call, &error),
    }
}

/// Returns an error in the form of the protocol of the request.
pub(super) fn error_answer(call: &Call, error: &ServiceError) -> Response<Full<Bytes>> {
    match call {
        Call::Document { .. } => {
            let body = json!({ "__type": error.code, "message": error.message, "Message": error.message });
            plain(error.status, "application/x-amz-json-1.1", body.to_string())
        }
        Call::S3 => {
            let (code, message) = (query::xml_text(error.code), query::xml_text(&error.message));
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            );
            plain(error.status, "application/xml", body)
        }
        Call::Query { .. } | Call::BadForm(_) | Call::Control => {
            let (namespace, id) = (cloudformation::NAMESPACE, unique_id());
            let body = query::error(error.code, &error.message, error.status, namespace, &id);
            plain(error.status, "text/xml", body)
        }
    }
}

/// Returns the response to a request to S3.
pub(super) fn s3_answer(method: &str, answer: S3Answer) -> Response<Full<Bytes>> {
    let is_head = method == "HEAD";
    let length = answer.length.unwrap_or(answer.body.len() as u64);
    let body = if is_head { Vec::new() } else { answer.body };
    let mut response = plain(answer.status, "application/xml", body);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            response.headers_mut().insert(name, value);
        }
    }
    if is_head {
        response.headers_mut().insert("content-length", length.into());
    }
    response
}

/// Sets the time of a response to that of a clock that is ahead.
pub(super) fn dated(mut response: Response<Full<Bytes>>, ahead: Duration) -> Response<Full<Bytes>> {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = (OffsetDateTime::now_utc() + ahead).format(form).ok().and_then(|text| text.parse().ok());
    if let Some(date) = date.filter(|_| !ahead.is_zero()) {
        response.headers_mut().insert("date", date);
    }
    response
}
