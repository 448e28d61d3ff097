//! `restricted-groups-with-others`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::{is_set, items, string};
use crate::check::view::View;

rule! {
    /// A HyperPod cluster with restricted instance groups has other groups, Slurm, continuous provisioning or autoscaling as
    /// well.
    ///
    /// # Why it matters
    ///
    /// Restricted instance groups run the customization of Amazon Nova models in nodes that AWS manages. AWS's own modules create
    /// such clusters without any of these.
    ///
    /// # How to fix
    ///
    /// Use a cluster of its own for restricted instance groups.
    ///
    /// # Limitations
    ///
    /// It is not confirmed that the API refuses the combination, so this is a warning.
    Warning "restricted-groups-with-others",
    source: "awslabs/awsome-distributed-ai, hyperpod-eks-tf, read 2026-11-26",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let properties = &cluster.properties;
        if items(&properties["RestrictedInstanceGroups"]).next().is_none() {
            continue;
        }
        let scaling = &properties["AutoScaling"];
        let scaling = Some(scaling).filter(|scaling| string(&scaling["Mode"]) == Some("Enable"));
        let groups = Some(&properties["InstanceGroups"]).filter(|groups| items(*groups).next().is_some());
        let others = [
            ("other instance groups", groups),
            ("Slurm", Some(&properties["Orchestrator"]["Slurm"])),
            ("continuous provisioning", Some(&properties["NodeProvisioningMode"])),
            ("autoscaling", scaling),
        ];
        for (what, value) in others {
            if let Some(value) = value.filter(|value| is_set(value)) {
                findings.add(
                    cluster,
                    value,
                    format!("a cluster with restricted instance groups has no {what}"),
                    "use another cluster for it",
                );
            }
        }
    }
}
