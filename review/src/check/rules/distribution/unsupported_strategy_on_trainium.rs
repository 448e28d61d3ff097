//! `unsupported-strategy-on-trainium`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A job on Trainium instances uses another distribution strategy than torchrun.
    ///
    /// # Why it matters
    ///
    /// The strategy does not run on Trainium.
    ///
    /// # How to fix
    ///
    /// Use torchrun.
    Error "unsupported-strategy-on-trainium",
    source: "sagemaker 2.257.7 fw_utils.py validate_distribution_for_instance_type",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let strategies = ["sagemaker_mpi_enabled", DATA_PARALLEL, "sagemaker_pytorch_ddp_enabled"];
        let other = strategies.iter().find(|name| job.is_on(name));
        for (location, name, _) in
            job.instances().into_iter().filter(|(_, name, _)| name.starts_with("ml.trn"))
        {
            if let Some(strategy) = other {
                findings.add(
                    job.resource,
                    location,
                    format!("{name} does not support {strategy}"),
                    "use sagemaker_torch_distributed_enabled only",
                );
            }
        }
    }
}
