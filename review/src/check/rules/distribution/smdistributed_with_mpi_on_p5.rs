//! `smdistributed-with-mpi-on-p5`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A distribution library of SageMaker is launched by MPI on p5 instances.
    ///
    /// # Why it matters
    ///
    /// On these instances the library is launched by torchrun only.
    ///
    /// # How to fix
    ///
    /// Use torchrun.
    Error "smdistributed-with-mpi-on-p5",
    source: "sagemaker 2.257.7 fw_utils.py _validate_smdistributed_not_in_p5",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let by_torchrun = job.is_on("sagemaker_torch_distributed_enabled");
        if by_torchrun || job.model_parallel().is_none() || !job.is_on("sagemaker_mpi_enabled") {
            continue;
        }
        for (location, name, _) in
            job.training_instances().into_iter().filter(|(_, name, _)| *name == "ml.p5.48xlarge")
        {
            findings.add(
                job.resource,
                location,
                format!("model parallel by MPI does not support {name}"),
                "launch with torchrun: set sagemaker_torch_distributed_enabled to true",
            );
        }
    }
}
