//! `removed-rolling-batch`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// `OPTION_ROLLING_BATCH` names an implementation that was removed from the container, such as `lmi-dist`.
    ///
    /// # Why it matters
    ///
    /// The container stops when it starts.
    ///
    /// # How to fix
    ///
    /// Use `vllm` or `auto`.
    Error "removed-rolling-batch",
    source: "deepjavalibrary/djl-serving@d21927c4 properties.py, breaking_changes.md",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let location = settings.location("ROLLING_BATCH");
        let Some(given) = settings.get("ROLLING_BATCH") else { continue };
        if !["auto", "vllm", "trtllm", "disable"].contains(&given) {
            findings.add(
                model,
                location,
                format!("the rolling batch {given} does not exist"),
                "use vllm, trtllm, auto or disable",
            );
        }
    }
}
