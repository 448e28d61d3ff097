//! What both fuzzers do with an input.
#![allow(clippy::unwrap_used, reason = "a tool that stops at what it does not expect")]

use stackwright_review::check::{Options, apply_fixes, check, unreadable};
use stackwright_review::{Report, report};
use stackwright_synth::{Assembly, Recovered, Template};

/// Reads, checks, fixes and reports an input in every format, and returns what was found.
pub fn exercise(text: &str) -> Report {
    let options = Options::default().regions(["us-east-1"]);
    let found = match Assembly::of_template_with_errors("template.yaml", text.to_owned()) {
        Ok(Recovered { value: assembly, errors, .. }) => {
            let template = &assembly.stacks[0].template;
            assert_eq!(&Template::read(template.json()).unwrap(), template, "what was written is read");
            let mut found = check(&assembly, &options);
            found.diagnostics.extend(errors.iter().map(|error| unreadable("template.yaml", error)));
            found
        }
        Err(error) => Report::from(vec![unreadable("template.yaml", &error)]),
    };
    report::text(&found, |_| Some(text.to_owned()), false);
    report::json(&found);
    report::sarif(&found);
    report::junit(&found, &[]);
    report::markdown(&found);
    report::github(&found);
    report::gitlab(&found);
    let fixed = apply_fixes("template.yaml", text, &found.diagnostics);
    assert!(
        Template::read(text).is_err() || Template::read(&fixed.text).is_ok(),
        "a fix keeps the text readable"
    );
    found
}
