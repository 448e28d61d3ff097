//! Jobs on a cluster: the same training description as a Kubernetes manifest or as a Slurm script.

use serde_json::{Map, Value as JsonValue, json};
use stackwright_schemas::ec2_network::{NetworkFacts, network_facts};
use stackwright_synth::{CallerLocation, Construct, Document, Scope};

use crate::training::{OnCluster, TrainingJob};

/// The port of the elastic agent in a pod.
const AGENT_PORT: u16 = 8080;

/// A training job as a file beside the template, for the scheduler of a HyperPod cluster.
///
/// It takes the script, the instances, the hyperparameters and the environment of a [`TrainingJob`]. The script has to be in
/// the image, or on a file system that the nodes share: a cluster does not fetch the archive of the source as SageMaker does.
/// Distribution strategies that only the training toolkit of SageMaker starts have no counterpart: processes are started by
/// `hyperpodrun` or `torchrun`.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::cluster::ClusterJob;
/// use stackwright_stacks::training::{Instances, TrainingJob};
/// # use stackwright_synth::{App, Asset};
///
/// # let app = App::new("research");
/// # let stack = app.stack("Jobs").region("us-east-1");
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.p5.48xlarge", 4), S3Location::new("runs", "models"))
///     .source(Asset::archive().file("train.py", "…"), "train.py")
///     .hyperparameter("epochs", 3);
/// let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3";
/// stack.add("OnKubernetes", ClusterJob::new("llama", &job, "/workspace").on_eks(image).team("vision").priority("research"));
/// stack.add("OnSlurm", ClusterJob::new("llama", &job, "/fsx/llama").on_slurm().partition("pretraining"));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClusterJob {
    name: String,
    job: Result<OnCluster, String>,
    directory: String,
    location: CallerLocation,
}

impl ClusterJob {
    /// Creates it with its name (lower case letters, digits and hyphens), the description, and the directory of the script on
    /// the nodes or in the image.
    #[track_caller]
    pub fn new(name: &str, job: &TrainingJob, directory: &str) -> Self {
        Self {
            name: name.to_owned(),
            job: job.on_cluster(),
            directory: directory.trim_end_matches('/').to_owned(),
            location: std::panic::Location::caller(),
        }
    }

    /// Makes it a `HyperPodPyTorchJob` for the training operator of HyperPod, with this image.
    pub fn on_eks(self, image: &str) -> EksJob {
        EksJob {
            job: self,
            image: image.to_owned(),
            team: None,
            priority: None,
            restarts: 10,
            spares: 0,
            claims: Vec::new(),
        }
    }

    /// Makes it a script for `sbatch`.
    pub fn on_slurm(self) -> SlurmJob {
        SlurmJob { job: self, partition: None, image: None, auto_resume: true }
    }

    /// Returns the description and the facts of its instances, or reports why it cannot be written.
    fn known(&self, scope: &Scope<'_>) -> Option<(&OnCluster, &'static NetworkFacts)> {
        let refuse = |message: String, help: &str| {
            scope.error("cluster-job", message, help.to_owned(), Some(self.location));
        };
        let is_word = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        };
        if self.name.is_empty()
            || self.name.len() > 63
            || !self.name.chars().all(is_word)
            || self.name.starts_with('-')
        {
            refuse(
                format!("`{}` is not a valid name of a job", self.name),
                "use at most 63 lower case letters, digits and hyphens",
            );
        }
        let job = match &self.job {
            Ok(job) => job,
            Err(what) => {
                refuse(
                    format!("the {what} is not known when the file is written"),
                    "use a literal: CloudFormation does not resolve values in this file",
                );
                return None;
            }
        };
        let facts = network_facts(&job.instance_type);
        if facts.is_none() {
            refuse(
                format!("the accelerators of {} are not known", job.instance_type),
                "use an instance type with accelerators",
            );
        }
        facts.map(|facts| (job, facts))
    }

    fn script(&self, job: &OnCluster) -> String {
        format!("{}/{}", self.directory, job.entry_point.as_deref().unwrap_or("train.py"))
    }
}

/// A job for the training operator of HyperPod on Amazon EKS.
///
/// It becomes `STACK.ID.job.yaml` in the assembly: `kubectl apply --filename`.
#[derive(Clone, Debug)]
pub struct EksJob {
    job: ClusterJob,
    image: String,
    team: Option<String>,
    priority: Option<String>,
    restarts: u32,
    spares: u32,
    claims: Vec<(String, String)>,
}

