//! `data-parallel-library-missing`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::uses_data_parallel;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A job uses the data parallel library of SageMaker (SMDDP) with a PyTorch image that does not contain it.
    ///
    /// # Why it matters
    ///
    /// The job fails when it starts. The last framework image with the library is that of PyTorch 2.3.
    ///
    /// # How to fix
    ///
    /// Use the model parallel image, or another strategy.
    Error "data-parallel-library-missing",
    source: "sagemaker 2.257.7 fw_utils.py SM_DATAPARALLEL_SUPPORTED_FRAMEWORK_VERSIONS; Amazon SageMaker Developer Guide, distributed-data-parallel-support.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let Some((location, version)) = job.pytorch().filter(|_| uses_data_parallel(&job)) else { continue };
        if version > [2, 3, 1] {
            let [major, minor, patch] = version;
            findings.add(
                job.resource,
                location,
                format!("SMDDP is not in the PyTorch {major}.{minor}.{patch} container"),
                "use PyTorch 2.3 or older, the SageMaker model parallel image, or NCCL",
            );
        }
    }
}
