//! Jobs on a cluster: the same training description as a Kubernetes manifest, as a Slurm script, or as the configuration of the
//! launcher of HyperPod recipes.

mod eks;
mod recipe;
mod slurm;

use stackwright_schemas::ec2_network::{NetworkFacts, network_facts};
use stackwright_synth::{CallerLocation, Document, Scope};

use crate::training::{OnCluster, TrainingJob};

pub use eks::EksJob;
pub use recipe::RecipeJob;
pub use slurm::SlurmJob;

/// A training job as a file beside the template, for the scheduler of a HyperPod cluster. [`on_eks`](Self::on_eks) and
/// [`on_slurm`](Self::on_slurm) return the construct to add to a stack.
///
/// It uses the script, the instances, the strategy, the hyperparameters and the environment of a [`TrainingJob`], which
/// have to be literals. The script has to be in the image, or on a file system that the nodes share: a cluster does not
/// fetch the archive of the source as SageMaker does. Processes are started by `hyperpodrun` or `torchrun`, so that `Ddp`, `Fsdp` and
/// `DeepSpeed` can be used. The configuration of DeepSpeed is written beside the job, as `STACK.ID.ds_config.json`:
/// copy it to the directory of the script as `ds_config.json`. A strategy that only the training toolkit of SageMaker
/// starts is an error.
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
    /// Creates a job with its name, the training job that describes it, and the directory of the script on the nodes or in
    /// the image, such as `/fsx/llama`.
    ///
    /// The name has at most 63 lowercase letters, digits and hyphens. Another name, an instance type without
    /// accelerators, or a value of the training job that is not a literal is an error at the caller's line.
    #[track_caller]
    pub fn new(name: &str, job: &TrainingJob, directory: &str) -> Self {
        Self {
            name: name.to_owned(),
            job: job.on_cluster(),
            directory: directory.trim_end_matches('/').to_owned(),
            location: std::panic::Location::caller(),
        }
    }

    /// Returns the job as a `HyperPodPyTorchJob` for the training operator of HyperPod, whose pods run this container image,
    /// such as `123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3`. It replaces the image of the training job.
    pub fn on_eks(self, image: &str) -> EksJob {
        EksJob::new(self, image)
    }

    /// Returns the job as a script for `sbatch`, which runs on the nodes themselves unless
    /// [`SlurmJob::container`] sets an image.
    pub fn on_slurm(self) -> SlurmJob {
        SlurmJob::new(self)
    }

    /// Returns the description of the job and the data of its instance type, or reports the reason why the job cannot
    /// be written. Adds the files of the strategy.
    fn known(&self, scope: &mut Scope<'_>) -> Option<(OnCluster, &'static NetworkFacts)> {
        let (job, facts) = self.checked(scope)?;
        let Some((job, files)) = job.clone().with_strategy(&self.directory, scope) else {
            scope.error(
                "cluster-job",
                "only the training toolkit of SageMaker starts the distribution strategy of the job".into(),
                "use `Ddp`, `Fsdp` or `DeepSpeed`".into(),
                Some(self.location),
            );
            return None;
        };
        for (name, text) in files {
            scope.add_default(Document::new(name, text));
        }
        Some((job, facts))
    }

    fn checked(&self, scope: &Scope<'_>) -> Option<(&OnCluster, &'static NetworkFacts)> {
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
