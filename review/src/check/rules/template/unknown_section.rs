//! `unknown-section`

use stackwright_schemas::sam;
use stackwright_synth::Template;
use stackwright_synth::pointer;

use crate::check::findings::{Findings, nearest_name};
use crate::check::rules::rule;
use crate::check::value::entries;
use crate::check::view::View;
use crate::diagnostic::Fix;

rule! {
    /// The template has a section that CloudFormation does not have, or `Globals` has settings of a type that SAM does not have.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Correct the name of the section.
    Error "unknown-section",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for name in view.template().sections().keys() {
        // A macro may have sections of its own, as SAM has `Globals`.
        let is_known = Template::SECTIONS.contains(&name.as_str()) || view.is_sam() && name == "Globals";
        if !is_known && !view.is_transformed() {
            let (help, fix) = nearest_name(name, || Template::SECTIONS.into_iter());
            findings.add_written(
                None,
                pointer::of([name]),
                format!("templates do not have a section `{name}`"),
                help,
            );
            // The singular of a section is not the name of another one.
            let plural = Template::SECTIONS.iter().find(|section| section.strip_suffix('s') == Some(name));
            let to_plural = plural.map(|to| Fix::Rename { from: name.clone(), to: (*to).to_owned() });
            findings.fix_last(fix.or(to_plural));
        }
    }
    if let Some(globals) = view.template().sections().get("Globals").filter(|_| view.is_sam()) {
        let settings = entries(&sam::globals()["properties"]).map(|(name, _)| name);
        let known: Vec<&str> = settings.collect();
        for (name, _) in entries(globals).filter(|(name, _)| !known.is_empty() && !known.contains(name)) {
            let message = format!("`Globals` has no settings for `{name}`");
            let help = format!("use {}", known.join(", "));
            findings.add_written(None, pointer::of(["Globals", name]), message, help);
        }
    }
}
