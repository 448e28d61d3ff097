//! `second-cluster-policy`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A HyperPod cluster has two scheduler configurations.
    ///
    /// # Why it matters
    ///
    /// A cluster has one policy for task governance: the second `ClusterSchedulerConfig` fails.
    ///
    /// # How to fix
    ///
    /// Put all priority classes into one `ClusterSchedulerConfig`.
    ///
    /// # Limitations
    ///
    /// Users report this limit, but the API Reference does not state it, so this is a warning.
    Warning "second-cluster-policy",
    source: "alchemy-run/alchemy@1b7c8b95 ClusterSchedulerConfig, read 2026-11-26",
    applies_to: ["AWS::SageMaker::ClusterSchedulerConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let of_cluster = view.of_type("AWS::SageMaker::ClusterSchedulerConfig").filter(|config| {
            view.target(&config.properties["ClusterArn"]).is_some_and(|target| target.id == cluster.id)
        });
        for second in of_cluster.skip(1) {
            findings.add(
                second,
                &second.properties["ClusterArn"],
                format!("the cluster `{}` has another scheduler configuration", cluster.id),
                "put all priority classes into one `ClusterSchedulerConfig`",
            );
        }
    }
}
