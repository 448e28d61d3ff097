//! `conditional-dependency`

use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::one_or_many;
use crate::check::view::View;
use crate::check::written::has;

rule! {
    /// `DependsOn` names a resource that some of the deployments which create the dependent resource do not create.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses such a deployment with "Unresolved resource dependencies".
    ///
    /// # How to fix
    ///
    /// Give both resources the same condition. A reference in an `Fn::If` orders resources without `DependsOn`.
    Error "conditional-dependency",
    source: "AWS CloudFormation Template Reference, \"DependsOn attribute\"",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        for id in one_or_many(&resource.body["DependsOn"]).filter_map(|id| id.as_str()) {
            if has(view.template(), "Resources", id) && view.resource(id).is_none() {
                let message = format!(
                    "`DependsOn` names `{id}`, which is not created in every deployment that creates this"
                );
                let help = "give both the same condition, or refer to it in an `Fn::If`";
                let at = pointer::of(["Resources", resource.id, "DependsOn"]);
                findings.add_written(Some(resource.id), at, message, help);
            }
        }
    }
}
