//! The project templates of `new` and `init`: common files, and different stacks.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use handlebars::{Handlebars, no_escape};
use serde_json::json;

use super::{Name, Source, workspace_above};

/// The kind of stacks that a new project starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A model behind a serverless endpoint
    Endpoint,
    /// A PyTorch training job on a managed spot instance, started by a pipeline
    Training,
    /// A large language model on an endpoint that scales to zero
    Llm,
    /// A HyperPod cluster with Slurm in a private network, with FSx for Lustre
    Hyperpod,
}

macro_rules! file {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $path))
    };
}

impl Template {
    /// Returns the files of a project in `directory` by their paths in it. Text files are rendered; assets of the stacks are
    /// copied unchanged.
    ///
    /// In a Cargo workspace, Cargo reads the lock file and the profiles of its root directory only.
    pub fn files(self, name: &Name, source: &Source, directory: &Path) -> Vec<(PathBuf, String)> {
        let workspace = workspace_above(directory).is_some();
        let mut renderer = Handlebars::new();
        renderer.set_strict_mode(true);
        renderer.register_escape_fn(no_escape);
        let values = json!({
            "name": name.as_str(),
            "package": name.package(),
            "crate": name.crate_name(),
            "workspace": workspace,
            "source": source.dependency(directory),
            "action": source.action(),
            "summary": self.summary(),
        });
        let render = |text: &str| {
            renderer.render_template(text, &values).expect("the shipped templates use these values only")
        };
        let rendered = [
            ("Cargo.toml", file!("common/Cargo.toml.hbs")),
            ("README.md", file!("common/README.md.hbs")),
            ("stackwright.toml", file!("common/stackwright.toml")),
            (".gitignore", file!("common/gitignore")),
            (".github/workflows/stacks.yml", file!("common/ci.yml.hbs")),
            ("src/lib.rs", self.stacks()),
            ("src/main.rs", file!("common/main.rs.hbs")),
            ("tests/snapshots.rs", file!("common/snapshots.rs.hbs")),
        ];
        let rendered = rendered.map(|(path, text)| (PathBuf::from(path), render(text)));
        let snapshots = self.snapshots().iter().map(|(stack, text)| {
            let path = format!("tests/snapshots/snapshots__{}-{stack}.snap", name.as_str());
            (PathBuf::from(path), renamed(text, self.stored_name(), name))
        });
        let assets = self.assets().iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned()));
        let lock = source.lock_file().filter(|_| !workspace).map(|text| (PathBuf::from("Cargo.lock"), text));
        rendered.into_iter().chain(lock).chain(assets).chain(snapshots).collect()
    }

    /// Returns the name of the project whose snapshots are stored. It has a capital letter, because some names in templates are in
    /// lower case.
    fn stored_name(self) -> &'static str {
        match self {
            Self::Endpoint => "My-endpoint",
            Self::Training => "My-training",
            Self::Llm => "My-llm",
            Self::Hyperpod => "My-hyperpod",
        }
    }

    /// Returns a sentence about the stacks for the project's README.
    fn summary(self) -> &'static str {
        match self {
            Self::Endpoint => "A model behind a SageMaker serverless endpoint.",
            Self::Training => {
                "A PyTorch training job on a managed spot instance, started by a SageMaker pipeline."
            }
            Self::Llm => {
                "A large language model, served by vLLM on a SageMaker endpoint that scales to zero."
            }
            Self::Hyperpod => {
                "A SageMaker HyperPod cluster with Slurm in a private network, with FSx for Lustre."
            }
        }
    }

    fn stacks(self) -> &'static str {
        match self {
            Self::Endpoint => file!("endpoint/lib.rs"),
            Self::Training => file!("training/lib.rs"),
            Self::Llm => file!("llm/lib.rs"),
            Self::Hyperpod => file!("hyperpod/lib.rs"),
        }
    }

    fn assets(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Endpoint => &[("model/code/inference.py", file!("endpoint/model/code/inference.py"))],
            Self::Training => &[("training/train.py", file!("training/training/train.py"))],
            Self::Llm | Self::Hyperpod => &[],
        }
    }

    /// Returns the expected CloudFormation templates, by the names that the snapshot test gives them after the project's name.
    fn snapshots(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Endpoint => &[("Serving", file!("endpoint/Serving.snap"))],
            Self::Training => &[
                ("Training", file!("training/Training.snap")),
                (
                    "Training.Pipeline.PipelineDefinitionBody.json",
                    file!("training/Training.Pipeline.PipelineDefinitionBody.json.snap"),
                ),
            ],
            Self::Llm => &[("Serving", file!("llm/Serving.snap"))],
            Self::Hyperpod => &[
                ("Network", file!("hyperpod/Network.snap")),
                ("Cluster", file!("hyperpod/Cluster.snap")),
                (
                    "Cluster.TrainingScripts.on_create.sh",
                    file!("hyperpod/Cluster.TrainingScripts.on_create.sh.snap"),
                ),
                (
                    "Cluster.TrainingScripts.steps.01-efa.sh",
                    file!("hyperpod/Cluster.TrainingScripts.steps.01-efa.sh.snap"),
                ),
                (
                    "Cluster.TrainingScripts.steps.efa.txt",
                    file!("hyperpod/Cluster.TrainingScripts.steps.efa.txt.snap"),
                ),
            ],
        }
    }
}

/// Returns a snapshot of the project `stored` as that of the project `name`.
fn renamed(text: &str, stored: &str, name: &Name) -> String {
    // The new name may contain the stored one, so it is inserted last.
    const LOWER: &str = "\u{0}";
    let text = text.replace(&stored.to_lowercase(), LOWER).replace(stored, name.as_str());
    text.replace(LOWER, &name.package())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflow_reviews_pull_requests_if_the_source_has_the_action() {
        let workflow = |source: Source| {
            let name = "shop".parse().unwrap();
            let files = Template::Endpoint.files(&name, &source, Path::new("shop"));
            let path = PathBuf::from(".github/workflows/stacks.yml");
            let (_, text) = files.into_iter().find(|(name, _)| *name == path).unwrap();
            assert!(stackwright_synth::Template::read(&text).is_ok(), "{text}");
            text
        };
        let text = workflow(Source::Git("https://github.com/me/stackwright".into()));
        assert!(
            text.contains("- uses: me/stackwright@main\n") && text.contains("pull-requests: write"),
            "{text}"
        );
        let text = workflow(Source::Registry);
        assert!(!text.contains("- uses: me") && !text.contains("pull-requests: write"), "{text}");
    }
}
