//! `incomplete-policy-template`

use stackwright_schemas::{nearest, sam};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, is_set, is_unresolved, one_or_many};
use crate::check::view::View;

rule! {
    /// A policy template of SAM lacks a parameter.
    ///
    /// # Why it matters
    ///
    /// SAM makes the statements of the policy from the parameters. The transform fails.
    ///
    /// # How to fix
    ///
    /// Set the parameters of the template, such as `S3ReadPolicy: {BucketName: !Ref Bucket}`.
    Error "incomplete-policy-template",
    source: "AWS SAM Developer Guide, \"AWS SAM policy templates\"; aws-sam-translator 1.110.0",
    applies_to: TYPES,
    check: Each(check),
}

const TYPES: [&str; 2] = ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in TYPES.into_iter().flat_map(|name| view.of_type(name)) {
        for policy in one_or_many(&resource.properties["Policies"]) {
            for (template, values) in entries(policy) {
                let Some(parameters) = sam::policy_template(template) else { continue };
                let missing = parameters.iter().find(|name| !is_set(&values[name.as_str()]));
                if let Some(name) = missing.filter(|_| !is_unresolved(values)) {
                    let given = nearest(name, entries(values).map(|(name, _)| name));
                    let help =
                        given.map_or_else(String::new, |given| format!("the most similar name is `{given}`"));
                    findings.add(
                        resource,
                        values,
                        format!("`{template}` needs the parameter `{name}`"),
                        help,
                    );
                }
            }
        }
    }
}
