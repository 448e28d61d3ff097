//! `unsupported-data-parallel-instance`

use stackwright_schemas::instances::SmddpSupport;

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::uses_data_parallel;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The data parallel library of SageMaker (SMDDP) is used on an instance type that it does not support.
    ///
    /// # Why it matters
    ///
    /// The job fails when it starts. The library is built for the network of p4d and p4de.
    ///
    /// # How to fix
    ///
    /// Use a supported instance type, or NCCL.
    Error "unsupported-data-parallel-instance",
    source: "sagemaker 2.257.7 fw_utils.py SM_DATAPARALLEL_SUPPORTED_INSTANCE_TYPES; Amazon SageMaker Developer Guide, distributed-data-parallel-support.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        if !uses_data_parallel(&job) {
            continue;
        }
        for (location, name, facts) in job.training_instances() {
            let support = facts.and_then(|facts| facts.accelerators()).and_then(|facts| facts.smddp);
            // The SDK accepts ml.p3.16xlarge, the guide does not list it: that is not confirmed, so it is not reported.
            let refused = support == Some(SmddpSupport::Unsupported) && name != "ml.p3.16xlarge"
                || facts.is_some_and(|facts| facts.accelerator_count == Some(0));
            if refused {
                findings.add(
                    job.resource,
                    location,
                    format!("SMDDP does not support {name}"),
                    "use ml.p4d.24xlarge or ml.p4de.24xlarge, or torchrun with NCCL",
                );
            }
        }
    }
}
