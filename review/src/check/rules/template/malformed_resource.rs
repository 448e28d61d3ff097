//! `malformed-resource`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A resource without a type, with an attribute that resources do not have, or with a policy that does not exist.
    ///
    /// A property that stands beside `Properties` instead of in it is found so.
    Error "malformed-resource",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

const ATTRIBUTES: [&str; 9] = [
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
];
const POLICIES: [&str; 4] = ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (id, body) in view.template().resources().filter(|(id, _)| !id.starts_with("Fn::")) {
        let at = format!("/Resources/{id}");
        let Some(attributes) = body.as_object() else {
            findings.add_written(Some(id), at, "a resource is an object with a `Type`", "");
            continue;
        };
        if !body["Type"].is_string() {
            let help = "write `Type: AWS::Service::Type`";
            findings.add_written(Some(id), at.clone(), "the resource has no `Type`", help);
        }
        let is_ours = body["Type"]
            .as_str()
            .is_some_and(|name| name.starts_with("AWS::") && !name.starts_with("AWS::Serverless"));
        for (name, value) in attributes {
            if is_ours
                && !ATTRIBUTES.contains(&name.as_str())
                && !name.starts_with("Fn::")
                && !view.is_transformed()
            {
                let message = format!("a resource has no attribute `{name}`");
                findings.add_written(
                    Some(id),
                    format!("{at}/{name}"),
                    message,
                    "properties stand in `Properties`",
                );
            }
            let is_policy = name == "DeletionPolicy" || name == "UpdateReplacePolicy";
            let unknown = value.as_str().filter(|policy| is_policy && !POLICIES.contains(policy));
            if let Some(policy) = unknown {
                let message = format!("there is no policy `{policy}`");
                findings.add_written(
                    Some(id),
                    format!("{at}/{name}"),
                    message,
                    "use Delete, Retain, RetainExceptOnCreate or Snapshot",
                );
            }
        }
    }
}
