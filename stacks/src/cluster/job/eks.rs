//! Jobs of the training operator of HyperPod.

use serde_json::{Map, Value as JsonValue, json};
use stackwright_schemas::ec2_network::NetworkFacts;
use stackwright_synth::{Construct, Document, Scope};

use super::{ClusterJob, RecipeJob};
use crate::deferred_error::DeferredError;
use crate::training::OnCluster;

/// The port of the elastic agent in a pod.
const AGENT_PORT: u16 = 8080;

/// A job for the training operator of HyperPod on Amazon EKS. [`ClusterJob::on_eks`] creates it.
///
/// It becomes the file `STACK.ID.job.yaml` in the assembly, and no resource of the template. Start the job with
/// `kubectl apply --filename FILE`.
#[derive(Clone, Debug)]
#[must_use]
pub struct EksJob {
    pub(super) job: ClusterJob,
    pub(super) image: String,
    team: Option<String>,
    priority: Option<String>,
    restarts: u32,
    spares: u32,
    pub(super) claims: Vec<(String, String)>,
    errors: Vec<DeferredError>,
}

impl EksJob {
    pub(super) fn new(job: ClusterJob, image: &str) -> Self {
        Self {
            job,
            image: image.to_owned(),
            team: None,
            priority: None,
            restarts: 10,
            spares: 0,
            claims: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Runs the job in the namespace and the queue of a team, the one of its
    /// [`ComputeAllocation`](crate::cluster::ComputeAllocation). By default, the manifest names neither, and the job runs in
    /// the namespace of the `kubectl` context.
    pub fn team(mut self, name: &str) -> Self {
        self.team = Some(name.to_owned());
        self
    }

    /// Sets the priority class of the job, by its name in the cluster's policy
    /// ([`ClusterPolicy::priority_class`](crate::cluster::ClusterPolicy::priority_class)). By default, the job names none.
    pub fn priority(mut self, class: &str) -> Self {
        self.priority = Some(class.to_owned());
        self
    }

    /// Sets the maximum number of restarts after a fault (`jobMaxRetryCount`). The default is 10.
    pub fn restarts(mut self, number: u32) -> Self {
        self.restarts = number;
        self
    }

    /// Sets the number of spare pods, which take over from pods on nodes that fail (`spares`). The default is 0. Spare pods
    /// need [`TaskGovernance`](crate::cluster::TaskGovernance).
    pub fn spares(mut self, nodes: u32) -> Self {
        self.spares = nodes;
        self
    }

    /// Mounts an existing persistent volume claim of the job's namespace, by its name, at a path in the container, such as
    /// `/data`. By default, only `/dev/shm` is mounted.
    #[track_caller]
    pub fn claim(mut self, name: &str, mount_path: &str) -> Self {
        if !mount_path.starts_with('/') {
            self.errors.push(DeferredError {
                name: "invalid-directory",
                message: format!("`{mount_path}` is not an absolute path"),
                help: "start the path with `/`".into(),
                source: std::panic::Location::caller(),
            });
        }
        self.claims.push((name.to_owned(), mount_path.to_owned()));
        self
    }

    /// Returns the job as a configuration of the launcher of HyperPod recipes instead of a manifest. `results` is the path
    /// of the directory for results and logs in the container, on a volume that [`claim`](Self::claim) mounts.
    pub fn as_recipe(self, results: &str) -> RecipeJob {
        RecipeJob::on_eks(self, results)
    }

    /// Returns the Kubernetes manifest of the job.
    fn manifest(&self, job: &OnCluster, facts: &NetworkFacts) -> JsonValue {
        let mut metadata = json!({ "name": self.job.name });
        if let Some(namespace) = self.namespace() {
            metadata["namespace"] = namespace.into();
        }
        let labels = self.labels();
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

    /// Returns the namespace of the team.
    pub(super) fn namespace(&self) -> Option<String> {
        self.team.as_ref().map(|team| format!("hyperpod-ns-{team}"))
    }

    /// Returns the labels that task governance reads.
    pub(super) fn labels(&self) -> Map<String, JsonValue> {
        let mut labels = Map::new();
        if let Some(namespace) = self.namespace() {
            labels.insert("kueue.x-k8s.io/queue-name".into(), format!("{namespace}-localqueue").into());
        }
        if let Some(class) = &self.priority {
            labels.insert("kueue.x-k8s.io/priority-class".into(), format!("{class}-priority").into());
        }
        labels
    }

    /// Returns the specification of a pod: one on each node, with all its accelerators and EFA devices.
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
            // Without it, the pods communicate through TCP, and nothing reports that.
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

    fn build(mut self, scope: &mut Scope<'_>) {
        for error in std::mem::take(&mut self.errors) {
            error.report(scope);
        }
        if let Some((job, facts)) = self.job.known(scope) {
            // JSON is valid YAML, and its quotes distinguish strings from numbers.
            let manifest = format!("{:#}\n", self.manifest(&job, facts));
            scope.add_default(Document::new("job.yaml", manifest));
        }
    }
}
