//! `dangling-reference`

use serde_json::Value as JsonValue;

use crate::check::findings::{Findings, nearest_name};
use crate::check::rules::rule;
use crate::check::view::{View, loops, may_be_generated};
use crate::check::written::{Kind, has};
use stackwright_synth::intrinsic::PSEUDO_PARAMETERS;

rule! {
    /// A reference names a resource, parameter, condition or mapping that the template does not have.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Correct the name.
    ///
    /// # Limitations
    ///
    /// Templates with a macro or with `Fn::ForEach` are not checked; names that SAM generates are accepted.
    Error "dangling-reference",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

/// For how many references the nearest name is searched. It takes the product of references and names.
const MAX_SUGGESTIONS: usize = 500;

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    if view.is_transformed() || loops(template) {
        return;
    }
    let written = view.written();
    let names = |sections: &'static [&'static str]| {
        sections.iter().flat_map(|section| template.section(section).map(|(name, _)| name))
    };
    // Of a module's resources the names start with the module's.
    let of_module = |body: &JsonValue| body["Type"].as_str().is_some_and(|name| name.ends_with("::MODULE"));
    let modules: Vec<&str> =
        template.resources().filter(|(_, body)| of_module(body)).map(|(id, _)| id).collect();
    let mut suggestions = MAX_SUGGESTIONS;
    for one in &written.uses {
        let (known, what): (&'static [&'static str], _) = match one.kind {
            Kind::Ref => (&["Resources", "Parameters"], "resource or parameter"),
            Kind::Attribute(_) | Kind::DependsOn => (&["Resources"], "resource"),
            Kind::Condition => (&["Conditions"], "condition"),
            Kind::Mapping => (&["Mappings"], "mapping"),
        };
        let is_known = known.iter().any(|section| has(template, section, one.name));
        if is_known
            || modules.iter().any(|id| one.name.starts_with(id))
            || may_be_generated(template, one.name)
            || matches!(one.kind, Kind::Ref) && PSEUDO_PARAMETERS.contains(&one.name)
        {
            continue;
        }
        let candidates = || names(known).chain(PSEUDO_PARAMETERS.iter().copied());
        let (help, fix) =
            if suggestions > 0 { nearest_name(one.name, candidates) } else { (String::new(), None) };
        suggestions = suggestions.saturating_sub(1);
        let message = format!("the {what} `{}` does not exist", one.name);
        if one.pointer.starts_with("/Conditions/") {
            findings.add_in_function(None, one.pointer.clone(), message, help);
        } else {
            findings.add_written(one.resource(), one.pointer.clone(), message, help);
        }
        findings.fix_last(fix);
    }
}
