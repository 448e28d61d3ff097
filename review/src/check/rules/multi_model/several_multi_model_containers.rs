//! `several-multi-model-containers`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{MODEL, is_multi_model};
use crate::check::value::items;
use crate::check::view::View;

rule! {
    /// More than one container of an inference pipeline is a multi-model container.
    ///
    /// # Why it matters
    ///
    /// SageMaker supports one.
    ///
    /// # How to fix
    ///
    /// Change the mode of the others to `SingleModel`.
    Error "several-multi-model-containers",
    source: "Amazon SageMaker Developer Guide, multi-model-endpoints.md",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for model in view.of_type(MODEL) {
        for container in items(&model.properties["Containers"]).filter(|one| is_multi_model(one)).skip(1) {
            findings.add(
                model,
                &container["Mode"],
                "only one container of an inference pipeline may be a multi-model container",
                "set `Mode: SingleModel` for the others, or use separate endpoints",
            );
        }
    }
}
