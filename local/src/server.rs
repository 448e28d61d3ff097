//! The endpoint: one port for all services, on loopback.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value as Json, json};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::cloud::{Cloud, Settings, now, unique_id};
use crate::error::Refusal;
use crate::faults::{Faults, RequestFaultKind};
use crate::{cloudformation, query, s3, services};

/// What a request may hold at most, in bytes: an asset in one piece.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// How the endpoint behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where the state is kept; a folder that goes with the endpoint if absent.
    pub folder: Option<PathBuf>,
    /// The port; a free one for 0.
    pub port: u16,
    /// The account that everything belongs to.
    pub account: String,
    /// How long it takes to make, change or delete a resource.
    pub resource_time: Duration,
    /// How long it takes to make a change set.
    pub change_set_time: Duration,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: None,
            port: 0,
            account: "000000000000".into(),
            resource_time: Duration::ZERO,
            change_set_time: Duration::ZERO,
            faults: Faults::default(),
        }
    }
}

/// A CloudFormation endpoint that runs in this process. It ends when this is dropped.
#[derive(Debug)]
pub struct Local {
    cloud: Arc<Mutex<Cloud>>,
    address: SocketAddr,
    server: JoinHandle<()>,
    /// Goes with the endpoint.
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Local {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Local {
    /// Starts the endpoint on the runtime that the caller is in.
    ///
    /// # Errors
    /// The port is taken, or the folder cannot be read or written.
    pub async fn start(options: Options) -> io::Result<Self> {
        let (folder, own) = match options.folder {
            Some(folder) => (folder, None),
            None => {
                let own = tempfile::tempdir()?;
                (own.path().to_owned(), Some(own))
            }
        };
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let settings = Settings {
            account: options.account,
            resource_time: millis(options.resource_time),
            change_set_time: millis(options.change_set_time),
            faults: options.faults,
        };
        let cloud = Arc::new(Mutex::new(Cloud::open(&folder, settings)?));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(listen(listener, Arc::clone(&cloud)));
        Ok(Self { cloud, address, server, _folder: own })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has other things go wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.cloud).settings.faults = faults;
    }

    /// How often each operation was asked for.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        lock(&self.cloud).state.requests.clone()
    }
}

/// A request that panicked has not left the state half-changed for long: it is saved in one piece.
fn lock(cloud: &Mutex<Cloud>) -> MutexGuard<'_, Cloud> {
    cloud.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(listener: TcpListener, cloud: Arc<Mutex<Cloud>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let cloud = Arc::clone(&cloud);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&cloud)));
            // A client that goes away is none of our business.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Cuts the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on request")]
struct Cut;

/// What a request is for.
enum Call {
    Query { service: Service, action: String, form: Map<String, Json> },
    Document { service: Service, action: String, body: Json },
    S3,
    Own,
}

#[derive(Clone, Copy, PartialEq)]
enum Service {
    CloudFormation,
    Sts,
    Ssm,
    CloudControl,
}

