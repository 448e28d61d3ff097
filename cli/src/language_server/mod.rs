//! A language server for templates. It offers the diagnostics, explanations and fixes of `check`.
//!
//! A server was chosen instead of `check --watch`, because it shows findings at their line in every editor, and
//! because it is small: the whole template is checked after each change, which takes milliseconds.

mod document;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use lsp_server::{Connection, ErrorCode, Message, Notification, ProtocolError, Request, Response};
use serde_json::{Value as JsonValue, json};
use stackwright_review::check::{Options, check, rule_named, unreadable};
use stackwright_review::{Diagnostic, Severity};
use stackwright_synth::{Assembly, Recovered};

use self::document::{Document, range};
use crate::failure::{ExitCode, Failure};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Returns the options for a file, or the message of an error in its configuration.
type OptionsOf<'o> = dyn Fn(Option<&std::path::Path>) -> std::result::Result<Options, String> + 'o;

/// Serves one editor until it sends `exit`.
pub(crate) fn run(options: &OptionsOf<'_>) -> std::result::Result<(), Failure> {
    let (connection, threads) = Connection::stdio();
    let served = serve(&connection, options);
    // The threads end when the connection is closed.
    drop(connection);
    let is_disconnected = |error: &(dyn std::error::Error + Send + Sync + 'static)| {
        error.downcast_ref::<ProtocolError>().is_some_and(ProtocolError::channel_is_disconnected)
    };
    let read = match &served {
        // Another error leaves the thread waiting for a message.
        Err(error) if !is_disconnected(error.as_ref()) => Ok(()),
        _ => threads.join(),
    };
    let hint = "an editor starts this command; docs/checking.md shows how to configure it";
    match (read, served) {
        (Err(error), _) => Err(Failure::new(format!(
            "standard input is not a message of the Language Server Protocol: {error}"
        ))
        .hint(hint)),
        (Ok(()), Ok(true)) => Ok(()),
        // The protocol demands this exit code.
        (Ok(()), Ok(false)) => Err(Failure::reported().with_code(ExitCode::Failure)),
        (Ok(()), Err(error)) if is_disconnected(error.as_ref()) => {
            Err(Failure::new("standard input ended before the editor sent `initialize`").hint(hint))
        }
        (Ok(()), Err(error)) => Err(Failure::new(error)),
    }
}

/// Serves the messages of a connection. Returns whether the editor sent `shutdown` before the end.
fn serve(connection: &Connection, options: &OptionsOf<'_>) -> Result<bool> {
    connection.initialize(json!({
        "textDocumentSync": { "openClose": true, "change": 2 },
        "hoverProvider": true,
        "codeActionProvider": { "codeActionKinds": ["quickfix"] },
    }))?;
    let mut server = Server { connection, options, documents: HashMap::new(), reported: None };
    for message in &connection.receiver {
        match message {
            Message::Request(request) if connection.handle_shutdown(&request)? => return Ok(true),
            Message::Request(request) => server.request(request)?,
            Message::Notification(notification) if notification.method == "exit" => break,
            Message::Notification(notification) => server.notification(&notification)?,
            Message::Response(_) => {}
        }
    }
    Ok(false)
}

struct Server<'c> {
    connection: &'c Connection,
    options: &'c OptionsOf<'c>,
    /// The open documents, with their findings.
    documents: HashMap<String, Document>,
    /// The error of a configuration that was reported last.
    reported: Option<String>,
}