impl EksJob {
    /// Runs it in the namespace and the queue of a team (see [`ComputeAllocation`](super::ComputeAllocation)).
    pub fn team(mut self, name: &str) -> Self {
        self.team = Some(name.to_owned());
        self
    }

    /// Gives it a class of priority of the cluster's policy.
    pub fn priority(mut self, class: &str) -> Self {
        self.priority = Some(class.to_owned());
        self
    }

    /// Restarts it at most so often after a fault; 10 unless set.
    pub fn restarts(mut self, number: u32) -> Self {
        self.restarts = number;
        self
    }

    /// Sets the number of spare nodes for nodes that fail. It needs task governance.
    pub fn spares(mut self, nodes: u32) -> Self {
        self.spares = nodes;
        self
    }

    /// Mounts a persistent volume claim of the namespace at a path.
    pub fn claim(mut self, name: &str, mount_path: &str) -> Self {
        self.claims.push((name.to_owned(), mount_path.to_owned()));
        self
    }

    /// The manifest.
    fn manifest(&self, job: &OnCluster, facts: &NetworkFacts) -> JsonValue {
        let mut labels = Map::new();
        let mut metadata = json!({ "name": self.job.name });
        if let Some(team) = &self.team {
            metadata["namespace"] = format!("hyperpod-ns-{team}").into();
            labels
                .insert("kueue.x-k8s.io/queue-name".into(), format!("hyperpod-ns-{team}-localqueue").into());
        }
        if let Some(class) = &self.priority {
            labels.insert("kueue.x-k8s.io/priority-class".into(), format!("{class}-priority").into());
        }
        if !labels.is_empty() {
            metadata["labels"] = labels.into();
        }
        let mut replicas = json!({
            "name": "pods",
            "replicas": job.instances,
            "template": { "spec": self.pod(job, facts) },
        });
        if self.spares > 0 {
            replicas["spares"] = self.spares.into();
        }
        let mut policy = json!({
            "cleanPodPolicy": "None",
            "jobMaxRetryCount": self.restarts,
            "restartPolicy": {
                "evalPeriodSeconds": 21_600,
                "maxFullJobRestarts": self.restarts,
                "numRestartBeforeFullJobRestart": 1,
            },
        });
        if let Some(time) = job.max_run {
            policy["activeDeadlineSeconds"] = time.into();
        }
        json!({
            "apiVersion": "sagemaker.amazonaws.com/v1",
            "kind": "HyperPodPyTorchJob",
            "metadata": metadata,
            "spec": {
                "nprocPerNode": facts.accelerator_count.max(1).to_string(),
                "replicaSpecs": [replicas],
                "runPolicy": policy,
            },
        })
    }

    /// The specification of a pod: one on each node, with all its accelerators and EFA devices.
    fn pod(&self, job: &OnCluster, facts: &NetworkFacts) -> JsonValue {
        let accelerator = if facts.instance_type.starts_with("trn") || facts.instance_type.starts_with("inf")
        {
            "aws.amazon.com/neurondevice"
        } else {
            "nvidia.com/gpu"
        };
        let mut resources = Map::new();
        resources.insert(accelerator.into(), facts.accelerator_count.to_string().into());
        if facts.efa_max_interfaces > 0 && job.instances > 1 {
            // Without it, the pods communicate through TCP, and nothing says so.
            resources.insert("vpc.amazonaws.com/efa".into(), facts.efa_max_interfaces.to_string().into());
        }
        let resources = JsonValue::from(resources);
        let mut command = vec![
            "hyperpodrun".to_owned(),
            format!("--nnodes={}", job.instances),
            format!("--nproc-per-node={}", facts.accelerator_count.max(1)),
            "--rdzv-backend=hyperpod".to_owned(),
            self.job.script(job),
        ];
        command.extend(job.arguments.iter().map(|(name, value)| format!("--{name}={value}")));
        let environment: Vec<JsonValue> =
            job.environment.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let mut mounts = vec![json!({ "name": "shm", "mountPath": "/dev/shm" })];
        let mut volumes = vec![json!({ "name": "shm", "emptyDir": { "medium": "Memory" } })];
        for (name, path) in &self.claims {
            mounts.push(json!({ "name": name, "mountPath": path }));
            volumes.push(json!({ "name": name, "persistentVolumeClaim": { "claimName": name } }));
        }
        json!({
            "nodeSelector": {
                "node.kubernetes.io/instance-type": job.instance_type,
                "sagemaker.amazonaws.com/node-health-status": "Schedulable",
            },
            "containers": [{
                "name": "pytorch",
                "image": self.image,
                "command": command,
                "env": environment,
                "ports": [{ "containerPort": AGENT_PORT }],
                "resources": { "requests": resources, "limits": resources },
                "volumeMounts": mounts,
            }],
            "volumes": volumes,
        })
    }
}

