//! `slurm-controller-count`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, string};
use crate::check::view::View;

rule! {
    /// A Slurm cluster whose groups have a `SlurmConfig` does not have exactly one controller group, or has several login groups.
    ///
    /// # Why it matters
    ///
    /// The service answers "SlurmConfig for InstanceGroups may only have one Controller Group", or that no group has the node
    /// type of the controller.
    ///
    /// # How to fix
    ///
    /// Give exactly one group the node type `Controller`, and at most one group the node type `Login`.
    Error "slurm-controller-count",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-slurm-api-config-migration.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let kinds: Vec<_> = groups(cluster).map(|group| &group["SlurmConfig"]["NodeType"]).collect();
        let all_known = kinds.iter().all(|kind| !is_unresolved(kind))
            && !is_unresolved(&cluster.properties["InstanceGroups"]);
        let is_slurm = kinds.iter().any(|kind| is_set(kind));
        let controllers = kinds.iter().filter(|kind| string(kind) == Some("Controller")).count();
        let logins = kinds.iter().filter(|kind| string(kind) == Some("Login")).count();
        if is_slurm && all_known && logins > 1 {
            findings.add(
                cluster,
                &cluster.properties["InstanceGroups"],
                format!("a Slurm cluster has at most one group of login nodes, and this one has {logins}"),
                "put the login nodes into one group",
            );
        }
        if is_slurm && all_known && controllers != 1 {
            let message =
                format!("a Slurm cluster needs exactly one controller group, and this one has {controllers}");
            findings.add(
                cluster,
                &cluster.properties["InstanceGroups"],
                message,
                "set `SlurmConfig.NodeType: Controller` for one group",
            );
        }
    }
}
