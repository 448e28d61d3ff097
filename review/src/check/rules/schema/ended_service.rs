//! `ended-service`

use stackwright_schemas::lifecycle::{SupportStage, service};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The type belongs to a service that AWS shut down.
    ///
    /// # Why it matters
    ///
    /// No resource of the type can be created any more.
    ///
    /// # How to fix
    ///
    /// Remove the resource, or replace it with one of another service.
    ///
    /// # Limitations
    ///
    /// Services whose end AWS announced after the date of the data are not reported.
    Error "ended-service",
    source: "AWS General Reference, \"AWS services lifecycle\" (cfn-lint 1.58.0)",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        let Some(service) = service(resource.type_name).filter(|one| one.stage == SupportStage::Ended) else {
            continue;
        };
        let date = service.since.map_or_else(String::new, |date| format!(" ({date})"));
        let message = format!("the service of `{}` was shut down{date}", resource.type_name);
        findings.add_at(resource, None, message, "");
    }
}
