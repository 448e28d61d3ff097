//! A scripted editor.

use super::*;

/// An editor that is connected to a server in a thread.
struct Editor {
    client: Connection,
    serving: std::thread::JoinHandle<Result<bool>>,
    requests: i32,
}

impl Editor {
    fn start() -> Self {
        Self::with_options(|_| Ok(Options::default()))
    }

    fn with_options(
        options: impl Fn(Option<&std::path::Path>) -> std::result::Result<Options, String> + Send + 'static,
    ) -> Self {
        let (server, client) = Connection::memory();
        let serving = std::thread::spawn(move || serve(&server, &options));
        let mut editor = Self { client, serving, requests: 0 };
        let capabilities = editor.request("initialize", json!({ "capabilities": {} }));
        assert_eq!(capabilities["capabilities"]["hoverProvider"], true);
        editor.notify("initialized", json!({}));
        editor
    }

    fn request(&mut self, method: &str, parameters: JsonValue) -> JsonValue {
        self.requests += 1;
        let request = Request::new(self.requests.into(), method.to_owned(), parameters);
        self.client.sender.send(Message::Request(request)).unwrap();
        self.receive()
    }

    fn notify(&self, method: &str, parameters: JsonValue) {
        let notification = Notification::new(method.to_owned(), parameters);
        self.client.sender.send(Message::Notification(notification)).unwrap();
    }

    fn receive(&self) -> JsonValue {
        match self.client.receiver.recv_timeout(std::time::Duration::from_secs(60)).unwrap() {
            Message::Response(response) => match response.response_result {
                Ok(result) => result,
                Err(error) => json!({ "code": error.code, "message": error.message }),
            },
            Message::Notification(notification) => notification.params,
            Message::Request(request) => panic!("{request:?}"),
        }
    }

    /// Opens a document and returns its diagnostics.
    fn open(&self, uri: &str, text: &str) -> JsonValue {
        self.notify(
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": uri, "text": text, "version": 1 } }),
        );
        let found = self.receive();
        assert_eq!((&found["uri"], &found["version"]), (&json!(uri), &json!(1)));
        found["diagnostics"].clone()
    }

    fn change(&self, uri: &str, changes: JsonValue) -> JsonValue {
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": changes }),
        );
        self.receive()["diagnostics"].clone()
    }

    /// Returns the edits of the quick fixes on a line.
    fn fixes(&mut self, uri: &str, line: usize) -> Vec<JsonValue> {
        let place = json!({ "line": line, "character": 0 });
        let found = self.request(
            "textDocument/codeAction",
            json!({ "textDocument": { "uri": uri }, "range": { "start": place, "end": place }, "context": { "diagnostics": [] } }),
        );
        let edits = |action: &JsonValue| action["edit"]["changes"][uri].as_array().unwrap().clone();
        found.as_array().unwrap().iter().flat_map(edits).collect()
    }

    fn stop(mut self) {
        assert_eq!(self.request("shutdown", JsonValue::Null), JsonValue::Null);
        self.notify("exit", JsonValue::Null);
        assert!(self.serving.join().unwrap().unwrap());
    }
}

fn codes(diagnostics: &JsonValue) -> Vec<&str> {
    diagnostics.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[test]
fn an_editor_gets_diagnostics_explanations_and_fixes() {
    let mut editor = Editor::start();
    let uri = "file:///topic.yaml";
    let text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topik\n";
    assert_eq!(codes(&editor.open(uri, text)), ["unknown-resource-type"]);
    let location = json!({ "line": 2, "character": 12 });
    let hover =
        editor.request("textDocument/hover", json!({ "textDocument": { "uri": uri }, "position": location }));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("# unknown-resource-type"));
    assert_eq!(editor.fixes(uri, 2)[0]["newText"], "    Type: AWS::SNS::Topic");
    assert_eq!(editor.fixes(uri, 1), [JsonValue::Null; 0]);
    let no_fixes = json!({ "textDocument": { "uri": uri }, "range": { "start": location, "end": location }, "context": { "only": ["refactor"] } });
    assert_eq!(editor.request("textDocument/codeAction", no_fixes), json!([]));
    assert_eq!(editor.change(uri, json!([{ "text": text.replace("Topik", "Topic") }])), json!([]));
    editor.stop();
}

