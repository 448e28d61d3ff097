//! Scripts that HyperPod runs on each new node.

use std::path::PathBuf;

use stackwright_resources::sagemaker::cluster::ClusterLifeCycleConfig;
use stackwright_synth::{Asset, Scope, UnpackedAsset, UnpackedAssetHandle};

use crate::deferred_error::DeferredError;
use crate::iam::Statement;

/// The script that runs all steps.
const ENTRY: &str = "on_create.sh";

/// The namespace of the metrics that the CloudWatch agent publishes, as in its configuration.
const METRICS: &str = "HyperPod";

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

/// Scripts that run as root on each new node, and again after its software is updated: they have to be idempotent.
///
/// On clusters with Slurm, they run after HyperPod has configured Slurm and mounted the file systems (`OnInitComplete`);
/// on Amazon EKS, they run before the kubelet starts (`OnCreate`). If a step fails, the creation of the node fails. The log
/// stream `LifecycleConfig/GROUP/INSTANCE` in the log group `/aws/sagemaker/Clusters/NAME/ID` names the failed step.
///
/// ```
/// use stackwright_stacks::cluster::{LifecycleScripts, SharedUser};
///
/// LifecycleScripts::new()
///     .users([SharedUser::new("ada", 2001, "/fsx/home/ada")])
///     .check_efa()
///     .step("packages", "#!/bin/bash\nset -euo pipefail\napt-get install --yes htop\n");
/// // Scripts of your own: the directory, and the script in it that HyperPod runs.
/// LifecycleScripts::directory("scripts", "on_create.sh");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct LifecycleScripts {
    directory: Option<(PathBuf, String)>,
    steps: Vec<Step>,
    errors: Vec<DeferredError>,
}

/// A script that runs on each node, and the files in its directory.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    script: String,
    files: Vec<(&'static str, String)>,
}

/// A Linux user that [`LifecycleScripts::users`] creates on every node of a Slurm cluster.
///
/// ```
/// use stackwright_stacks::cluster::SharedUser;
///
/// SharedUser::new("ada", 2001, "/fsx/ada");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedUser {
    name: String,
    id: u32,
    home: String,
}

impl SharedUser {
    /// Creates a user with a name, the user ID on all nodes, and the path of a home directory on a shared file system, such
    /// as `/fsx/ada`. The name has at most 32 lowercase letters, digits, hyphens and underscores, and starts with a letter
    /// or an underscore; [`LifecycleScripts::users`] reports an error for other names.
    pub fn new(name: impl Into<String>, id: u32, home: impl Into<String>) -> Self {
        Self { name: name.into(), id, home: home.into() }
    }

    /// Returns the reason why `useradd` would not accept the user.
    fn problem(&self) -> Option<String> {
        let is_word = |character: char| {
            character.is_ascii_lowercase()
                || character.is_ascii_digit()
                || character == '-'
                || character == '_'
        };
        let starts_well = self.name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        if !starts_well || self.name.len() > 32 || !self.name.chars().all(is_word) {
            return Some(format!("`{}` is not a valid Linux user name", self.name));
        }
        if !self.home.starts_with('/') || self.home.contains([',', '\n', ':']) {
            return Some(format!("`{}` is not a valid home directory", self.home));
        }
        None
    }
}

impl LifecycleScripts {
    /// Creates scripts without any step.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates scripts from an existing directory, with the name of the script in it that HyperPod runs, such as
    /// `on_create.sh`. Steps that are added are written to the subdirectory `steps/` of the uploaded copy; the script has
    /// to run them.
    pub fn directory(path: impl Into<PathBuf>, script: impl Into<String>) -> Self {
        Self { directory: Some((path.into(), script.into())), ..Self::default() }
    }

