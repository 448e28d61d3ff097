//! `primary-container-with-containers`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::MODEL;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A model has both `PrimaryContainer` and `Containers`.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts one of them.
    ///
    /// # How to fix
    ///
    /// Remove one of the two.
    Error "primary-container-with-containers",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json CreateModelInput",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for model in view.of_type(MODEL) {
        let (one, many) = (&model.properties["PrimaryContainer"], &model.properties["Containers"]);
        if is_set(one) && is_set(many) {
            findings.add(
                model,
                many,
                "a model has a `PrimaryContainer` or `Containers`, not both",
                "move all containers into `Containers`",
            );
        }
    }
}
