//! GitHub's language server for workflows and actions, which the editors of GitHub use: it reads a file with the schema and the
//! expressions of the service.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

/// A running language server.
pub struct Reader {
    server: Child,
    output: BufReader<ChildStdout>,
}

impl Reader {
    /// Starts the server; `None` if it is not installed.
    pub fn start() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../.tools/node/node_modules/@actions/languageserver/dist/cli.bundle.cjs");
        if !program.exists() {
            eprintln!("skipped: `cargo xtask tools` installs GitHub's language server for workflows");
            return None;
        }
        let mut server = Command::new("node")
            .arg(program)
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(server.stdout.take().unwrap());
        let mut reader = Self { server, output };
        let options =
            json!({ "processId": null, "rootUri": null, "capabilities": {}, "initializationOptions": {} });
        reader.send(&json!({ "id": 1, "method": "initialize", "params": options }));
        while reader.receive()["id"] != 1 {}
        reader.send(&json!({ "method": "initialized", "params": {} }));
        Some(reader)
    }

    /// Returns the line and the message of each problem in a file, which is a workflow or the `action.yml` of an action.
    pub fn problems(&mut self, file: &str, text: &str) -> Vec<String> {
        let uri = format!("file:///repository/{file}");
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.send(&json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }));
        loop {
            let message = self.receive();
            if message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri.as_str()
            {
                let found = message["params"]["diagnostics"].as_array().unwrap();
                let line = |one: &Json| one["range"]["start"]["line"].as_u64().unwrap() + 1;
                return found
                    .iter()
                    .map(|one| format!("{file}:{}: {}", line(one), one["message"].as_str().unwrap()))
                    .collect();
            }
            // The server waits for the answer to its own requests.
            if message["method"].is_string() && !message["id"].is_null() {
                self.send(&json!({ "id": message["id"], "result": null }));
            }
        }
    }

    fn send(&mut self, message: &Json) {
        let mut message = message.clone();
        message["jsonrpc"] = "2.0".into();
        let text = message.to_string();
        let input = self.server.stdin.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        input.flush().unwrap();
    }

    fn receive(&mut self) -> Json {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server has ended");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Returns the files of a directory that are workflows.
pub fn workflows(repository: &Path) -> Vec<PathBuf> {
    let directory = repository.join(".github/workflows");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "yml")).collect();
    files.sort();
    files
}
