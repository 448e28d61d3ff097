//! Small templates, each with what is right for it in its first line:
//!
//! - `# expect: clean`: no error and no warning; `clean of errors` allows warnings,
//! - `# expect: error … at POINTER`: an error at the pointer, directly above or below it, and nowhere else,
//! - `# expect: warning RULE at POINTER`: a warning of the rule there, and no error.
//!
//! `oracle.rs` compares them with the verdicts of other programs. Those in `cases/more/` are mostly about what services require
//! beyond the schemas, which the other programs do not evaluate; `reasons/mod.rs` has the reason for each of them.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use stackwright_review::check::{Options, check, unreadable};
use stackwright_review::{Diagnostic, Severity};
use stackwright_synth::{Assembly, Recovered};

fn found(name: &str, text: &str) -> Vec<Diagnostic> {
    let options = Options::default().regions(["us-east-1"]);
    match Assembly::of_template_with_errors(name, text.to_owned()) {
        Ok(Recovered { value: assembly, errors, .. }) => {
            let errors = errors.iter().map(|error| unreadable(name, error));
            errors.chain(check(&assembly, &options).diagnostics).collect()
        }
        Err(error) => vec![unreadable(name, &error)],
    }
}

/// Whether one pointer is the other, or the one directly above or below it.
fn is_near(path: &str, pointer: &str) -> bool {
    let is_child = |child: &str, parent: &str| {
        child.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/') && !rest[1..].contains('/'))
    };
    path == pointer || is_child(path, pointer) || is_child(pointer, path)
}

/// What is wrong with what was found, by what is expected.
fn complaint(expected: &str, found: &[Diagnostic]) -> Option<String> {
    let of = |severity| found.iter().filter(move |one| one.severity == severity);
    let reported = || {
        let one = |it: &Diagnostic| format!("{} {} {}: {}", it.severity.name(), it.id, it.path, it.message);
        found.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    let pointer =
        expected.rsplit_once(" at ").map_or("", |(_, rest)| rest.split_whitespace().next().unwrap());
    if expected.starts_with("clean") {
        let warnings =
            if expected.starts_with("clean of errors") { 0 } else { of(Severity::Warning).count() };
        let is_right = of(Severity::Error).count() + warnings == 0;
        return (!is_right).then(reported);
    }
    let at_line =
        expected.split_once("at line ").map(|(_, rest)| rest.split(',').next().unwrap().parse::<u32>());
    if let Some(line) = at_line {
        let line = line.unwrap();
        let is_right = of(Severity::Error).any(|one| {
            one.location.as_ref().is_some_and(|location| location.line == line) && one.message.len() > 10
        });
        return (!is_right).then(reported);
    }
    let severity = if expected.starts_with("error") { Severity::Error } else { Severity::Warning };
    let others =
        of(Severity::Error).filter(|one| severity != Severity::Error || !is_near(&one.path, pointer));
    let is_right = of(severity).any(|one| is_near(&one.path, pointer)) && others.count() == 0;
    (!is_right).then(reported)
}

#[test]
fn each_case_is_judged_as_its_first_line_states() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = [directory.clone(), directory.join("more")]
        .into_iter()
        .flat_map(|directory| std::fs::read_dir(directory).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        let expected = text.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
        if let Some(complaint) = complaint(expected, &found(&name, &text)) {
            failures.push(format!("{name}: expected {expected}, found: {complaint}"));
        }
    }
    assert!(files.len() > 600);
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), files.len(), failures.join("\n"));
}

#[test]
fn the_rest_of_a_file_with_a_syntax_error_is_checked() {
    let text = "Parameters:\n  Name: {Type: String}\nResources:\n  Broken:\n    Type: 'AWS::SNS::Topic' x\n    Properties: {DisplayName: !Ref Name}\n  \
                Topic:\n    Type: AWS::SNS::Topic\n    Properties: {DisplayNam: !GetAtt Broken.TopicName}\n";
    let found = found("broken.yaml", text);
    let reported: Vec<_> = found
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| (one.id.as_ref(), one.location.as_ref().map_or(0, |location| location.line)))
        .collect();
    // Nothing is reported about the resource that cannot be read, nor of references to it.
    assert_eq!(reported, [("unreadable-template", 5), ("unknown-property", 9)]);
    assert!(found[0].message.contains("lines 4 to 6 are not checked"), "{}", found[0].message);
}