async fn answer(request: Request<Incoming>, cloud: Arc<Mutex<Cloud>>) -> Result<Response<Full<Bytes>>, Cut> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else { return Err(Cut) };
    let mut body = body.to_bytes();
    let header = |name: &str| header(&parts.headers, name);
    if !is_local(header("host")) {
        return Ok(plain(403, "text/plain", "this endpoint answers to loopback only"));
    }
    if header("content-encoding").contains("aws-chunked")
        || header("x-amz-content-sha256").starts_with("STREAMING-")
    {
        body = s3::unchunked(&body).map_or(body, Bytes::from);
    }
    let region = region(header("authorization")).to_owned();
    let call = call(parts.method.as_str(), parts.uri.path(), &parts.headers, &body);
    let s3_request = s3::S3Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        region: &region,
        content_type: header("content-type"),
        body: &body,
        time: now(),
    };
    let action = match &call {
        Call::Query { action, .. } | Call::Document { action, .. } => action.clone(),
        Call::S3 => s3::operation(&s3_request).to_owned(),
        Call::Own => return Ok(own(&s3_request, &cloud)),
    };
    let fault = {
        let mut cloud = lock(&cloud);
        *cloud.state.requests.entry(action.clone()).or_default() += 1;
        cloud.settings.faults.of_request(&action)
    };
    let mut skew = Duration::ZERO;
    match fault {
        Some((RequestFaultKind::Drop, _)) => return Err(Cut),
        Some((RequestFaultKind::Slow, time)) => tokio::time::sleep(Duration::from_millis(time)).await,
        Some((RequestFaultKind::ClockSkew, ahead)) => {
            skew = Duration::from_millis(ahead);
            if !is_signed_now(header("x-amz-date"), skew) {
                let words = "Signature expired: the time of the request is too far from that of the service";
                let refusal = Refusal::new("RequestTimeTooSkewed", words).status(403);
                return Ok(dated(refused(&call, &refusal), skew));
            }
        }
        Some((RequestFaultKind::DropAnswer, _)) | None => {}
        Some((kind, _)) => return Ok(refused(&call, &refusal_of(kind))),
    }
    let response = {
        let mut cloud = lock(&cloud);
        let mut moved = cloud.advance(now());
        let response = match &call {
            Call::Query { service: Service::Sts, action, form } => {
                written_query(action, services::STS, cloud.sts(action, form, now()), &call)
            }
            Call::Query { action, form, .. } => {
                let request = cloudformation::Request { region: &region, form: form.clone(), time: now() };
                let answer = cloud.cloudformation(action, &request);
                written_query(action, cloudformation::NAMESPACE, answer, &call)
            }
            Call::Document { service, action, body } => {
                let answer = match service {
                    Service::Ssm => cloud.ssm(action, &region, body),
                    _ => cloud.cloud_control(action, &region, body),
                };
                match answer {
                    Ok(answer) => plain(200, "application/x-amz-json-1.1", answer.to_string()),
                    Err(refusal) => refused(&call, &refusal),
                }
            }
            Call::S3 => match cloud.s3(&s3_request) {
                Ok(answer) => s3_response(&s3_request, answer),
                Err(refusal) => refused(&call, &refusal),
            },
            Call::Own => return Err(Cut),
        };
        moved |= cloud.advance(now());
        // Most requests look, and find all as it was.
        let saved = if moved || !looks(&action) { cloud.save() } else { Ok(()) };
        match saved {
            Ok(()) => response,
            Err(error) => refused(
                &call,
                &Refusal::new("InternalFailure", format!("the state cannot be kept: {error}")).status(500),
            ),
        }
    };
    if matches!(fault, Some((RequestFaultKind::DropAnswer, _))) {
        return Err(Cut);
    }
    Ok(dated(response, skew))
}

/// Whether an operation changes nothing.
fn looks(action: &str) -> bool {
    ["Describe", "Get", "Head", "List", "Validate"].iter().any(|verb| action.starts_with(verb))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A page of somebody else that finds its way here by a name it owns is turned away.
fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") || name.ends_with(".localhost")
}

/// The region that a request was signed for: `Credential=ID/20261125/us-east-1/cloudformation/aws4_request`.
fn region(authorization: &str) -> &str {
    let scope = authorization.split("Credential=").nth(1).unwrap_or_default();
    scope.split('/').nth(2).filter(|region| !region.is_empty()).unwrap_or("us-east-1")
}

