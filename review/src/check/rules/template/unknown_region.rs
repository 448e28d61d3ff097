//! `unknown-region`

use stackwright_schemas::{nearest, regions};
use stackwright_synth::Provenance;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{string, values};
use crate::check::view::View;

const STACK_SET: &str = "AWS::CloudFormation::StackSet";

rule! {
    /// The region of the stack, or a region of a stack set, is not in the list of regions of the AWS SDKs.
    ///
    /// # Why it matters
    ///
    /// The name is probably misspelled. No request can be sent to a region that does not exist, and other rules cannot check what
    /// is available in it.
    ///
    /// # How to fix
    ///
    /// Correct the name, or acknowledge the finding if the region is newer than the list.
    ///
    /// # Limitations
    ///
    /// The list is that of botocore 1.44.5 (2026-11-17). A region that AWS added later is reported, so that this is a warning.
    Warning "unknown-region",
    source: "botocore 1.44.5, partitions.json",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    if let Some((message, help)) = view.region.and_then(problem) {
        findings.add_written(None, Provenance::REGION.into(), message, help);
    }
    for resource in view.resources.iter().filter(|resource| resource.type_name == STACK_SET) {
        for region in values(&resource.properties, &["StackInstancesGroup", "*", "Regions", "*"]) {
            if let Some((message, help)) = string(region).and_then(problem) {
                findings.add(resource, region, message, help);
            }
        }
    }
}

/// Returns the message and the help for a region that is not known.
fn problem(region: &str) -> Option<(String, String)> {
    if regions::is_known(region) {
        return None;
    }
    let message = format!("`{region}` is not a region that the AWS SDKs list");
    let help = match nearest(region, regions::names()) {
        Some(similar) => format!("a similar region is `{similar}`"),
        None => "write the name of a region, such as `us-east-1`".to_owned(),
    };
    Some((message, help))
}

#[cfg(test)]
mod tests {
    use stackwright_synth::App;

    use crate::check::{Options, check};

    #[test]
    fn a_misspelled_region_is_reported_at_the_line_that_sets_it() {
        let app = App::new("shop");
        let line = line!() + 1;
        app.stack("Serving").region("us-east-7");
        let report = check(&app.synth().unwrap(), &Options::default());
        let found = report.diagnostics.iter().find(|one| one.id == "unknown-region").unwrap();
        let location = found.location.as_ref().unwrap();
        assert_eq!((location.file.ends_with("unknown_region.rs"), location.line), (true, line));
        assert_eq!(found.message, "`us-east-7` is not a region that the AWS SDKs list");
        assert!(found.help.as_ref().unwrap().starts_with("a similar region is `us-east-"));
    }

    #[test]
    fn an_option_with_a_misspelled_region_is_reported() {
        let text = "Resources: {Topic: {Type: AWS::SNS::Topic}}";
        let assembly = stackwright_synth::Assembly::of_template("t", text.to_owned()).unwrap();
        let found = |region: &str| {
            let options = Options::default().regions([region]);
            check(&assembly, &options).diagnostics.iter().any(|one| one.id == "unknown-region")
        };
        assert!(found("eu-centrl-1") && !found("eu-central-1") && !found("cn-north-1"));
    }
}
