//! `ended-kubernetes-version`

use super::minor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;
use stackwright_schemas::lifecycle::{READ, kubernetes_versions};

rule! {
    /// An EKS cluster has a version of Kubernetes that EKS no longer accepts for new clusters.
    ///
    /// # Why it matters
    ///
    /// EKS creates clusters with versions in standard or extended support only. In YAML, `1.30` without quotes is the
    /// number 1.3.
    ///
    /// # How to fix
    ///
    /// Use a version in standard support, and write it in quotes.
    ///
    /// # Limitations
    ///
    /// Dates that AWS announced after the date of the data are not reported.
    Error "ended-kubernetes-version",
    source: "Amazon EKS User Guide, \"Understand the Kubernetes version lifecycle on EKS\"",
    applies_to: ["AWS::EKS::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let versions = kubernetes_versions();
    let oldest = versions.first().and_then(|version| minor(&version.name));
    let newest = versions.last().map_or("", |version| version.name.as_str());
    for (cluster, value) in super::kubernetes_versions(view) {
        // A number without quotes lost its last digit if that was 0.
        let written = value.to_string();
        let Some(name) = string(value).or(value.is_number().then_some(written.as_str())) else { continue };
        let known = versions.iter().find(|version| version.name == name);
        let message = match known {
            Some(version) if version.extended_until < READ => {
                format!(
                    "EKS has not accepted new clusters with Kubernetes {name} since {}",
                    version.extended_until
                )
            }
            None if minor(name).is_some_and(|minor| Some(minor) < oldest) => {
                format!("EKS no longer accepts new clusters with Kubernetes {name}")
            }
            _ => continue,
        };
        findings.add(cluster, value, message, format!("use a version up to '{newest}', in quotes"));
    }
}
