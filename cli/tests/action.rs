//! What runs in CI, run as the code host runs it: the steps of `action.yml` and the job for GitLab against a server that
//! speaks the API of comments and artifacts, deployments against local mode, and the hooks of pre-commit.
#![allow(clippy::print_stderr, clippy::unwrap_used)]

mod aws;
mod github;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use aws::{Endpoint, environment};
use serde_json::{Value as Json, json};
use stackwright::App;
use stackwright::prelude::*;
use stackwright::synth::Template;

/// The API of a code host on loopback: comments of a pull request, of which 100 of others come first, so that the list has
/// two pages, and an artifact.
struct Server {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    comments: Vec<Json>,
    /// The pull requests of the merged commit.
    pulls: Json,
    artifact: Vec<u8>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let others = (0..100).map(|id| json!({ "id": id, "body": "looks good" }));
        let state = Arc::new(Mutex::new(State { comments: others.collect(), ..State::default() }));
        let (shared, here) = (Arc::clone(&state), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &here, &shared);
            }
        });
        Self { url, state }
    }

    fn ours(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let bodies = state.comments.iter().skip(100).map(|one| one["body"].as_str().unwrap().to_owned());
        bodies.collect()
    }
}

fn answer(mut stream: TcpStream, url: &str, state: &Mutex<State>) {
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
        is_authorized |= line == "authorization: bearer secret" || line == "private-token: secret";
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut state = state.lock().unwrap();
    let page = |number: &str| if number == "1" { 0..100 } else { 100..usize::MAX };
    let comments = &mut state.comments;
    let listed = |comments: &[Json], number: &str| {
        let range = page(number);
        json!(comments[range.start..range.end.min(comments.len())])
    };
    let (status, answer) = match (method, path) {
        _ if !is_authorized => ("401 Unauthorized", json!({})),
        ("GET", "/repos/o/r/commits/merged/pulls") => ("200 OK", state.pulls.clone()),
        ("GET", "/repos/o/r/actions/artifacts?name=stackwright-head") => (
            "200 OK",
            json!({ "artifacts": [
                { "created_at": "2026-01-01T00:00:00Z", "expired": false, "archive_download_url": format!("{url}/old") },
                { "created_at": "2026-01-02T00:00:00Z", "expired": false, "archive_download_url": format!("{url}/zip") },
                { "created_at": "2026-01-03T00:00:00Z", "expired": true, "archive_download_url": format!("{url}/gone") },
            ] }),
        ),
        ("GET", "/zip") => {
            let artifact = std::mem::take(&mut state.artifact);
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                artifact.len()
            )
            .unwrap();
            stream.write_all(&artifact).unwrap();
            state.artifact = artifact;
            return;
        }
        ("GET", path) if path.starts_with("/repos/o/r/issues/7/comments?per_page=100&page=") => {
            ("200 OK", listed(comments, &path[path.len() - 1..]))
        }
        ("GET", path) if path.starts_with("/projects/5/merge_requests/7/notes?per_page=100&page=") => {
            ("200 OK", listed(comments, &path[path.len() - 1..]))
        }
        ("POST", "/repos/o/r/issues/7/comments" | "/projects/5/merge_requests/7/notes") => {
            let id = comments.len();
            comments.push(json!({ "id": id, "body": body["body"] }));
            ("201 Created", json!({}))
        }
        ("PATCH" | "PUT", path) => {
            let id: usize = path.rsplit('/').next().unwrap().parse().unwrap();
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn yaml(file: &str) -> Json {
    // The reader of templates reads any YAML whose top level is an object.
    json!(Template::read(&fs::read_to_string(root().join(file)).unwrap()).unwrap().sections())
}

fn step(name: &str) -> String {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name).unwrap();
    step["run"].as_str().unwrap().to_owned()
}

/// The command that runs the binary over the assembly in a directory.
fn program(directory: &Path) -> String {
    format!("{} --app {}", env!("CARGO_BIN_EXE_stackwright"), directory.join("out").display())
}

/// Runs a step with the environment of a runner.
fn run(name: &str, directory: &Path, environment: &[(&str, &str)]) -> Output {
    run_script(&step(name), directory, environment)
}

fn run_script(script: &str, directory: &Path, environment: &[(&str, &str)]) -> Output {
    let temp = directory.join("temp");
    fs::create_dir_all(&temp).unwrap();
    // GitHub runs `shell: bash` with these options.
    Command::new("bash")
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .current_dir(directory)
        .env("RUNNER_TEMP", &temp)
        .env("GITHUB_OUTPUT", directory.join("output"))
        .env("GITHUB_STEP_SUMMARY", directory.join("summary"))
        .env("GITHUB_REPOSITORY", "o/r")
        .env("STACKWRIGHT", program(directory))
        .env("TOKEN", "secret")
        .env("NUMBER", "7")
        .env_remove("GITLAB_CI")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn has_tools() -> bool {
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let has_all = ["bash", "curl", "jq", "zip", "unzip"].into_iter().all(has);
    if !has_all {
        eprintln!(
            "skipped: bash, curl, jq, zip and unzip are needed; install them with the package manager of your system"
        );
    }
    has_all
}

/// Writes the assembly of the seed project, and one as it was with another instance type.
fn seed_project(directory: &Path) -> PathBuf {
    let assembly = stackwright::testing::synth(&arr_coc::app());
    assembly.write(&directory.join("out")).unwrap();
    let base = directory.join("base");
    assembly.write(&base).unwrap();
    let template = base.join("Production.template.json");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, text.replace("ml.g5.2xlarge", "ml.g4dn.2xlarge")).unwrap();
    base
}

#[test]
fn a_pull_request_gets_one_comment_that_is_kept_up_to_date() {
    if !has_tools() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (server, here) = (Server::start(), directory.path());
    let base = seed_project(here);

    let output = run("Annotate", here, &[]);
    assert!(output.status.success(), "{output:?}");
    let sarif = fs::read_to_string(here.join("temp/stackwright/findings.sarif")).unwrap();
    let sarif: Json = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");

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
    assert!(fs::read_to_string(here.join("summary")).unwrap().contains("## Would fail"));

    // The next push changes the comment and adds none.
    fs::copy(here.join("out/Production.template.json"), base.join("Production.template.json")).unwrap();
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

/// The plan of a pull request is stored, and the merge deploys exactly it.
#[test]
fn the_reviewed_plan_is_deployed_after_the_merge() {
    snapshots::needs!("python/bin/python");
    if !has_tools() {
        return;
    }
    let (directory, server) = (tempfile::tempdir().unwrap(), Server::start());
    let (here, endpoint) = (directory.path(), Endpoint::local(&[]));
    let write = |display: &str| {
        let app = App::new("shop");
        let stack = app.stack("Main").region("us-east-1");
        stack.add("Models", Resource::of("AWS::S3::Bucket").set("BucketName", display));
        stack.add("Alarms", Resource::of("AWS::SNS::Topic").set("DisplayName", display));
        stackwright::testing::synth(&app).write(&here.join("out")).unwrap();
    };
    let mut variables = environment(&endpoint.url).to_vec();
    variables.extend([("GITHUB_API_URL", server.url.as_str()), ("GITHUB_SHA", "merged"), ("APPROVE", "")]);
    let deploy = |more: &[(&'static str, &'static str)]| {
        let all: Vec<(&str, &str)> = variables.iter().copied().chain(more.iter().copied()).collect();
        run("Deploy the reviewed plan", here, &all)
    };
    let plan = || {
        fs::create_dir_all(here.join("temp/stackwright")).unwrap();
        let output = run("Plan", here, &variables);
        assert!(output.status.success(), "{output:?}");
        // `actions/upload-artifact` stores the directory as a zip file, which the API returns.
        let output = Command::new("zip")
            .args(["-q", "-r", "-", "."])
            .current_dir(here.join("temp/stackwright"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        server.state.lock().unwrap().artifact = output.stdout;
        fs::remove_dir_all(here.join("temp")).unwrap();
    };
    let topic = "[s['StackStatus'] for s in cloudformation.describe_stacks()['Stacks']]";

    write("one");
    plan();
    // The commit has no pull request that was merged.
    server.state.lock().unwrap().pulls = json!([{ "merged_at": null, "head": { "sha": "other" } }]);
    let output = deploy(&[]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("no merged pull request has the commit merged"));
    server.state.lock().unwrap().pulls = json!([
        { "merged_at": null, "head": { "sha": "other" } },
        { "merged_at": "2026-01-02T00:00:00Z", "head": { "sha": "head" } },
    ]);
    let output = deploy(&[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(endpoint.ask(topic), json!(["CREATE_COMPLETE"]));

    // A change that replaces a bucket needs its approval, also in a plan.
    write("two");
    plan();
    let output = deploy(&[]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    // The program at the merge differs from what was reviewed.
    write("three");
    let output = deploy(&[("APPROVE", "replacement=Models")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("the template has changed"), "{output:?}");
    write("two");
    let output = deploy(&[("APPROVE", "replacement=Models\n")]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(endpoint.ask(topic), json!(["UPDATE_COMPLETE"]));
}

/// GitHub's own reader accepts the action, the workflows of this repository, and those of new projects.
#[test]
fn github_accepts_the_action_and_all_workflows() {
    let Some(mut reader) = github::Reader::start() else { return };
    let wrong = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    needs: b\n    steps:\n      - run: echo ${{ nothing.x }}\n";
    let problems = reader.problems(".github/workflows/wrong.yml", wrong).join("\n");
    assert!(problems.contains("Value 'b' is not valid"), "{problems}");
    assert!(problems.contains("Unrecognized named-value: 'nothing'"), "{problems}");

    let directory = tempfile::tempdir().unwrap();
    for (name, source) in [("git", &["--source", "https://github.com/me/stackwright"][..]), ("registry", &[])]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        let output = command.args(["new", name]).args(source).current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let mut files = vec![root().join("action.yml")];
    for repository in [root(), directory.path().join("git"), directory.path().join("registry")] {
        files.extend(github::workflows(&repository));
    }
    assert_eq!(files.len(), 4, "{files:?}");
    let mut texts: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let page = fs::read_to_string(root().join("docs/how-to/github.md")).unwrap();
    let examples = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    texts.extend(examples);
    assert_eq!(texts.len(), 6);
    for (number, text) in texts.iter().enumerate() {
        let name = match number {
            0 => "action.yml".to_owned(),
            _ => format!(".github/workflows/{number}.yml"),
        };
        assert_eq!(reader.problems(&name, text), Vec::<String>::new(), "{text}");
    }
}

/// What the steps that are actions of others get, and when they run.
#[test]
fn steps_of_other_actions_are_configured() {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().unwrap();
    let of = |name: &str| steps.iter().find(|step| step["name"] == name).unwrap();
    assert_eq!(
        of("Assume the role")["if"],
        "inputs.mode != 'review' && inputs.role-to-assume != ''",
        "a review needs no credentials"
    );
    assert_eq!(of("Assume the role")["with"]["role-to-assume"], "${{ inputs.role-to-assume }}");
    assert_eq!(
        of("Upload the findings")["with"]["sarif_file"],
        "${{ runner.temp }}/stackwright/findings.sarif"
    );
    assert_eq!(of("Store the results")["with"]["path"], "${{ runner.temp }}/stackwright");
    let is_pinned = |step: &Json| step["uses"].as_str().is_none_or(|uses| uses.contains("@v"));
    assert!(steps.iter().all(is_pinned));
    // A value of an input reaches a script as a variable only, so that nobody can write commands into it.
    for step in steps {
        let run = step["run"].as_str().unwrap_or_default();
        assert!(!run.contains("${{"), "{run}");
    }
    // Every input is used.
    let text = fs::read_to_string(root().join("action.yml")).unwrap();
    for name in action["inputs"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("inputs.{name}")), "{name}");
    }
}

#[test]
fn a_merge_request_of_gitlab_gets_one_note_and_a_code_quality_report() {
    if !has_tools() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (server, here) = (Server::start(), directory.path());
    let base = seed_project(here);
    let job = yaml("docs/ci/gitlab.yml")["stackwright-review"].clone();
    let script: Vec<&str> =
        job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let variables = [
        ("STACKWRIGHT_TOKEN", "secret"),
        ("CI_API_V4_URL", server.url.as_str()),
        ("CI_PROJECT_ID", "5"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.to_str().unwrap()),
        ("GITLAB_CI", "true"),
    ];
    for _ in 0..2 {
        // The last line refuses the change, because `check` finds a new error.
        let output = run_script(&script.join("\n"), here, &variables);
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        let [note] = server.ours().try_into().unwrap();
        assert!(note.contains("ml.g4dn.2xlarge → ml.g5.2xlarge"), "{note}");
    }
    for path in job["artifacts"]["paths"].as_array().unwrap() {
        assert!(here.join(path.as_str().unwrap()).exists(), "{path}");
    }
    let report = fs::read_to_string(here.join("gl-code-quality-report.json")).unwrap();
    assert!(serde_json::from_str::<Json>(&report).unwrap().is_array());
}

/// Each hook runs over files as pre-commit runs it: the entry, with the files as arguments.
#[test]
fn the_hooks_of_pre_commit_refuse_a_wrong_template() {
    let text = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let hooks = yaml_list(&text);
    assert_eq!(hooks.len(), 2);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("template.yaml");
    fs::write(&file, "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {Nothing: 1}}}").unwrap();
    for hook in &hooks {
        let mut words = hook["entry"].as_str().unwrap().split(' ');
        assert_eq!(words.next(), Some("stackwright"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.args(words).current_dir(directory.path());
        let takes_files = hook["pass_filenames"] != false;
        assert_eq!(takes_files, hook["files"].is_string());
        if takes_files {
            command.arg(&file);
        } else {
            command.args(["--app", "template.yaml"]);
        }
        assert_eq!(command.output().unwrap().status.code(), Some(1), "{hook}");
    }
}

fn yaml_list(text: &str) -> Vec<Json> {
    let indented: String = text.lines().map(|line| format!("  {line}\n")).collect();
    let document = Template::read(&format!("Hooks:\n{indented}")).unwrap();
    document.sections()["Hooks"].as_array().unwrap().clone()
}
