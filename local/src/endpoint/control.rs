//! Operations on the endpoint itself: `PUT /_local/faults`, `PUT /_local/drift`,
//! `GET /_local/requests`, `GET /_local/assumptions`, `GET /_local/health`.

use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde_json::{Map, Value as Json, json};

use super::lock;
use super::render::plain;
use crate::engine::Engine;

type Answer = Response<Full<Bytes>>;

/// Performs a request to a path below `/_local/`.
pub(super) fn control(method: &str, path: &str, body: &[u8], engine: &Mutex<Engine>) -> Answer {
    let mut engine = lock(engine);
    match (method, path) {
        ("GET", "/_local/health") => plain(200, "application/json", "{}"),
        ("GET", "/_local/requests") => {
            plain(200, "application/json", json!(engine.state.requests).to_string())
        }
        ("GET", "/_local/assumptions") => {
            plain(200, "application/json", json!(engine.assumptions()).to_string())
        }
        ("PUT", "/_local/faults") => match serde_json::from_slice(body) {
            Ok(faults) => {
                engine.settings.faults = faults;
                plain(200, "application/json", "{}")
            }
            Err(error) => bad_request(format!("the body does not describe faults: {error}")),
        },
        ("PUT", "/_local/drift") => saved(&mut engine, body, set_drift),
        _ => plain(
            404,
            "text/plain",
            "local mode has /_local/faults, /_local/drift, /_local/requests, /_local/assumptions and /_local/health",
        ),
    }
}

fn bad_request(message: String) -> Answer {
    plain(400, "text/plain", message)
}

/// Calls a function with the document of a request, and saves the state.
fn saved(
    engine: &mut Engine,
    body: &[u8],
    work: fn(&mut Engine, &Map<String, Json>) -> Result<(), String>,
) -> Answer {
    let Ok(document) = serde_json::from_slice::<Map<String, Json>>(body) else {
        return bad_request("the body is not a JSON object".into());
    };
    if let Err(message) = work(engine, &document) {
        return bad_request(message);
    }
    match engine.save() {
        Ok(()) => plain(200, "application/json", "{}"),
        Err(error) => bad_request(error.to_string()),
    }
}

/// Changes a resource outside of its stack.
fn set_drift(engine: &mut Engine, document: &Map<String, Json>) -> Result<(), String> {
    let text = |name: &str| document.get(name).and_then(Json::as_str).unwrap_or_default();
    let (name, id) = (text("stack"), text("resource"));
    let position = engine.state.stacks.iter().position(|one| one.name == name && !one.is_deleted());
    let position = position.ok_or_else(|| format!("there is no stack with the name {name:?}"))?;
    let properties = document.get("properties").and_then(Json::as_object).cloned();
    if engine.drift(position, id, properties) {
        return Ok(());
    }
    Err(format!("the stack {name} has no resource with the logical ID {id:?}"))
}
