//! Jobs of Slurm.

use stackwright_schemas::ec2_network::NetworkFacts;
use stackwright_synth::{Construct, Document, Scope};

use super::{ClusterJob, RecipeJob};
use crate::training::OnCluster;

/// A job for Slurm. [`ClusterJob::on_slurm`] creates it.
///
/// It becomes the file `STACK.ID.job.sbatch` in the assembly, and no resource of the template. Start the job with
/// `sbatch FILE` on a login node. The output is written to `logs/NAME_JOBID.out` in the directory of the script.
#[derive(Clone, Debug)]
#[must_use]
pub struct SlurmJob {
    pub(super) job: ClusterJob,
    pub(super) partition: Option<String>,
    pub(super) image: Option<String>,
    pub(super) auto_resume: bool,
}

impl SlurmJob {
    pub(super) fn new(job: ClusterJob) -> Self {
        Self { job, partition: None, image: None, auto_resume: true }
    }

    /// Sets the partition of Slurm that runs the job. The default is the default partition of the cluster.
    pub fn partition(mut self, name: &str) -> Self {
        self.partition = Some(name.to_owned());
        self
    }

    /// Runs the job in a container with Enroot and Pyxis, given by an image of a registry, or by the path of a squash
    /// file on a shared file system, such as `/fsx/images/trainer.sqsh`. The directory of the script is mounted. By default,
    /// the job runs on the nodes without a container. [`LifecycleScripts::enroot`](crate::cluster::LifecycleScripts::enroot)
    /// installs Enroot and Pyxis.
    pub fn container(mut self, image: &str) -> Self {
        self.image = Some(image.to_owned());
        self
    }

    /// Sets whether HyperPod replaces a faulty node and resumes the job (`srun --auto-resume=1`). The default is `true`.
    pub fn auto_resume(mut self, is_on: bool) -> Self {
        self.auto_resume = is_on;
        self
    }

    /// Returns the job as a configuration of the launcher of HyperPod recipes instead of a script. `results` is the path of
    /// the directory for results and logs, on a file system that the nodes share.
    pub fn as_recipe(self, results: &str) -> RecipeJob {
        RecipeJob::on_slurm(self, results)
    }

    /// Returns the text of the script.
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
        // HyperPod starts the step again on other nodes when one is replaced, so the script queries nothing about the
        // nodes outside of it.
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
pub(super) fn quoted(text: &str) -> String {
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
            let text = self.text(&job, facts);
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
