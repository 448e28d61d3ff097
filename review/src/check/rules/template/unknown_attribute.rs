//! `unknown-attribute`

use stackwright_schemas::registry;

use crate::check::findings::{Findings, rename};
use crate::check::rules::rule;
use crate::check::view::View;
use crate::check::written::Kind;
use stackwright_schemas::nearest;

rule! {
    /// `Fn::GetAtt` reads an attribute that the type does not have.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Use one of the attributes that the help names.
    Error "unknown-attribute",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    let resources = template.sections().get("Resources");
    for one in &view.written().uses {
        let Kind::Attribute(attribute) = &one.kind else { continue };
        let body = resources.and_then(|all| all.get(one.name));
        let Some(type_name) = body.and_then(|body| body["Type"].as_str()) else { continue };
        let Some(schema) = registry::resource_type(type_name) else { continue };
        // The name may be put together, and these types give what others decide.
        let open = attribute.is_empty() || attribute.contains('$');
        let free = [
            "AWS::CloudFormation::Stack",
            "AWS::CloudFormation::CustomResource",
            "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
        ];
        if open || free.contains(&type_name) {
            continue;
        }
        let known = schema.attributes();
        if known.iter().any(|name| name == attribute.as_ref()) || is_below(&schema.schema(), attribute) {
            continue;
        }
        let near = nearest(attribute, known.iter().map(String::as_str));
        let help = match (near, known) {
            (Some(near), _) => format!("the most similar name is `{near}`"),
            (None, []) => "the type has no attributes".to_owned(),
            (None, known) if known.len() <= 8 => format!("its attributes are {}", known.join(", ")),
            _ => String::new(),
        };
        let message = format!("`{type_name}` has no attribute `{attribute}`");
        findings.add_written(one.resource(), one.pointer.clone(), message, help);
        findings.fix_last(rename(attribute, known.iter().map(String::as_str)));
    }
}

/// Returns whether an attribute leads into a part of the type that is a free map, such as the outputs of a nested stack.
fn is_below(schema: &registry::Schema<'_>, attribute: &str) -> bool {
    let mut at = *schema;
    for step in attribute.split('.') {
        match at.property(step) {
            Some(next) => at = next.resolved(),
            None => return at.map_values().is_some(),
        }
    }
    false
}