impl Construct for EksJob {
    type Handle = ();
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) {
        if let Some((job, facts)) = self.job.known(scope) {
            // JSON is YAML; quoted strings leave no doubt of what is a number.
            let manifest = format!("{:#}\n", self.manifest(job, facts));
            scope.add_default(Document::new("job.yaml", manifest));
        }
    }
}

/// A job for Slurm.
///
/// It becomes `STACK.ID.job.sbatch` in the assembly: `sbatch FILE` on a login node.
#[derive(Clone, Debug)]
pub struct SlurmJob {
    job: ClusterJob,
    partition: Option<String>,
    image: Option<String>,
    auto_resume: bool,
}

impl SlurmJob {
    /// Sends it to this partition, instead of the cluster's default one.
    pub fn partition(mut self, name: &str) -> Self {
        self.partition = Some(name.to_owned());
        self
    }

    /// Runs it in a container, by Enroot and Pyxis: an image of a registry, or a squash file on a shared file system.
    pub fn container(mut self, image: &str) -> Self {
        self.image = Some(image.to_owned());
        self
    }

    /// Sets whether HyperPod replaces a faulty node and resumes the step; it does unless this is `false`.
    pub fn auto_resume(mut self, is_on: bool) -> Self {
        self.auto_resume = is_on;
        self
    }

    /// The script.
    fn text(&self, job: &OnCluster, facts: &NetworkFacts) -> String {
        let gpus = facts.accelerator_count.max(1);
        let mut lines = vec![
            "#!/bin/bash".to_owned(),
            format!("#SBATCH --job-name={}", self.job.name),
            format!("#SBATCH --nodes={}", job.instances),
            "#SBATCH --ntasks-per-node=1".to_owned(),
            "#SBATCH --exclusive".to_owned(),
            format!("#SBATCH --output={}/logs/%x_%j.out", self.job.directory),
        ];
        lines.extend(self.partition.iter().map(|name| format!("#SBATCH --partition={name}")));
        if let Some(time) = job.max_run {
            lines.push(format!("#SBATCH --time={}", time.div_ceil(60)));
        }
        lines.push("set -euo pipefail".to_owned());
        lines.push(String::new());
        if facts.efa_max_interfaces > 0 && job.instances > 1 {
            lines.push("export FI_PROVIDER=efa".to_owned());
        }
        lines.extend(job.environment.iter().map(|(name, value)| format!("export {name}={}", quoted(value))));
        lines.push(String::new());
        // HyperPod starts the step again on other nodes when one is replaced, so nothing about the nodes is asked outside of
        // it.
        let mut words = vec![
            "torchrun".to_owned(),
            format!("--nnodes={}", job.instances),
            format!("--nproc-per-node={gpus}"),
            "--rdzv-id=\"$SLURM_JOB_ID\"".to_owned(),
            "--rdzv-backend=c10d".to_owned(),
            "--rdzv-endpoint=\"$head_node:29500\"".to_owned(),
            quoted(&self.job.script(job)),
        ];
        words.extend(job.arguments.iter().map(|(name, value)| format!("--{name}={}", quoted(value))));
        lines.push("train() {".to_owned());
        lines.push("    local head_node".to_owned());
        lines.push(
            "    head_node=\"$(scontrol show hostnames \"$SLURM_STEP_NODELIST\" | head -n 1)\"".to_owned(),
        );
        lines.push(format!("    {}", words.join(" \\\n        ")));
        lines.push("}".to_owned());
        lines.push("export -f train".to_owned());
        lines.push(String::new());
        let mut step = vec!["srun".to_owned()];
        if self.auto_resume {
            step.push("--auto-resume=1".to_owned());
        }
        if let Some(image) = &self.image {
            step.push(format!("--container-image={}", quoted(image)));
            step.push(format!("--container-mounts={0}:{0}", self.job.directory));
        }
        step.push("bash -c train".to_owned());
        lines.push(step.join(" "));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// A quoted argument of a shell script.
fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@%+,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

impl Construct for SlurmJob {
    type Handle = ();
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) {
        if let Some((job, facts)) = self.job.known(scope) {
            let text = self.text(job, facts);
            scope.add_default(Document::new("job.sbatch", text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_the_shell_would_read_them() {
        assert_eq!(quoted("a/b.py"), "a/b.py");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
