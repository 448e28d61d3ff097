//! `draft-model-without-path`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// Speculative decoding is enabled without the path of the draft model.
    ///
    /// # Why it matters
    ///
    /// The container stops when it starts.
    ///
    /// # How to fix
    ///
    /// Set the path of the draft model.
    Error "draft-model-without-path",
    source: "sagemaker 2.257.7 optimize_utils.py:439",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        if settings.get("SPECULATIVE_DRAFT_MODEL") == Some("") {
            let location = settings.location("SPECULATIVE_DRAFT_MODEL");
            findings.add(
                model,
                location,
                "the draft model has no path",
                "set the path of the draft model in the container",
            );
        }
    }
}
