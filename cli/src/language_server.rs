//! A language server for templates. It offers the diagnostics, explanations and fixes of `check`.
//!
//! A server was chosen instead of `check --watch`, because it shows findings at their line in every editor, and
//! because it is small: the whole template is checked after each change, which takes milliseconds.

use std::collections::HashMap;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use serde_json::{Value as JsonValue, json};
use stackwright_review::check::{Options, apply_fixes, check, rule_named, unreadable};
use stackwright_review::{Diagnostic, Severity};
use stackwright_synth::{Assembly, SourceLocation};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Serves one editor until it sends `exit`.
pub(crate) fn run(options: Options) -> std::result::Result<(), String> {
    let (connection, threads) = Connection::stdio();
    let served = serve(&connection, options).map_err(|error| error.to_string());
    // The threads end when the connection is closed.
    drop(connection);
    served.and_then(|()| threads.join().map_err(|error| error.to_string()))
}

fn serve(connection: &Connection, options: Options) -> Result<()> {
    connection.initialize(json!({
        "textDocumentSync": 1,
        "hoverProvider": true,
        "codeActionProvider": { "codeActionKinds": ["quickfix"] },
    }))?;
    let mut server = Server { connection, options, documents: HashMap::new() };
    for message in &connection.receiver {
        match message {
            Message::Request(request) if connection.handle_shutdown(&request)? => break,
            Message::Request(request) => server.request(request)?,
            Message::Notification(notification) => server.notification(&notification)?,
            Message::Response(_) => {}
        }
    }
    Ok(())
}

struct Server<'c> {
    connection: &'c Connection,
    options: Options,
    /// The open documents, with their findings.
    documents: HashMap<String, (String, Vec<Diagnostic>)>,
}

impl Server<'_> {
    fn notification(&mut self, notification: &Notification) -> Result<()> {
        let parameters = &notification.params;
        let uri = parameters["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        match notification.method.as_str() {
            "textDocument/didOpen" => self.check(uri, &parameters["textDocument"]["text"]),
            "textDocument/didChange" => self.check(uri, &parameters["contentChanges"][0]["text"]),
            "textDocument/didClose" => {
                self.documents.remove(&uri);
                self.publish(&uri, &[])
            }
            _ => Ok(()),
        }
    }

    fn check(&mut self, uri: String, text: &JsonValue) -> Result<()> {
        let text = text.as_str().unwrap_or_default().to_owned();
        let found = match Assembly::of_template_with_errors(&uri, text.clone()) {
            Ok((assembly, errors)) => {
                let errors = errors.iter().map(|error| unreadable(&uri, error));
                errors.chain(check(&assembly, &self.options).diagnostics).collect()
            }
            Err(error) => vec![unreadable(&uri, &error)],
        };
        let shown: Vec<JsonValue> =
            found.iter().filter(|one| one.acknowledged.is_none()).map(|one| diagnostic(one, &text)).collect();
        self.documents.insert(uri.clone(), (text, found));
        self.publish(&uri, &shown)
    }

    fn publish(&self, uri: &str, diagnostics: &[JsonValue]) -> Result<()> {
        let parameters = json!({ "uri": uri, "diagnostics": diagnostics });
        let notification = Notification::new("textDocument/publishDiagnostics".to_owned(), parameters);
        Ok(self.connection.sender.send(Message::Notification(notification))?)
    }

    fn request(&self, request: Request) -> Result<()> {
        let uri = request.params["textDocument"]["uri"].as_str().unwrap_or_default();
        let response = match request.method.as_str() {
            "textDocument/hover" => {
                let line = request.params["position"]["line"].as_u64();
                Response::new_ok(request.id, self.hover(uri, line))
            }
            "textDocument/codeAction" => {
                let range = &request.params["range"];
                let lines = range["start"]["line"].as_u64()..=range["end"]["line"].as_u64();
                Response::new_ok(request.id, self.actions(uri, &lines))
            }
            other => {
                let message = format!("the method {other} is not supported");
                Response::new_err(request.id, ErrorCode::MethodNotFound as i32, message)
            }
        };
        Ok(self.connection.sender.send(Message::Response(response))?)
    }

    /// Returns the explanation of the rules that have findings on a line.
    fn hover(&self, uri: &str, line: Option<u64>) -> JsonValue {
        let Some((text, found)) = self.documents.get(uri) else { return JsonValue::Null };
        let on_line = found.iter().filter(|one| line_of(one, text) == line);
        let mut pages: Vec<String> = on_line.filter_map(|one| Some(rule_named(&one.id)?.page())).collect();
        pages.dedup();
        if pages.is_empty() {
            return JsonValue::Null;
        }
        json!({ "contents": { "kind": "markdown", "value": pages.join("\n\n---\n\n") } })
    }

    /// Returns the fixes of the findings on a range of lines.
    fn actions(&self, uri: &str, lines: &std::ops::RangeInclusive<Option<u64>>) -> JsonValue {
        let Some((text, found)) = self.documents.get(uri) else { return json!([]) };
        let with_fix = found.iter().filter(|one| one.fix.is_some() && lines.contains(&line_of(one, text)));
        with_fix.filter_map(|one| action(uri, text, one)).collect()
    }
}

