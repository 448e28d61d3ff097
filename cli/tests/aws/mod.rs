//! Endpoints that run on loopback, and the binary and other clients that use them.
#![allow(dead_code, reason = "each test uses some of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value as Json;
use stackwright::App;

/// A command that runs until it is interrupted, such as one with `--watch`, and the lines that it prints to stderr.
pub struct Running {
    process: Child,
    lines: std::sync::mpsc::Receiver<String>,
    /// What was printed so far.
    pub text: String,
}

impl Running {
    pub fn start(command: &mut std::process::Command) -> Self {
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().for_each(|line| _ = sender.send(line.unwrap())));
        Self { process, lines, text: String::new() }
    }

    /// Waits for a line with this text, and returns what was printed up to it since the last call.
    pub fn until(&mut self, wanted: &str) -> String {
        let mut since = String::new();
        while !since.contains(wanted) {
            let line = self.lines.recv_timeout(Duration::from_secs(900));
            let line = line.unwrap_or_else(|_| panic!("no `{wanted}` in\n{}\n{since}", self.text));
            since.push_str(&format!("{line}\n"));
        }
        self.text.push_str(&since);
        since
    }

    /// Sends Ctrl-C, and returns the exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < Duration::from_secs(30), "the command did not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An endpoint in a separate process, which ends with the test.
pub struct Endpoint {
    server: Child,
    pub url: String,
}

impl Endpoint {
    /// moto's server.
    pub fn moto() -> Self {
        let mut command = std::process::Command::new(tool("python/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        Self::start(command)
    }

    /// ministack.
    pub fn ministack() -> Self {
        // It cannot choose a free port.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = std::process::Command::new(tool("aws/bin/ministack"));
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let endpoint = Self { server, url: format!("http://127.0.0.1:{port}") };
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let start = Instant::now();
        while !listens() {
            assert!(start.elapsed() < Duration::from_secs(30), "ministack does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        endpoint
    }

    /// The endpoint of this project, with arguments of `local`.
    pub fn local(arguments: &[&str]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.args(["local", "--port", "0"]).args(arguments);
        Self::start(command)
    }

    /// Starts a server that prints its address on either stream.
    fn start(mut command: std::process::Command) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let server = command.spawn().unwrap();
        // Its own ends of the pipe would keep it open.
        drop(command);
        let mut lines = BufReader::new(reader).lines();
        let url = lines
            .find_map(|line| {
                let line = line.unwrap();
                let at = line.find("http://127.0.0.1:")?;
                Some(line[at..].split([' ', ',']).next()?.to_owned())
            })
            .expect("the server prints its address");
        // Its later output has to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Self { server, url }
    }

    /// Writes an app's assembly and runs a command over it.
    pub fn run(&self, app: &App, arguments: &[&str]) -> Output {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        stackwright::testing::synth(app).write(&out).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.envs(environment(&self.url));
        command.current_dir(directory.path()).arg("--app").arg(&out).args(arguments).output().unwrap()
    }

    /// The CDK CLI deploys a stack of an assembly. It expects that the bucket for assets exists.
    pub fn cdk_deploy(&self, out: &Path, stack: &str) {
        self.ask("s3.create_bucket(Bucket='stackwright-assets-123456789012-us-east-1') and 1");
        self.cdk(out, &["deploy", stack, "--require-approval", "never"]);
    }

    /// Runs a command of the CDK CLI on an assembly, and returns its output.
    pub fn cdk(&self, out: &Path, arguments: &[&str]) -> String {
        let mut cdk = Command::new(tool("node/node_modules/.bin/cdk"));
        cdk.envs(environment(&self.url));
        let quiet = ["--ci", "--no-notices", "--no-version-reporting"];
        cdk.args(arguments).args(quiet).arg("--app").arg(out).current_dir(out.parent().unwrap());
        let (stdout, stderr) = succeeded(cdk.output().unwrap());
        stdout + &stderr
    }

    /// Sends a document to a path of the endpoint: faults, drift.
    pub fn put(&self, path: &str, body: &Json) {
        let script = "import sys, urllib.request as r\n\
            r.urlopen(r.Request(sys.argv[1], method='PUT', data=sys.argv[2].encode())).read()";
        let url = format!("{}/_local/{path}", self.url);
        let mut command = Command::new(tool("python/bin/python"));
        succeeded(command.args(["-c", script, &url, &body.to_string()]).output().unwrap());
    }

    /// The number of requests that the endpoint has received, by operation.
    pub fn requests(&self) -> Json {
        let script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())";
        let url = format!("{}/_local/requests", self.url);
        let output = Command::new(tool("python/bin/python")).args(["-c", script, &url]).output().unwrap();
        serde_json::from_str(&succeeded(output).0).unwrap()
    }

    /// The value of a Python expression over boto3 clients.
    pub fn ask(&self, expression: &str) -> Json {
        let script = format!(
            "import boto3, json\n\
             client = lambda name: boto3.client(name, region_name='us-east-1')\n\
             sagemaker, s3, cloudformation = client('sagemaker'), client('s3'), client('cloudformation')\n\
             print(json.dumps({expression}, default=str))"
        );
        let mut command = Command::new(tool("python/bin/python"));
        command.envs(environment(&self.url));
        let output = command.args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The environment that directs a client to an endpoint, without settings of the machine.
pub fn environment(url: &str) -> [(&'static str, &str); 8] {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("NO_COLOR", "1"),
    ]
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

pub fn tool(name: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(name);
    assert!(tool.exists(), "{name} is not installed: run `cargo xtask tools`");
    tool
}

/// The output on stdout and stderr of a command that succeeds.
pub fn succeeded(output: Output) -> (String, String) {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{:?}\n{stderr}", output.status);
    (String::from_utf8(output.stdout).unwrap(), stderr)
}

/// The output on stderr, and the exit code.
pub fn ended(output: Output, code: i32) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    stderr
}
