//! `lifecycle-scripts-elsewhere`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::text::Text;
use crate::check::view::View;

rule! {
    /// The lifecycle scripts of a HyperPod instance group are in a bucket whose name does not start with `sagemaker-`,
    /// and its role is not in the template, so that it may have only the managed policy.
    ///
    /// # Why it matters
    ///
    /// `AmazonSageMakerClusterInstanceRolePolicy` allows to read such buckets only, so the cluster cannot be created.
    ///
    /// # How to fix
    ///
    /// Add a permission for the bucket to the role, or use another bucket. If the role has the permission, acknowledge the
    /// finding.
    Warning "lifecycle-scripts-elsewhere",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterLifeCycleConfig.SourceS3Uri",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            let place = &group["LifeCycleConfig"]["SourceS3Uri"];
            let start = Text::of(place).start().to_owned();
            let long_enough = start.len() >= "s3://sagemaker-".len() || Text::of(place).known().is_some();
            let own = view.target(&group["ExecutionRole"]).is_some();
            if long_enough && start.starts_with("s3://") && !start.starts_with("s3://sagemaker-") && !own {
                findings.add(
                    cluster,
                    place,
                    "the role of the group is not in the template, and a role with the managed policy only cannot read scripts \
                     outside of s3://sagemaker-…",
                    "allow the role to read the bucket, and acknowledge this finding; or use a bucket whose name starts with `sagemaker-`",
                );
            }
        }
    }
}