/// Returns the line of a diagnostic, counted from 0.
fn line_of(one: &Diagnostic, text: &str) -> Option<u64> {
    range(one.location.as_ref(), text)["start"]["line"].as_u64()
}

fn action(uri: &str, text: &str, one: &Diagnostic) -> Option<JsonValue> {
    let change = apply_fixes(uri, text, std::slice::from_ref(one)).changes.pop()?;
    let (number, end) = (change.line - 1, change.old.encode_utf16().count());
    let edit = json!({
        "range": { "start": { "line": number, "character": 0 }, "end": { "line": number, "character": end } },
        "newText": change.new,
    });
    Some(json!({
        "title": one.help.clone().unwrap_or_else(|| "Fix".to_owned()),
        "kind": "quickfix",
        "diagnostics": [diagnostic(one, text)],
        "edit": { "changes": { uri: [edit] } },
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

/// Returns the range from the position of a diagnostic to the end of its line, in the units of the protocol: lines
/// counted from 0, and UTF-16 code units.
fn range(location: Option<&SourceLocation>, text: &str) -> JsonValue {
    let (line, column) = location.map_or((0, 0), |location| {
        (location.line.saturating_sub(1) as usize, location.column.saturating_sub(1) as usize)
    });
    let content = text.lines().nth(line).unwrap_or_default();
    let start: usize = content.chars().take(column).map(char::len_utf16).sum();
    let end = content.trim_end().encode_utf16().count().max(start);
    json!({ "start": { "line": line, "character": start }, "end": { "line": line, "character": end } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scripted editor: it opens a template with a misspelled type, requests an explanation, and applies the fix.
    #[test]
    fn an_editor_gets_diagnostics_explanations_and_fixes() {
        let (server, client) = Connection::memory();
        let serving = std::thread::spawn(move || serve(&server, Options::default()).unwrap());
        let request = |id: i32, method: &str, parameters: JsonValue| {
            let request = Request::new(id.into(), method.to_owned(), parameters);
            client.sender.send(Message::Request(request)).unwrap();
        };
        let notify = |method: &str, parameters: JsonValue| {
            let notification = Notification::new(method.to_owned(), parameters);
            client.sender.send(Message::Notification(notification)).unwrap();
        };
        let answer = || match client.receiver.recv().unwrap() {
            Message::Response(response) => response.response_result.unwrap(),
            Message::Notification(notification) => notification.params,
            Message::Request(request) => panic!("{request:?}"),
        };
        request(1, "initialize", json!({ "capabilities": {} }));
        assert_eq!(answer()["capabilities"]["hoverProvider"], true);
        notify("initialized", json!({}));
        let uri = "file:///topic.yaml";
        let text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topik\n";
        notify("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "text": text } }));
        let found = answer();
        assert_eq!(found["diagnostics"][0]["code"], "unknown-resource-type");
        let location = json!({ "line": 2, "character": 12 });
        request(2, "textDocument/hover", json!({ "textDocument": { "uri": uri }, "position": location }));
        assert!(answer()["contents"]["value"].as_str().unwrap().contains("# unknown-resource-type"));
        let range = json!({ "start": location, "end": location });
        request(3, "textDocument/codeAction", json!({ "textDocument": { "uri": uri }, "range": range }));
        let edit = &answer()[0]["edit"]["changes"][uri][0];
        assert_eq!(edit["newText"], "    Type: AWS::SNS::Topic");
        let fixed = text.replace("Topik", "Topic");
        notify(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": uri }, "contentChanges": [{ "text": fixed }] }),
        );
        assert_eq!(answer()["diagnostics"], json!([]));
        request(4, "shutdown", JsonValue::Null);
        answer();
        notify("exit", JsonValue::Null);
        serving.join().unwrap();
    }
}
