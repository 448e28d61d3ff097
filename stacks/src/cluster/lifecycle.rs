//! Scripts that HyperPod runs on each new node.

use std::path::PathBuf;

use stackwright_resources::sagemaker::cluster::ClusterLifeCycleConfig;
use stackwright_synth::{Asset, UnpackedAsset, UnpackedAssetHandle};

/// The script that runs all steps.
const ENTRY: &str = "on_create.sh";

/// When HyperPod runs the script.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hook {
    /// Before the orchestrator starts.
    OnCreate,
    /// After the AMI has set up the orchestrator and mounted the file systems.
    OnInitComplete,
}

impl Hook {
    pub(super) fn config(self, script: &str, uploaded: &UnpackedAssetHandle) -> ClusterLifeCycleConfig {
        let config = ClusterLifeCycleConfig::new().source_s3_uri(uploaded.s3_uri());
        match self {
            Self::OnCreate => config.on_create(script),
            Self::OnInitComplete => config.on_init_complete(script),
        }
    }
}

/// Scripts that run on each new node, and again after its software is updated: they have to be idempotent.
///
/// They run after HyperPod has configured Slurm and mounted the file systems (`OnInitComplete`), or before the kubelet
/// starts (`OnCreate`) on Amazon EKS. If a step fails, the node fails; its log stream
/// `/aws/sagemaker/Clusters/NAME/ID: LifecycleConfig/GROUP/INSTANCE` says which.
///
/// ```
/// use stackwright_stacks::cluster::LifecycleScripts;
///
/// LifecycleScripts::new().step("packages", "#!/bin/bash\nset -euo pipefail\napt-get install --yes htop\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct LifecycleScripts {
    folder: Option<(PathBuf, String)>,
    steps: Vec<(String, String)>,
}

impl LifecycleScripts {
    /// Creates scripts without any step.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses a folder of your own with the name of the script in it that HyperPod runs. Steps are put into `steps/` beside it;
    /// your script has to run them.
    pub fn folder(path: impl Into<PathBuf>, script: impl Into<String>) -> Self {
        Self { folder: Some((path.into(), script.into())), steps: Vec::new() }
    }

    /// Adds a script, which runs after those that were added before. `name` becomes part of its file name.
    pub fn step(mut self, name: &str, script: impl Into<String>) -> Self {
        let number = self.steps.len() + 1;
        self.steps.push((format!("steps/{number:02}-{name}.sh"), script.into()));
        self
    }

    /// The name of the script that HyperPod runs.
    pub(super) fn entry(&self) -> &str {
        self.folder.as_ref().map_or(ENTRY, |(_, script)| script)
    }

    pub(super) fn into_asset(self) -> UnpackedAsset {
        let asset = match self.folder {
            Some((path, _)) => Asset::new(path),
            None => Asset::archive().file(ENTRY, include_str!("scripts/on_create.sh")),
        };
        self.steps.into_iter().fold(asset, |asset, (name, text)| asset.file(name, text)).unpacked()
    }
}
