//! `type-not-in-region`

use stackwright_schemas::registry;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The schemas that AWS publishes for the region of the stack do not include the resource type.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses a template with a type that the region does not have.
    ///
    /// # How to fix
    ///
    /// Use another region or another type, or acknowledge the finding if the type is available in the region.
    ///
    /// # Limitations
    ///
    /// The schemas of a region can be incomplete, so that this is a warning: on 2026-11-27 those of us-west-2 have
    /// `AWS::SageMaker::ComputeQuota` and not `AWS::SageMaker::ClusterSchedulerConfig`, which belong together. AWS does not
    /// publish the types of every region: for other regions, and for stacks without a region, nothing is reported.
    Warning "type-not-in-region",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let Some(region) = view.region else { return };
    for resource in &view.resources {
        let Some(schema) = resource.schema else { continue };
        if schema.is_in(region) == Some(false) {
            let message =
                format!("the schemas that AWS publishes for {region} do not have `{}`", resource.type_name);
            let elsewhere =
                registry::regions().iter().filter(|other| schema.is_in(other) == Some(true)).count();
            let help = format!(
                "{elsewhere} regions have it: if the type is not available in {region}, use one of them"
            );
            findings.add_at(resource, None, message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use stackwright_schemas::registry;

    use crate::check::{Options, check};

    #[test]
    fn a_region_that_lacks_the_type_is_reported() {
        let missing = |region: &&str| {
            registry::resource_type("AWS::SageMaker::Cluster").unwrap().is_in(region) == Some(false)
        };
        let region = registry::regions().iter().find(|region| missing(region)).unwrap();
        let text = "Resources: {Cluster: {Type: AWS::SageMaker::Cluster}}";
        let assembly = stackwright_synth::Assembly::of_template("t", text.to_owned()).unwrap();
        let found = |region: &str| {
            let options = Options::default().regions([region]);
            check(&assembly, &options).diagnostics.iter().any(|one| one.id == "type-not-in-region")
        };
        assert!(found(region) && !found("us-east-1") && !found("mars-north-1"));
    }
}
