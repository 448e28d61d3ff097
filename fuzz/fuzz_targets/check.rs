//! Any text is read, written again, checked, and reported in every form: no panic, no hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stackwright_review::check::{Options, check};
use stackwright_review::report;
use stackwright_synth::{Assembly, Template};

fuzz_target!(|text: &str| {
    let Ok(assembly) = Assembly::of_template("template.yaml", text.to_owned()) else { return };
    let template = &assembly.stacks[0].template;
    assert_eq!(&Template::read(template.json()).expect("what was written is read"), template);
    let found = check(&assembly, &Options { regions: vec!["us-east-1".into()], ..Options::default() });
    report::text(&found, |_| Some(text.to_owned()), false);
    report::json(&found);
    report::sarif(&found);
    report::junit(&found, &[]);
    report::markdown(&found);
    report::github(&found);
});
