//! `compute-quota-exceeds-cluster`

use std::collections::BTreeMap;

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::{holds_unresolved, is_set, items, number, string};
use crate::check::view::{Resource, View};

rule! {
    /// The quotas of teams are larger than the instance groups of their HyperPod cluster, or name an instance type that
    /// the cluster does not have.
    ///
    /// # Why it matters
    ///
    /// The quota of a team contains capacity that does not exist, so its jobs wait without an error.
    ///
    /// # How to fix
    ///
    /// Reduce the quotas until their sum is at most the capacity of the groups. A team can borrow capacity that another
    /// team does not use.
    ///
    /// # Limitations
    ///
    /// Groups with several instance types and clusters with autoscaling are not compared, because their number of
    /// instances is not known. Quotas in accelerators, vCPUs or memory are compared only by their instance type. The
    /// documentation states that the sum should not exceed the cluster. It is not confirmed that the API refuses it, so
    /// this is a warning.
    Warning "compute-quota-exceeds-cluster",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-eks-operate-console-ui-governance-policies.md",
    applies_to: ["AWS::SageMaker::ComputeQuota", "AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let Some(available) = instances(cluster) else { continue };
        let mut given: BTreeMap<&str, f64> = BTreeMap::new();
        for quota in view.of_type("AWS::SageMaker::ComputeQuota") {
            let of = view.target(&quota.properties["ClusterArn"]);
            if of.is_none_or(|of| of.id != cluster.id) {
                continue;
            }
            for resource in items(&quota.properties["ComputeQuotaConfig"]["ComputeQuotaResources"]) {
                let Some(name) = string(&resource["InstanceType"]) else { continue };
                let Some(has) = available.get(name) else {
                    findings.add(
                        quota,
                        &resource["InstanceType"],
                        format!("the cluster `{}` has no instance group of {name}", cluster.id),
                        "use an instance type of the cluster",
                    );
                    continue;
                };
                let sum = given.entry(name).or_default();
                *sum += number(&resource["Count"]).unwrap_or_default();
                if *sum > *has {
                    findings.add(
                        quota,
                        &resource["Count"],
                        format!("the quotas of the teams have {sum} instances of {name} in total, and the cluster has {has}"),
                        "reduce the quotas, or add instances",
                    );
                }
            }
        }
    }
}

/// Returns the number of instances of each type; `None` if it is not known before deployment.
fn instances<'v>(cluster: &'v Resource<'_>) -> Option<BTreeMap<&'v str, f64>> {
    let groups = &cluster.properties["InstanceGroups"];
    if !is_set(groups) || is_set(&cluster.properties["AutoScaling"]) {
        return None;
    }
    let mut found: BTreeMap<&str, f64> = BTreeMap::new();
    for group in items(groups) {
        let (name, count) = (&group["InstanceType"], &group["InstanceCount"]);
        if holds_unresolved(name) || holds_unresolved(count) {
            return None;
        }
        *found.entry(string(name)?).or_default() += number(count)?;
    }
    (!found.is_empty()).then_some(found)
}
