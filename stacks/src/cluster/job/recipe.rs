//! Jobs that the launcher of HyperPod recipes starts.

use serde_json::{Map, Value as JsonValue, json};
use stackwright_schemas::ec2_network::NetworkFacts;
use stackwright_synth::{Construct, Document, Scope};

use super::slurm::quoted;
use super::{ClusterJob, EksJob, SlurmJob};
use crate::training::OnCluster;

/// A job as the configuration of the launcher of HyperPod recipes (the GitHub repository `aws/sagemaker-hyperpod-recipes`),
/// for training with a custom script. [`EksJob::as_recipe`] and [`SlurmJob::as_recipe`] create it.
///
/// It becomes the file `STACK.ID.recipe.yaml` in the assembly. In a copy of that repository, start it with
/// `python main.py --config-path DIRECTORY --config-name STACK.ID.recipe`.
///
/// The members are those of `launcher_scripts/custom_script/config_slurm.yaml` and
/// `recipes_collection/cluster/k8s.yaml` at the commit `26319955`. The launcher of that commit was run with both kinds of
/// configurations (2026-11-27): for Slurm it writes the submission script and the script of each node, for Amazon EKS
/// the values of its Helm chart, which renders a `HyperPodPyTorchJob` from them. `sbatch` and `helm` were not run.
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
///     .source(Asset::archive().file("train.py", "…"), "train.py");
/// let recipe = ClusterJob::new("llama", &job, "/fsx/llama").on_slurm().container("/fsx/images/trainer.sqsh");
/// stack.add("Recipe", recipe.as_recipe("/fsx/results"));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RecipeJob {
    on: Scheduler,
    results: String,
}

#[derive(Clone, Debug)]
enum Scheduler {
    Eks(EksJob),
    Slurm(SlurmJob),
}

impl RecipeJob {
    pub(super) fn on_eks(job: EksJob, results: &str) -> Self {
        Self { on: Scheduler::Eks(job), results: results.to_owned() }
    }

    pub(super) fn on_slurm(job: SlurmJob, results: &str) -> Self {
        Self { on: Scheduler::Slurm(job), results: results.to_owned() }
    }

    fn job(&self) -> &ClusterJob {
        match &self.on {
            Scheduler::Eks(on) => &on.job,
            Scheduler::Slurm(on) => &on.job,
        }
    }

    /// Returns the configuration of the launcher.
    fn configuration(&self, job: &OnCluster, facts: &NetworkFacts) -> JsonValue {
        // The launcher writes arguments into a shell script without quoting them, and on Slurm the environment
        // variables too.
        let arguments: Vec<JsonValue> =
            job.arguments.iter().map(|(name, value)| json!({ format!("--{name}"): quoted(value) })).collect();
        let variable = |value: &str| match &self.on {
            Scheduler::Eks(_) => value.to_owned(),
            Scheduler::Slurm(_) => quoted(value),
        };
        let environment: Map<String, JsonValue> =
            job.environment.iter().map(|(name, value)| (name.clone(), variable(value).into())).collect();
        let (kind, cluster_config, container) = match &self.on {
            Scheduler::Eks(on) => ("k8s", of_eks(on), Some(&on.image)),
            Scheduler::Slurm(on) => ("slurm", of_slurm(on), on.image.as_ref()),
        };
        let mut cluster = json!({
            "cluster_type": kind,
            "instance_type": facts.instance_type,
            "cluster_config": cluster_config,
        });
        match &self.on {
            // Without it, the launcher creates a `PyTorchJob` of Kubeflow.
            Scheduler::Eks(_) => cluster["use_hyperpod_pytorch_job"] = json!(true),
            Scheduler::Slurm(on) => cluster["container_mounts"] = json!([on.job.directory]),
        }
        json!({
            "defaults": [{ "override hydra/job_logging": "stdout" }],
            "hydra": { "run": { "dir": "." }, "output_subdir": null },
            "git": { "repo_url_or_path": null, "branch": null, "commit": null, "token": null },
            "training_cfg": {
                "entry_script": self.job().script(job),
                "script_args": arguments,
                "run": {
                    "name": self.job().name,
                    "nodes": job.instances,
                    "ntasks_per_node": facts.accelerator_count.max(1),
                },
            },
            "cluster": cluster,
            "base_results_dir": self.results,
            "container": container,
            "env_vars": environment,
        })
    }
}

fn of_eks(job: &EksJob) -> JsonValue {
    let claims: Vec<JsonValue> =
        job.claims.iter().map(|(name, path)| json!({ "claimName": name, "mountPath": path })).collect();
    json!({
        "namespace": job.namespace().unwrap_or_else(|| "default".to_owned()),
        "custom_labels": job.labels(),
        "label_selector": {
            "required": { "sagemaker.amazonaws.com/node-health-status": ["Schedulable"] },
        },
        "persistent_volume_claims": claims,
        "pullPolicy": "IfNotPresent",
        "restartPolicy": "OnFailure",
    })
}

fn of_slurm(job: &SlurmJob) -> JsonValue {
    let arguments: Vec<&str> = job.auto_resume.then_some("--auto-resume=1").into_iter().collect();
    let mut config = json!({
        "exclusive": true,
        "job_name_prefix": "",
        "slurm_create_submission_file_only": false,
        "srun_args": arguments,
    });
    if let Some(partition) = &job.partition {
        // A parameter of `sbatch`: a step runs in the partition of its job.
        config["partition"] = json!(partition);
    }
    config
}

impl Construct for RecipeJob {
    type Handle = ();
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) {
        if let Some((job, facts)) = self.job().known(scope) {
            // JSON is valid YAML, and its quotes distinguish strings from numbers.
            let configuration = format!("{:#}\n", self.configuration(&job, facts));
            scope.add_default(Document::new("recipe.yaml", configuration));
        }
    }
}
