//! Deploys the dev/test stack through change sets to an endpoint that runs: moto's server, on loopback.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use assert_cmd::Command;
use serde_json::Value;

/// A server of moto that ends with the test.
struct Moto {
    server: Child,
    url: String,
}

impl Moto {
    fn start() -> Self {
        let mut server = std::process::Command::new(tool("moto_server"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It takes a free port, and says which.
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let url = lines
            .find_map(|line| {
                let line = line.unwrap();
                let at = line.find("http://127.0.0.1:")?;
                Some(line[at..].split_whitespace().next().unwrap().to_owned())
            })
            .expect("moto says where it listens");
        // What it says later has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { server, url }
    }

    fn environment(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "testing")
            .env("AWS_SECRET_ACCESS_KEY", "testing")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("NO_COLOR", "1");
    }

    /// Runs the program's `deploy`.
    fn deploy(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arr-coc"));
        self.environment(&mut command);
        command.arg("deploy").args(arguments).output().unwrap()
    }

    /// What AWS's own client sees there: the value of a Python expression over boto3 clients.
    fn ask(&self, expression: &str) -> Value {
        let script = format!(
            "import boto3, json\n\
             client = lambda name: boto3.client(name, region_name='us-east-1')\n\
             sagemaker, s3, cloudformation = client('sagemaker'), client('s3'), client('cloudformation')\n\
             print(json.dumps({expression}, default=str))"
        );
        let mut command = Command::new(tool("python"));
        self.environment(&mut command);
        let output = command.args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn tool(name: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/python/bin").join(name);
    assert!(tool.exists(), "{name} is not installed: run `cargo xtask tools`");
    tool
}

fn succeeded(output: Output) -> (String, String) {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{:?}\n{stderr}", output.status);
    (String::from_utf8(output.stdout).unwrap(), stderr)
}

#[test]
fn a_stack_is_made_left_alone_and_changed() {
    let moto = Moto::start();

    let (_, stderr) = succeeded(moto.deploy(&[]));
    assert!(stderr.contains("+ Scorers AWS::SageMaker::Endpoint") && stderr.contains("deployed"), "{stderr}");
    // moto gives a stack that a change set made no outputs, and names the endpoint itself.
    let endpoints = moto.ask("sagemaker.list_endpoints()['Endpoints']");
    assert_eq!(endpoints.as_array().unwrap().len(), 1);
    assert_eq!(endpoints[0]["EndpointStatus"], "InService");
    let configs = "[sagemaker.describe_endpoint_config(EndpointConfigName=config['EndpointConfigName']) \
                   for config in sagemaker.list_endpoint_configs()['EndpointConfigs']]";
    let variant = moto.ask(configs)[0]["ProductionVariants"][0].clone();
    assert_eq!(variant["ServerlessConfig"]["MemorySizeInMB"], 6144);
    let model = moto
        .ask(&format!("sagemaker.describe_model(ModelName='{}')", variant["ModelName"].as_str().unwrap()));
    let data = model["PrimaryContainer"]["ModelDataUrl"].as_str().unwrap();
    let (bucket, key) = data.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let size = moto.ask(&format!("s3.head_object(Bucket='{bucket}', Key='{key}')['ContentLength']"));
    assert!(size.as_u64().unwrap() > 0, "the model's archive is there");
    let closed = moto.ask(&format!("s3.get_public_access_block(Bucket='{bucket}')"));
    assert_eq!(closed["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"], true);
    let encrypted = moto.ask(&format!("s3.get_bucket_encryption(Bucket='{bucket}')"));
    assert!(encrypted.to_string().contains("AES256"), "{encrypted}");
    let tags = moto.ask("cloudformation.describe_stacks(StackName='arr-coc-DevTest')['Stacks'][0]['Tags']");
    assert!(tags.to_string().contains("arr-coc"), "{tags}");

    // Nothing to do is success, and leaves no change set behind.
    let (_, stderr) = succeeded(moto.deploy(&[]));
    assert!(stderr.contains("nothing changed"), "{stderr}");
    let left = moto.ask("cloudformation.list_change_sets(StackName='arr-coc-DevTest')['Summaries']");
    assert!(!left.to_string().contains("FAILED"), "{left}");

    let (_, stderr) = succeeded(moto.deploy(&["--parameter", "MemorySize=4096"]));
    assert!(stderr.contains("deployed"), "{stderr}");
    let after = moto.ask(configs);
    let sizes: Vec<_> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|config| &config["ProductionVariants"][0]["ServerlessConfig"]["MemorySizeInMB"])
        .collect();
    assert!(sizes.contains(&&Value::from(4096)), "{sizes:?}");
}

#[test]
fn what_cannot_be_deployed_says_why() {
    let moto = Moto::start();
    let output = moto.deploy(&["--parameter", "Memory=1"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("has a parameter `Memory`"), "{stderr}");
    assert_eq!(moto.ask("s3.list_buckets()['Buckets']"), serde_json::json!([]), "nothing was touched");
}
