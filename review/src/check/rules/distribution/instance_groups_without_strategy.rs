//! `instance-groups-without-strategy`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::value::items;
use crate::check::view::View;

rule! {
    /// A job names instance groups for a distribution strategy but enables none, or names several groups although a
    /// strategy runs on one.
    ///
    /// # Why it matters
    ///
    /// SageMaker's training toolkit refuses the configuration.
    ///
    /// # How to fix
    ///
    /// Turn the strategy on, or remove the list of groups.
    Error "instance-groups-without-strategy",
    source: "sagemaker 2.257.7 fw_utils.py validate_distribution",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let Some(groups) = job.hyperparameter("sagemaker_distribution_instance_groups") else { continue };
        let location = &job.arguments["HyperParameters"]["sagemaker_distribution_instance_groups"];
        let launchers = ["sagemaker_mpi_enabled", "sagemaker_torch_distributed_enabled", DATA_PARALLEL];
        if !launchers.iter().any(|launcher| job.is_on(launcher)) {
            findings.add(
                job.resource,
                location,
                "instance groups are named, but no distribution strategy is enabled",
                "enable MPI, torchrun or SMDDP, or remove the groups",
            );
        } else if items(&groups).count() > 1 {
            findings.add(job.resource, location, "a strategy runs on one instance group", "name one group");
        }
    }
}
