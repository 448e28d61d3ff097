//! `illegal-logical-id`

use stackwright_schemas::limits::limits;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A logical ID has a character that is not a letter or a digit, or more than 255 characters.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Use letters and digits.
    Error "illegal-logical-id",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let most = limits().logical_id_characters;
    for section in ["Parameters", "Resources", "Outputs"] {
        for (id, _) in view.template().section(section).filter(|(id, _)| !id.starts_with("Fn::")) {
            let fits = !id.is_empty() && id.len() <= most;
            if !fits || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                let at = pointer::of([section, id]);
                let resource = (section == "Resources").then_some(id);
                let help = format!("use letters and digits only, at most {most} of them");
                findings.add_written(resource, at, format!("`{id}` is not a valid logical ID"), help);
            }
        }
    }
}
