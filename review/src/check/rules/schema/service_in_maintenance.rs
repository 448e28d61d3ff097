//! `service-in-maintenance`

use stackwright_schemas::lifecycle::{SupportStage, service};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The type belongs to a service that gets no new features.
    ///
    /// # Why it matters
    ///
    /// AWS recommends another service for new work.
    ///
    /// # How to fix
    ///
    /// Nothing needs to be fixed. Consider the successor that AWS names.
    ///
    /// # Limitations
    ///
    /// Services whose end AWS announced after the date of the data are not reported.
    Info "service-in-maintenance",
    source: "AWS General Reference, \"AWS services lifecycle\" (cfn-lint 1.58.0)",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        let Some(service) = service(resource.type_name).filter(|one| one.stage == SupportStage::Maintenance)
        else {
            continue;
        };
        let date = service.since.map_or_else(String::new, |date| format!(" ({date})"));
        let message = format!("the service of `{}` does not get new features{date}", resource.type_name);
        findings.add_at(resource, None, message, "");
    }
}
