//! `fixed-name-on-replaced-resource`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT_CONFIG, MODEL};
use crate::check::text::{Piece, Text};
use crate::check::value::{function, is_set};
use crate::check::view::View;

rule! {
    /// A model or endpoint configuration has a fixed name: a constant, or one that consists of the names of the stack, the region
    /// and the account.
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
            // A name that contains a parameter or an attribute can change with the content.
            if is_set(name) && Text::of(name).0.iter().all(is_fixed) {
                let message = format!(
                    "with a fixed `{property}`, the next change fails, because CloudFormation creates the replacement before it deletes the old resource"
                );
                findings.add(resource, name, message, "remove the name, and refer to the resource");
            }
        }
    }
}

/// Returns whether a piece of a name is the same in every deployment of a stack.
fn is_fixed(piece: &Piece<'_>) -> bool {
    match piece {
        Piece::Known(_) => true,
        Piece::Hole(value) => match function(value) {
            Some(("Ref", name)) => FIXED.iter().any(|fixed| name == fixed),
            _ => false,
        },
    }
}

/// Pseudo parameters that do not change between the deployments of a stack.
const FIXED: [&str; 5] =
    ["AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName"];