#[test]
fn edits_of_ranges_count_utf_16_units() {
    let mut editor = Editor::start();
    let uri = "file:///topic.yaml";
    let text = "Resources:\r\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: 😀é, TopicNam: a}}\r\n";
    let found = editor.open(uri, text);
    assert_eq!(codes(&found), ["unknown-property"]);
    // The emoji has two units.
    let line = text.lines().nth(1).unwrap();
    let units = |part: &str| line[..line.find(part).unwrap()].encode_utf16().count();
    assert_eq!(found[0]["range"]["start"], json!({ "line": 1, "character": units("a}}") }));
    assert_eq!(editor.fixes(uri, 1)[0]["newText"], line.replace("TopicNam", "TopicName"));
    assert_eq!(editor.fixes(uri, 1)[0]["range"]["end"]["character"], line.encode_utf16().count());
    let at = units(": a}}");
    let place = |character: usize| json!({ "line": 1, "character": character });
    let insert = json!([{ "range": { "start": place(at), "end": place(at) }, "text": "e" }]);
    assert_eq!(editor.change(uri, insert), json!([]));
    let both = json!([
        { "range": { "start": place(units("T:")), "end": place(units("T:") + 1) }, "text": "Topic" },
        { "range": { "start": { "line": 9, "character": 0 }, "end": { "line": 9, "character": 0 } }, "text": "Output: {}\r\n" },
    ]);
    assert_eq!(codes(&editor.change(uri, both)), ["unknown-section"]);
    editor.stop();
}

#[test]
fn several_documents_in_any_format_are_open() {
    let mut editor = Editor::start();
    let sam = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: s3://b/k, Handler: a.b, Runtime: python3.13, MemorySiz: 128}\n";
    let json_text =
        "{\"Resources\":{\"T\":{\"Type\":\"AWS::SNS::Topic\",\"Properties\":{\"TopicNam\":\"a\"}}}}";
    assert_eq!(codes(&editor.open("file:///a/sam.yaml", sam)), ["unknown-property"]);
    assert_eq!(codes(&editor.open("file:///b/topic.json", json_text)), ["unknown-property"]);
    assert_eq!(
        editor.fixes("file:///b/topic.json", 0)[0]["newText"],
        json_text.replace("TopicNam", "TopicName")
    );
    let broken = editor.open("untitled:Untitled-1", "Resources:\n  A: {Type: 'x' y}\n");
    assert_eq!(codes(&broken), ["unreadable-template"]);
    assert_eq!(
        editor.open("file:///workflow.yaml", "on: push\njobs: {build: {runs-on: ubuntu-latest}}\n"),
        json!([])
    );
    assert_eq!(editor.open("file:///empty.yaml", ""), json!([]));
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": "file:///a/sam.yaml" } }));
    assert_eq!(editor.receive(), json!({ "uri": "file:///a/sam.yaml", "diagnostics": [] }));
    assert_eq!(editor.fixes("file:///a/sam.yaml", 4), [JsonValue::Null; 0]);
    editor.stop();
}

