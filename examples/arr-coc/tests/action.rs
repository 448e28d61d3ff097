//! The steps of `action.yml`, run as GitHub runs them, against a server that speaks the API of comments.
#![allow(clippy::print_stderr, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use stackwright::synth::Template;

/// Comments of a pull request, on loopback; 100 of others come first, so that the list has two pages.
struct Server {
    url: String,
    comments: Arc<Mutex<Vec<Json>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let others = (0..100).map(|id| json!({ "id": id, "body": "looks good" }));
        let comments = Arc::new(Mutex::new(others.collect::<Vec<_>>()));
        let shared = Arc::clone(&comments);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Self { url, comments }
    }

    fn ours(&self) -> Vec<String> {
        let comments = self.comments.lock().unwrap();
        let bodies = comments.iter().skip(100).map(|one| one["body"].as_str().unwrap().to_owned());
        bodies.collect()
    }
}

fn answer(mut stream: TcpStream, comments: &Mutex<Vec<Json>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let (mut length, mut is_authorized) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        is_authorized |= line == "authorization: bearer secret";
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut comments = comments.lock().unwrap();
    let (status, answer) = match (method, path) {
        _ if !is_authorized => ("401 Unauthorized", json!({})),
        ("GET", "/repos/o/r/issues/7/comments?per_page=100&page=1") => ("200 OK", json!(comments[..100])),
        ("GET", "/repos/o/r/issues/7/comments?per_page=100&page=2") => ("200 OK", json!(comments[100..])),
        ("POST", "/repos/o/r/issues/7/comments") => {
            let id = comments.len();
            comments.push(json!({ "id": id, "body": body["body"] }));
            ("201 Created", json!({}))
        }
        ("PATCH", path) => {
            let id: usize = path.strip_prefix("/repos/o/r/issues/comments/").unwrap().parse().unwrap();
            comments[id]["body"] = body["body"].clone();
            ("200 OK", json!({}))
        }
        _ => ("404 Not Found", json!({})),
    };
    let text = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
    .unwrap();
}

fn step(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../action.yml");
    let action = Template::read(&fs::read_to_string(path).unwrap()).unwrap();
    let steps = action.sections()["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name).unwrap();
    step["run"].as_str().unwrap().to_owned()
}

/// Runs a step with the environment of a runner.
fn run(name: &str, directory: &Path, environment: &[(&str, &str)]) -> Output {
    let temp = directory.join("temp");
    fs::create_dir_all(&temp).unwrap();
    // GitHub runs `shell: bash` with these options.
    Command::new("bash")
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &step(name)])
        .current_dir(directory)
        .env("RUNNER_TEMP", &temp)
        .env("GITHUB_OUTPUT", directory.join("output"))
        .env("GITHUB_STEP_SUMMARY", directory.join("summary"))
        .env("GITHUB_REPOSITORY", "o/r")
        .env("STACKWRIGHT", env!("CARGO_BIN_EXE_arr-coc"))
        .env("TOKEN", "secret")
        .env("NUMBER", "7")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn has_tools() -> bool {
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let has_all = ["bash", "curl", "jq"].into_iter().all(has);
    if !has_all {
        eprintln!(
            "skipped: bash, curl and jq are needed; install them with the package manager of your system"
        );
    }
    has_all
}

#[test]
fn a_pull_request_gets_one_comment_that_is_kept_up_to_date() {
    if !has_tools() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (server, here) = (Server::start(), directory.path());
    // The base is stored: another instance type in production.
    let base = here.join("base");
    let output =
        Command::new(env!("CARGO_BIN_EXE_arr-coc")).args(["synth", "--out"]).arg(&base).output().unwrap();
    assert!(output.status.success());
    let template = base.join("Production.template.json");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, text.replace("ml.g5.2xlarge", "ml.g4dn.2xlarge")).unwrap();

    let output = run("Annotate", here, &[]);
    assert!(output.status.success(), "{output:?}");
    let sarif = fs::read_to_string(here.join("temp/stackwright/findings.sarif")).unwrap();
    assert!(serde_json::from_str::<Json>(&sarif).is_ok());

    let review = || {
        let output = run("Review", here, &[("BASE", base.to_str().unwrap())]);
        assert!(output.status.success(), "{output:?}");
        let output = run("Comment", here, &[("GITHUB_API_URL", &server.url)]);
        assert!(output.status.success(), "{output:?}");
    };
    review();
    let [first] = server.ours().try_into().unwrap();
    assert!(first.starts_with("<!-- stackwright review -->\n## "), "{first}");
    assert!(first.contains("ml.g4dn.2xlarge → ml.g5.2xlarge"), "{first}");
    assert!(
        fs::read_to_string(here.join("temp/stackwright/review.html")).unwrap().starts_with("<!DOCTYPE html>")
    );
    assert!(fs::read_to_string(here.join("output")).unwrap().contains("verdict=refused"));

    // The next push changes the comment and adds none.
    fs::write(&template, text).unwrap();
    review();
    let [second] = server.ours().try_into().unwrap();
    assert!(second.contains("No change of the infrastructure"), "{second}");
}

#[test]
fn the_verdict_fails_the_job_if_it_is_denied() {
    if !has_tools() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let fails = |deny: &str, verdict: &str| {
        let output = run("Verdict", directory.path(), &[("DENY", deny), ("VERDICT", verdict)]);
        !output.status.success()
    };
    assert!(fails("refused", "refused") && fails("approvals", "needs-approval"));
    assert!(!fails("refused", "needs-approval") && !fails("approvals", "safe"));
}