impl Server<'_> {
    fn notification(&mut self, notification: &Notification) -> Result<()> {
        let document = &notification.params["textDocument"];
        let Some(uri) = document["uri"].as_str().map(str::to_owned) else { return Ok(()) };
        match notification.method.as_str() {
            "textDocument/didOpen" => match document["text"].as_str() {
                Some(text) => self.check(uri, text.to_owned(), &document["version"]),
                None => self.log(&format!("{uri} was opened without its text")),
            },
            "textDocument/didChange" => {
                let changes = notification.params["contentChanges"].as_array();
                let open = self.documents.get(&uri).zip(changes);
                match open.and_then(|(open, changes)| open.changed(changes)) {
                    Some(text) => self.check(uri, text, &document["version"]),
                    None => self.log(&format!("the change of {uri} does not fit a document that is open")),
                }
            }
            "textDocument/didClose" => {
                self.documents.remove(&uri);
                self.publish(&uri, &[], &JsonValue::Null)
            }
            _ => Ok(()),
        }
    }

    fn check(&mut self, uri: String, text: String, version: &JsonValue) -> Result<()> {
        let found = if document::is_template(&text) { self.findings(&uri, &text)? } else { Vec::new() };
        let counting = found.iter().filter(|one| one.acknowledged.is_none());
        let shown: Vec<JsonValue> = counting.map(|one| diagnostic(one, &text)).collect();
        self.documents.insert(uri.clone(), Document { text, found });
        self.publish(&uri, &shown, version)
    }

    fn findings(&mut self, uri: &str, text: &str) -> Result<Vec<Diagnostic>> {
        let options = match (self.options)(document::path(uri).as_deref()) {
            Ok(options) => options,
            Err(message) => {
                if self.reported.as_ref() != Some(&message) {
                    self.notify("window/showMessage", json!({ "type": 1, "message": message }))?;
                    self.reported = Some(message);
                }
                Options::default()
            }
        };
        Ok(match Assembly::of_template_with_errors(uri, text.to_owned()) {
            Ok(Recovered { value: assembly, errors, .. }) => {
                let errors = errors.iter().map(|error| unreadable(uri, error));
                errors.chain(check(&assembly, &options).diagnostics).collect()
            }
            Err(error) => vec![unreadable(uri, &error)],
        })
    }

    fn publish(&self, uri: &str, diagnostics: &[JsonValue], version: &JsonValue) -> Result<()> {
        let mut parameters = json!({ "uri": uri, "diagnostics": diagnostics });
        if version.is_number() {
            parameters["version"] = version.clone();
        }
        self.notify("textDocument/publishDiagnostics", parameters)
    }

    fn log(&self, message: &str) -> Result<()> {
        self.notify("window/logMessage", json!({ "type": 2, "message": message }))
    }

    fn notify(&self, method: &str, parameters: JsonValue) -> Result<()> {
        let notification = Notification::new(method.to_owned(), parameters);
        Ok(self.connection.sender.send(Message::Notification(notification))?)
    }

    fn request(&self, request: Request) -> Result<()> {
        let parameters = &request.params;
        let open = parameters["textDocument"]["uri"].as_str().map(|uri| (uri, self.documents.get(uri)));
        let result = match (request.method.as_str(), open) {
            ("textDocument/hover" | "textDocument/codeAction", None) => {
                Err((ErrorCode::InvalidParams, "the request names no document".to_owned()))
            }
            ("textDocument/hover", Some((_, open))) => {
                let line = parameters["position"]["line"].as_u64();
                Ok(open.map_or(JsonValue::Null, |open| hover(open, line)))
            }
            ("textDocument/codeAction", Some((uri, open))) => {
                Ok(open.map_or(json!([]), |open| actions(uri, open, parameters)))
            }
            (other, _) => Err((ErrorCode::MethodNotFound, format!("the method {other} is not supported"))),
        };
        let response = match result {
            Ok(result) => Response::new_ok(request.id, result),
            Err((code, message)) => Response::new_err(request.id, code as i32, message),
        };
        Ok(self.connection.sender.send(Message::Response(response))?)
    }
}

/// Returns the explanation of the rules that have findings on a line.
fn hover(open: &Document, line: Option<u64>) -> JsonValue {
    let on_line = open.found.iter().filter(|one| line_of(one, &open.text) == line);
    let mut names: Vec<&str> = on_line.map(|one| one.id.as_ref()).collect();
    names.sort_unstable();
    names.dedup();
    let pages: Vec<String> = names.iter().filter_map(|name| Some(rule_named(name)?.page())).collect();
    if pages.is_empty() {
        return JsonValue::Null;
    }
    json!({ "contents": { "kind": "markdown", "value": pages.join("\n\n---\n\n") } })
}

/// Returns the fixes of the findings on a range of lines.
fn actions(uri: &str, open: &Document, parameters: &JsonValue) -> JsonValue {
    let only = parameters["context"]["only"].as_array();
    if only.is_some_and(|kinds| !kinds.iter().any(|kind| kind == "quickfix" || kind == "")) {
        return json!([]);
    }
    let range = &parameters["range"];
    let lines = range["start"]["line"].as_u64()..=range["end"]["line"].as_u64();
    let with_fix =
        open.found.iter().filter(|one| one.fix.is_some() && lines.contains(&line_of(one, &open.text)));
    with_fix.filter_map(|one| action(uri, open, one)).collect()
}

/// Returns the line of a diagnostic, counted from 0.
fn line_of(one: &Diagnostic, text: &str) -> Option<u64> {
    range(one.location.as_ref(), text)["start"]["line"].as_u64()
}

fn action(uri: &str, open: &Document, one: &Diagnostic) -> Option<JsonValue> {
    let edits = open.edits(uri, one);
    if edits.is_empty() {
        return None;
    }
    Some(json!({
        "title": one.help.clone().unwrap_or_else(|| "Fix".to_owned()),
        "kind": "quickfix",
        "diagnostics": [diagnostic(one, &open.text)],
        "edit": { "changes": { uri: edits } },
    }))
}

fn diagnostic(one: &Diagnostic, text: &str) -> JsonValue {
    let severity = match one.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        _ => 3,
    };
    let more = [one.when.as_ref().map(|when| format!("where {when}")), one.help.clone()];
    let message =
        more.into_iter().flatten().fold(one.message.clone(), |message, more| format!("{message}\n{more}"));
    json!({
        "range": range(one.location.as_ref(), text),
        "severity": severity,
        "code": one.id,
        "source": "stackwright",
        "message": message,
    })
}