#[test]
fn all_missing_dependencies_are_separate_fixes() {
    let mut editor = Editor::start();
    let of_variant = "ResourceId: endpoint/e/variant/v, ScalableDimension: 'sagemaker:variant:DesiredInstanceCount', ServiceNamespace: sagemaker";
    let text = format!(
        "Resources:\n  Target: {{Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties: {{MaxCapacity: 2, MinCapacity: 1, {of_variant}}}}}\n  Policy:\n    Type: AWS::ApplicationAutoScaling::ScalingPolicy\n    Properties: {{PolicyName: p, PolicyType: TargetTrackingScaling, TargetTrackingScalingPolicyConfiguration: {{TargetValue: 10, PredefinedMetricSpecification: {{PredefinedMetricType: SageMakerVariantInvocationsPerInstance}}}}, {of_variant}}}\n"
    );
    let uri = "file:///scaling.yaml";
    assert_eq!(codes(&editor.open(uri, &text)), ["scaling-without-dependency"]);
    let edit = &editor.fixes(uri, 4)[0];
    assert_eq!(
        edit["newText"],
        "    Type: AWS::ApplicationAutoScaling::ScalingPolicy\n    DependsOn: Target"
    );
    assert_eq!(edit["range"]["start"]["line"], 3);
    editor.stop();
}

#[test]
fn wrong_messages_are_answered_and_the_server_continues() {
    let mut editor = Editor::start();
    let uri = "file:///topic.yaml";
    let text = "Resources: {T: {Type: AWS::SNS::Topic}}\n";
    assert_eq!(editor.open(uri, text), json!([]));
    editor.notify("textDocument/didOpen", json!({ "textDocument": { "uri": "file:///no-text.yaml" } }));
    assert!(
        editor.receive()["message"].as_str().unwrap().contains("no-text.yaml was opened without its text")
    );
    for changes in [
        json!([{ "range": {}, "text": "a" }]),
        json!([{ "range": { "start": { "line": 0, "character": 5 }, "end": { "line": 0, "character": 1 } }, "text": "a" }]),
        json!([{}]),
        json!("all"),
    ] {
        editor.notify(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": uri }, "contentChanges": changes }),
        );
        assert!(editor.receive()["message"].as_str().unwrap().contains("does not fit"), "{changes}");
    }
    editor.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": "file:///other" }, "contentChanges": [{ "text": text }] }),
    );
    assert!(editor.receive()["message"].as_str().unwrap().contains("does not fit"));
    editor.notify("textDocument/didOpen", json!(null));
    editor.notify("$/setTrace", json!({ "value": "off" }));
    assert_eq!(editor.request("textDocument/hover", json!({}))["code"], ErrorCode::InvalidParams as i32);
    assert_eq!(
        editor.request("textDocument/definition", json!({}))["code"],
        ErrorCode::MethodNotFound as i32
    );
    assert_eq!(
        editor.request("textDocument/hover", json!({ "textDocument": { "uri": "file:///closed" } })),
        json!(null)
    );
    editor.stop();
}

#[test]
fn the_configuration_of_each_file_applies_and_its_error_is_shown_once() {
    let editor = Editor::with_options(|path| match path {
        Some(path) if path.starts_with("/quiet") => Ok(Options::default().only(["dangling-reference"])),
        Some(path) if path.starts_with("/wrong dir") => {
            Err("stackwright.toml: there is no rule `a`".to_owned())
        }
        _ => Ok(Options::default()),
    });
    let text = "Resources: {T: {Type: AWS::SNS::Topik}}\n";
    assert_eq!(codes(&editor.open("file:///loud/a.yaml", text)), ["unknown-resource-type"]);
    assert_eq!(editor.open("file:///quiet/a.yaml", text), json!([]));
    let open = |name: &str| {
        let uri = format!("file:///wrong%20dir/{name}");
        editor.notify("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "text": text } }));
        editor.receive()
    };
    assert_eq!(open("a.yaml")["message"], "stackwright.toml: there is no rule `a`");
    assert_eq!(codes(&editor.receive()["diagnostics"]), ["unknown-resource-type"]);
    assert_eq!(codes(&open("b.yaml")["diagnostics"]), ["unknown-resource-type"]);
    editor.stop();
}

#[test]
fn an_exit_without_shutdown_is_known() {
    let editor = Editor::start();
    editor.notify("exit", JsonValue::Null);
    drop(editor.client);
    assert!(!editor.serving.join().unwrap().unwrap());
}
