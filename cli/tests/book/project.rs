//! A project in which the commands of a page run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::aws::{Endpoint, environment};
use super::repository;
use super::script::script;

/// The configuration of a small model, the usage and the price list that the page on estimates names.
const MODEL: &str = r#"{"model_type": "qwen3", "transformers_version": "5.0", "hidden_size": 2048, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 6144, "vocab_size": 151936,
    "tie_word_embeddings": true}"#;
const MODELS: &str = r#"{"models": [{"name": "scorer", "count": 40, "weights_bytes": 500000000}]}"#;
const USAGE: &str = r#"{"resources": {"Scorer": {"requests_per_month": 30000, "duration_ms": 120}}}"#;
const PRICES: &str = r#"{"formatVersion": "v1.0", "offerCode": "AmazonSageMaker", "version": "20261101",
    "publicationDate": "2026-11-01T00:00:00Z", "products": {"G6E": {"sku": "G6E", "productFamily": "ML Instance",
    "attributes": {"regionCode": "us-east-1", "usagetype": "USE1-Host:ml.g6e.2xlarge", "operation": "RunInstance"}}},
    "terms": {"OnDemand": {"G6E": {"G6E.1": {"priceDimensions": {"x": {"beginRange": "0", "pricePerUnit": {"USD": "2.8026"}}}}}}}}"#;

/// A project in a git repository, and files that the pages name.
pub struct Project {
    pub directory: tempfile::TempDir,
    endpoint: Endpoint,
}

impl Project {
    pub fn new() -> Self {
        let project = Self { directory: tempfile::tempdir().unwrap(), endpoint: Endpoint::local(&[]) };
        // A revision is built with a target directory of its own. Here it is the one of the workspace, so that dependencies are
        // not built twice. The executable of the revision then replaces the one of the project, which is built again.
        let cargo = project.path("cargo");
        let script = "#!/bin/sh\n\
            case \"$CARGO_TARGET_DIR\" in\n\
            */stackwright-base)\n\
            CARGO_TARGET_DIR=${CARGO_TARGET_DIR%/stackwright-base} \"$REAL_CARGO\" \"$@\" || exit 1\n\
            touch \"$PROJECT\"/src/*.rs ;;\n\
            *) exec \"$REAL_CARGO\" \"$@\" ;;\n\
            esac\n";
        fs::write(&cargo, script).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a script in a directory of the project, and returns what it printed.
    pub fn run(&self, directory: &Path, script: &str) -> String {
        let binaries = Path::new(env!("CARGO_BIN_EXE_stackwright")).parent().unwrap();
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
        // Standard error and standard output are written to one pipe, which keeps the order.
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(directory)
            .envs(environment(&self.endpoint.url))
            .env("PATH", path)
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO", self.path("cargo"))
            .env("PROJECT", directory)
            .env("REAL_CARGO", env!("CARGO"))
            .env("STACKWRIGHT_SOURCE", repository())
            .env("CDK_OUT", self.path("assembly"))
            .env("INSTA_UPDATE", "no")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n──\n{printed}");
        printed
    }

    /// Creates a project with the files that the pages name.
    ///
    /// Executables of projects are in the same target directory, so that each project has a name of its own.
    pub fn prepare(&self, name: &str) -> PathBuf {
        let new = "stackwright new \"$NAME\" --source \"$STACKWRIGHT_SOURCE\"\n\
                   cd \"$NAME\"\n\
                   stackwright synth --out ../assembly\n\
                   mkdir templates && cp ../assembly/*.template.json templates/serving.yaml\n\
                   cp ../assembly/*.template.json template.yaml\n\
                   cp -r ../assembly cdk.out && cp -r ../assembly OLD && cp -r ../assembly NEW\n\
                   echo '/cdk.out\n/OLD\n/NEW' >> .gitignore\n\
                   git init --quiet --initial-branch main\n\
                   git add . && git -c user.name=a -c user.email=a@example.com commit --quiet --message first\n";
        self.run(self.directory.path(), &format!("set -e\nNAME={name}\n{new}"));
        let directory = self.path(name);
        for (name, text) in [
            ("config.json", MODEL),
            ("usage.json", USAGE),
            ("models.json", MODELS),
            ("AmazonSageMaker-us-east-1.json", PRICES),
        ] {
            fs::write(directory.join(name), text).unwrap();
        }
        directory
    }
}

/// Runs the commands of a page in a directory, and compares what they print.
pub fn follow(name: &str, project: &Project, directory: &Path) {
    let page = fs::read_to_string(repository().join(name)).unwrap();
    let (script, expected) = script(&page);
    let printed = project.run(directory, &script);
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    for line in expected {
        assert!(lines(&printed).iter().any(|one| one.contains(&line)), "`{line}` is not in\n{printed}");
    }
}

pub fn follow_in_a_project(name: &str) {
    let project = Project::new();
    let stem = Path::new(name).file_stem().unwrap().to_string_lossy();
    let directory = project.prepare(&format!("page-{stem}"));
    follow(name, &project, &directory);
}