fn call(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Call {
    if path.starts_with("/_local/") {
        return Call::Own;
    }
    let target = header(headers, "x-amz-target");
    if let Some((service, action)) = target.split_once('.') {
        let service = if service.starts_with("AmazonSSM") { Service::Ssm } else { Service::CloudControl };
        let body = serde_json::from_slice(body).unwrap_or_default();
        return Call::Document { service, action: action.to_owned(), body };
    }
    let is_form = header(headers, "content-type").starts_with("application/x-www-form-urlencoded");
    if method == "POST" && is_form {
        let form = query::read(body);
        let action = form.get("Action").and_then(Json::as_str).unwrap_or_default().to_owned();
        let is_sts = form.get("Version").and_then(Json::as_str) == Some("2011-06-15");
        let service = if is_sts { Service::Sts } else { Service::CloudFormation };
        return Call::Query { service, action, form };
    }
    Call::S3
}

/// How far apart two clocks may be.
const CLOCKS_APART: Duration = Duration::from_secs(5 * 60);

/// Whether a request was signed at a time that a clock so far ahead accepts.
fn is_signed_now(date: &str, ahead: Duration) -> bool {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    PrimitiveDateTime::parse(date, form)
        .is_ok_and(|signed| (OffsetDateTime::now_utc() + ahead - signed.assume_utc()).abs() < CLOCKS_APART)
}

/// An answer with the time of a clock so far ahead; without a word where it is not.
fn dated(mut response: Response<Full<Bytes>>, ahead: Duration) -> Response<Full<Bytes>> {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = (OffsetDateTime::now_utc() + ahead).format(form).ok().and_then(|text| text.parse().ok());
    if let Some(date) = date.filter(|_| !ahead.is_zero()) {
        response.headers_mut().insert("date", date);
    }
    response
}

fn refusal_of(kind: RequestFaultKind) -> Refusal {
    match kind {
        RequestFaultKind::Throttle => Refusal::new("Throttling", "Rate exceeded"),
        RequestFaultKind::ExpiredToken => {
            Refusal::new("ExpiredToken", "The security token included in the request is expired").status(403)
        }
        RequestFaultKind::AccessDenied => {
            Refusal::new("AccessDenied", "User is not authorized to perform this action").status(403)
        }
        _ => Refusal::new("InternalFailure", "An internal error has occurred").status(500),
    }
}

fn written_query(
    action: &str,
    namespace: &str,
    answer: cloudformation::Answer,
    call: &Call,
) -> Response<Full<Bytes>> {
    match answer {
        Ok(result) => plain(200, "text/xml", query::answer(action, namespace, &result, &unique_id())),
        Err(refusal) => refused(call, &refusal),
    }
}

fn refused(call: &Call, refusal: &Refusal) -> Response<Full<Bytes>> {
    match call {
        Call::Document { .. } => {
            let body = json!({ "__type": refusal.code, "message": refusal.message });
            plain(refusal.status, "application/x-amz-json-1.1", body.to_string())
        }
        Call::S3 => {
            let (code, message) =
                (quick_xml::escape::escape(refusal.code), quick_xml::escape::escape(&refusal.message));
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            plain(refusal.status, "application/xml", body)
        }
        Call::Query { .. } | Call::Own => {
            let id = unique_id();
            let body = query::refusal(
                refusal.code,
                &refusal.message,
                refusal.status,
                cloudformation::NAMESPACE,
                &id,
            );
            plain(refusal.status, "text/xml", body)
        }
    }
}

fn plain(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert("content-type", value);
    }
    response
}

fn s3_response(request: &s3::S3Request<'_>, answer: s3::S3Answer) -> Response<Full<Bytes>> {
    let length = answer.body.len();
    let is_head = request.method == "HEAD";
    let mut response =
        plain(answer.status, "application/xml", if is_head { Vec::new() } else { answer.body });
    for (name, value) in answer.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    if is_head {
        response.headers_mut().insert("content-length", length.into());
    }
    response
}

/// What this endpoint is told about itself: `PUT /_local/faults`, `PUT /_local/drift`, `GET /_local/requests`.
fn own(request: &s3::S3Request<'_>, cloud: &Mutex<Cloud>) -> Response<Full<Bytes>> {
    let mut cloud = lock(cloud);
    let wrong = |message: String| plain(400, "text/plain", message);
    match (request.method, request.path) {
        ("GET", "/_local/health") => plain(200, "application/json", "{}"),
        ("GET", "/_local/requests") => {
            plain(200, "application/json", json!(cloud.state.requests).to_string())
        }
        ("PUT", "/_local/faults") => match serde_json::from_slice(request.body) {
            Ok(faults) => {
                cloud.settings.faults = faults;
                plain(200, "application/json", "{}")
            }
            Err(error) => wrong(format!("these are no faults: {error}")),
        },
        ("PUT", "/_local/drift") => {
            let Ok(given) = serde_json::from_slice::<Json>(request.body) else {
                return wrong("this is no JSON".into());
            };
            let name = given["stack"].as_str().unwrap_or_default();
            let Some(position) =
                cloud.state.stacks.iter().position(|one| one.name == name && !one.is_deleted())
            else {
                return wrong(format!("there is no stack {name:?}"));
            };
            let properties = given["properties"].as_object().cloned();
            if !cloud.drift(position, given["resource"].as_str().unwrap_or_default(), properties) {
                return wrong(format!("{name} has no resource {}", given["resource"]));
            }
            match cloud.save() {
                Ok(()) => plain(200, "application/json", "{}"),
                Err(error) => wrong(error.to_string()),
            }
        }
        _ => plain(404, "text/plain", "faults, drift, requests and health are here"),
    }
}
