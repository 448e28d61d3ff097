//! A report with findings of every kind, for the tests of the formats.

use stackwright_synth::{RelatedLocation, SourceLocation};

use super::Report;
use crate::diagnostic::{Diagnostic, Severity};

pub(super) fn report() -> Report {
    let location = |line| SourceLocation::new("src/main.rs", line, 6);
    let error = Diagnostic {
        help: Some("use 1024 | 2048, 100 %".into()),
        when: Some("`Stage` is `prod`".into()),
        resource: Some("Scorer".into()),
        path: "/Resources/Scorer/Properties/ProductionVariants/0/MemorySizeInMB".into(),
        location: Some(location(2)),
        related: Some(RelatedLocation::new("the value comes from the parameter `Memory`", location(7))),
        ..Diagnostic::error("value-not-allowed", "Serving".into(), "<1500> & co: not allowed here".into())
    };
    let warning = Diagnostic {
        severity: Severity::Warning,
        path: "/Parameters/Memory".into(),
        ..Diagnostic::error(
            "unused-parameter",
            "Serving".into(),
            "nothing uses the parameter `Memory`".into(),
        )
    };
    let acknowledged = Diagnostic {
        severity: Severity::Warning,
        resource: Some("Bucket".into()),
        path: "/Resources/Bucket".into(),
        location: Some(location(9)),
        acknowledged: Some("public data".into()),
        ..Diagnostic::error("deprecated-property", "Serving".into(), "the property is deprecated".into())
    };
    vec![acknowledged, warning, error].into()
}
