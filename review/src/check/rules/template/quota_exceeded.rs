//! `quota-exceeded`

use stackwright_schemas::limits::limits;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The template exceeds a quota of CloudFormation: resources, parameters, outputs, mappings, the description or the
    /// size.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Split the stack.
    Error "quota-exceeded",
    source: "AWS CloudFormation User Guide, CloudFormation quotas",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for quota in quotas(view) {
        if quota.used > quota.most {
            let message = format!(
                "the template has {} {}, and CloudFormation accepts {}",
                quota.used, quota.what, quota.most
            );
            findings.add_written(None, quota.pointer.into(), message, "move a part into another stack");
        }
    }
}

/// Something that CloudFormation counts.
pub(super) struct Quota {
    pub what: &'static str,
    pub pointer: &'static str,
    pub used: usize,
    pub most: usize,
}

pub(super) fn quotas(view: &View<'_>) -> Vec<Quota> {
    let template = view.template();
    let limits = limits();
    let count = |section| template.section(section).count();
    let description =
        template.sections().get("Description").and_then(|text| text.as_str()).unwrap_or_default();
    let quota = |what, pointer, used, most| Quota { what, pointer, used, most };
    vec![
        quota("resources", "/Resources", count("Resources"), limits.resources),
        quota("parameters", "/Parameters", count("Parameters"), limits.parameters),
        quota("outputs", "/Outputs", count("Outputs"), limits.outputs),
        quota("mappings", "/Mappings", count("Mappings"), limits.mappings),
        quota("bytes of description", "/Description", description.len(), limits.description_bytes),
        quota("bytes", "", view.stack.template_body().len(), limits.template_url_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::check::{Options, check};

    fn found(resources: usize) -> Vec<String> {
        let mut text = "Resources:\n".to_owned();
        for number in 0..resources {
            writeln!(text, "  T{number}: {{Type: AWS::SNS::Topic}}").unwrap();
        }
        let assembly = stackwright_synth::Assembly::of_template("t", text).unwrap();
        check(&assembly, &Options::default()).diagnostics.into_iter().map(|one| one.id.into_owned()).collect()
    }

    #[test]
    fn a_warning_precedes_the_quota_and_an_error_follows_it() {
        assert!(found(400).is_empty());
        assert_eq!(found(401), ["quota-nearly-reached"]);
        assert_eq!(found(500), ["quota-nearly-reached"]);
        assert_eq!(found(501), ["quota-exceeded"]);
    }
}