    fn add(mut self, name: &str, script: impl Into<String>, files: Vec<(&'static str, String)>) -> Self {
        self.steps.push(Step { name: name.to_owned(), script: script.into(), files });
        self
    }

    /// Adds a bash script, given by its text, which runs after the steps that were added before. `name` becomes part of its
    /// file name. A name with other characters than letters, digits and hyphens, or a script with Windows line endings, is
    /// an error at the caller's line.
    #[track_caller]
    pub fn step(mut self, name: &str, script: impl Into<String>) -> Self {
        if name.is_empty()
            || !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
        {
            self.errors.push(DeferredError {
                name: "lifecycle-step",
                message: format!("`{name}` is not a valid name of a step"),
                help: "use letters, digits and hyphens".into(),
                source: std::panic::Location::caller(),
            });
        }
        let script = script.into();
        if script.contains('\r') {
            self.errors.push(DeferredError {
                name: "lifecycle-step",
                message: format!(
                    "the script of the step `{name}` has Windows line endings (CRLF), which bash does not accept"
                ),
                help: "save it with LF line endings".into(),
                source: std::panic::Location::caller(),
            });
        }
        self.add(name, script, Vec::new())
    }

    /// Adds a step that creates users with the same user ID on every node. Users with an invalid name or home directory, or
    /// with the same name or ID, are errors at the caller's line.
    #[track_caller]
    pub fn users(mut self, users: impl IntoIterator<Item = SharedUser>) -> Self {
        let users: Vec<SharedUser> = users.into_iter().collect();
        let location = std::panic::Location::caller();
        for (index, user) in users.iter().enumerate() {
            let taken = users[..index].iter().find(|other| other.id == user.id || other.name == user.name);
            let problem = user.problem().or_else(|| {
                taken.map(|other| format!("`{}` and `{}` have the same name or ID", other.name, user.name))
            });
            if let Some(message) = problem {
                let help = "use a different name, ID and home directory for each user".into();
                self.errors.push(DeferredError { name: "lifecycle-users", message, help, source: location });
            }
        }
        let list: String =
            users.iter().map(|user| format!("{},{},{}\n", user.name, user.id, user.home)).collect();
        self.add("users", include_str!("scripts/users.sh"), vec![("users.txt", list)])
    }

    /// Adds a step that fails on a node with fewer EFA devices than its instance type has: without them, training would use
    /// TCP, which is slower, without an error.
    pub fn check_efa(self) -> Self {
        let list: String = stackwright_schemas::ec2_network::all()
            .filter(|facts| facts.efa_max_interfaces > 0)
            .map(|facts| format!("{} {}\n", facts.instance_type, facts.efa_max_interfaces))
            .collect();
        self.add("efa", include_str!("scripts/efa_check.sh"), vec![("efa.txt", list)])
    }

    /// Adds a step that stores the images and containers of Docker on a local disk instead of the root volume.
    pub fn docker_on_local_disk(self) -> Self {
        self.add("docker", include_str!("scripts/docker_storage.sh"), Vec::new())
    }

    /// Adds a step that installs Enroot and Pyxis, with which [`SlurmJob::container`](super::SlurmJob::container) runs
    /// containers. The packages come from GitHub and from the mirrors of Ubuntu: the nodes need a route to the internet
    /// ([`Network::private`](crate::network::Network::private)).
    pub fn enroot(self) -> Self {
        self.add("enroot", include_str!("scripts/enroot.sh"), Vec::new())
    }

    /// Adds a step that installs the CloudWatch agent, which publishes the utilization of processors, memory, disks and GPUs
    /// in the namespace `HyperPod`. The role that the cluster creates gets `cloudwatch:PutMetricData` for that namespace.
    pub fn cloudwatch_agent(self) -> Self {
        let configuration = include_str!("scripts/cloudwatch_agent.json");
        self.add(
            "cloudwatch-agent",
            include_str!("scripts/cloudwatch_agent.sh"),
            vec![("cloudwatch_agent.json", configuration.into())],
        )
    }

    /// Returns the permissions that the CloudWatch agent needs.
    pub(super) fn statements(&self) -> Option<Statement> {
        // The action does not support resource-level permissions.
        let publish = || {
            Statement::allow(["cloudwatch:PutMetricData"]).on("*").when(
                "StringEquals",
                "cloudwatch:namespace",
                METRICS,
            )
        };
        self.steps.iter().any(|step| step.name == "cloudwatch-agent").then(publish)
    }

    /// Returns the name of the script that HyperPod runs.
    pub(super) fn entry(&self) -> &str {
        self.directory.as_ref().map_or(ENTRY, |(_, script)| script)
    }

    /// Adds a step before all others, for a cluster that the scripts themselves configure.
    pub(super) fn first(mut self, name: &str, script: &str) -> Self {
        let step = Step { name: name.to_owned(), script: script.to_owned(), files: Vec::new() };
        self.steps.insert(0, step);
        self
    }

    /// Adds a step after all others, for a cluster that the scripts themselves configure.
    pub(super) fn last(self, name: &str, script: &str) -> Self {
        self.add(name, script, Vec::new())
    }

    pub(super) fn into_asset(self, parameters: Option<String>, scope: &Scope<'_>) -> UnpackedAsset {
        for error in self.errors {
            error.report(scope);
        }
        let mut asset = match self.directory {
            Some((path, _)) => Asset::new(path),
            None => Asset::archive().file(ENTRY, include_str!("scripts/on_create.sh")),
        };
        for (index, step) in self.steps.into_iter().enumerate() {
            asset = asset.file(format!("steps/{:02}-{}.sh", index + 1, step.name), step.script);
            for (name, text) in step.files {
                asset = asset.file(format!("steps/{name}"), text);
            }
        }
        if let Some(parameters) = parameters {
            asset = asset.file("provisioning_parameters.json", parameters);
        }
        asset.unpacked()
    }
}
