//! `data-parallel-library-missing`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::uses_data_parallel;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// SageMaker's data parallel library (SMDDP) with a PyTorch container that does not have it. The last framework container
    /// with it is that of 2.3; after that it comes in the model parallel image.
    Error "data-parallel-library-missing",
    source: "sagemaker 2.257.7 fw_utils.py SM_DATAPARALLEL_SUPPORTED_FRAMEWORK_VERSIONS; Amazon SageMaker Developer Guide, distributed-data-parallel-support.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let Some((place, version)) = job.pytorch().filter(|_| uses_data_parallel(&job)) else { continue };
        if version > [2, 3, 1] {
            let [major, minor, patch] = version;
            findings.add(
                job.resource,
                place,
                format!("SMDDP is not in the PyTorch {major}.{minor}.{patch} container"),
                "use PyTorch 2.3 or older, the SageMaker model parallel image, or NCCL",
            );
        }
    }
}
