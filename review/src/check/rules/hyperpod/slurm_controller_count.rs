//! `slurm-controller-count`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, string};
use crate::check::view::View;

rule! {
    /// A Slurm cluster whose groups have types does not have exactly one controller group.
    ///
    /// # Why it matters
    ///
    /// AWS describes one controller group for a cluster.
    ///
    /// # How to fix
    ///
    /// Give exactly one group the type of the controller.
    ///
    /// # Limitations
    ///
    /// It is not confirmed that the API refuses another number, so this is a warning.
    Warning "slurm-controller-count",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterSlurmConfig; unconfirmed",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let kinds: Vec<_> = groups(cluster).map(|group| &group["SlurmConfig"]["NodeType"]).collect();
        let all_known = kinds.iter().all(|kind| !is_unresolved(kind))
            && !is_unresolved(&cluster.properties["InstanceGroups"]);
        let says = kinds.iter().any(|kind| is_set(kind));
        let controllers = kinds.iter().filter(|kind| string(kind) == Some("Controller")).count();
        if says && all_known && controllers != 1 {
            let message = format!("a Slurm cluster has one controller group, and this one has {controllers}");
            findings.add(
                cluster,
                &cluster.properties["InstanceGroups"],
                message,
                "give one group `SlurmConfig.NodeType: Controller`",
            );
        }
    }
}
