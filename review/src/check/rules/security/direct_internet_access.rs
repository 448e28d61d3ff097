//! `direct-internet-access`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, string};
use crate::check::view::View;

rule! {
    /// A notebook instance or a domain has direct access to the internet, outside of the VPC.
    ///
    /// # Why it matters
    ///
    /// Data can leave the account without passing the network's controls.
    ///
    /// # How to fix
    ///
    /// Set `DirectInternetAccess: Disabled` with a subnet, or `AppNetworkAccessType: VpcOnly`.
    Warning "direct-internet-access",
    source: "Amazon SageMaker Developer Guide, infrastructure-connect-to-resources.md",
    applies_to: ["AWS::SageMaker::NotebookInstance", "AWS::SageMaker::Domain"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for notebook in view.of_type("AWS::SageMaker::NotebookInstance") {
        let access = &notebook.properties["DirectInternetAccess"];
        if string(access) == Some("Enabled") || !is_set(access) {
            findings.add(
                notebook,
                access,
                "the notebook instance has direct internet access",
                "set `DirectInternetAccess: Disabled`, with a subnet",
            );
        }
    }
    for domain in view.of_type("AWS::SageMaker::Domain") {
        let access = &domain.properties["AppNetworkAccessType"];
        if string(access) == Some("PublicInternetOnly") || !is_set(access) {
            findings.add(
                domain,
                access,
                "the domain has direct internet access",
                "set `AppNetworkAccessType: VpcOnly`",
            );
        }
    }
}
