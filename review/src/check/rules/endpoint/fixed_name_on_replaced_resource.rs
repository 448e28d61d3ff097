//! `fixed-name-on-replaced-resource`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT_CONFIG, MODEL};
use crate::check::text::Text;
use crate::check::value::{is_set, string};
use crate::check::view::View;

rule! {
    /// A model or endpoint configuration has a fixed name.
    ///
    /// # Why it matters
    ///
    /// Every change replaces the resource. The new one has the same name, so its creation fails with "already exists".
    ///
    /// # How to fix
    ///
    /// Remove the name, and refer to the resource. The endpoint itself can keep a name, because it is updated in place.
    Warning "fixed-name-on-replaced-resource",
    source: "AWS CloudFormation registry schemas, createOnlyProperties",
    applies_to: ["AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (type_name, property) in [(ENDPOINT_CONFIG, "EndpointConfigName"), (MODEL, "ModelName")] {
        for resource in view.of_type(type_name) {
            let name = &resource.properties[property];
            // A name that follows from the content changes with it.
            if string(name).is_some() || Text::of(name).known().is_some() && is_set(name) {
                let message = format!(
                    "with a fixed `{property}`, the next change fails, because CloudFormation creates the replacement before it deletes the old resource"
                );
                findings.add(resource, name, message, "remove the name, and refer to the resource");
            }
        }
    }
}
