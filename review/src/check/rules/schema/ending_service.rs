//! `ending-service`

use stackwright_schemas::lifecycle::{SupportStage, service};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The type belongs to a service that AWS will shut down, and that is closed to new customers.
    ///
    /// # Why it matters
    ///
    /// The resource stops working when the service ends.
    ///
    /// # How to fix
    ///
    /// Plan the move to another service.
    ///
    /// # Limitations
    ///
    /// Services whose end AWS announced after the date of the data are not reported.
    Warning "ending-service",
    source: "AWS General Reference, \"AWS services lifecycle\" (cfn-lint 1.58.0)",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        let Some(service) = service(resource.type_name).filter(|one| one.stage == SupportStage::Ending)
        else {
            continue;
        };
        let date = service.since.map_or_else(String::new, |date| format!(" on {date}"));
        let message = format!("AWS shuts down the service of `{}`{date}", resource.type_name);
        findings.add_at(resource, None, message, "");
    }
}
