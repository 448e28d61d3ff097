//! `extended-kubernetes-version`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;
use stackwright_schemas::lifecycle::{READ, kubernetes_versions};

rule! {
    /// An EKS cluster has a version of Kubernetes in extended support.
    ///
    /// # Why it matters
    ///
    /// Each hour of such a cluster costs more than in standard support. When extended support ends, EKS updates the cluster by
    /// itself.
    ///
    /// # How to fix
    ///
    /// Use a version in standard support.
    ///
    /// # Limitations
    ///
    /// Dates that AWS announced after the date of the data are not known.
    Warning "extended-kubernetes-version",
    source: "Amazon EKS User Guide, \"Understand the Kubernetes version lifecycle on EKS\"",
    applies_to: ["AWS::EKS::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (cluster, value) in super::kubernetes_versions(view) {
        let given = string(value);
        let known = kubernetes_versions().iter().find(|version| Some(version.name.as_str()) == given);
        let Some(version) = known else { continue };
        if version.standard_until < READ && version.extended_until >= READ {
            let message = format!(
                "standard support of Kubernetes {} ended on {}, and extended support costs more until {}",
                version.name, version.standard_until, version.extended_until
            );
            findings.add(cluster, value, message, "use a newer version");
        }
    }
}
