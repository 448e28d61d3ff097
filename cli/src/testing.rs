//! Helpers for snapshot tests of your own stacks.
//!
//! ```
//! use stackwright::{App, resources::s3::Bucket, testing};
//!
//! fn app() -> App {
//!     let app = App::new("shop");
//!     app.stack("Storage").add("Models", Bucket::new());
//!     app
//! }
//!
//! // In a test: one snapshot a template, with `insta::assert_snapshot!(name, text)`.
//! for (name, text) in testing::snapshots(&app()) {
//!     assert_eq!(name, "shop-Storage");
//!     assert!(text.contains("AWS::S3::Bucket"));
//! }
//! ```

use std::collections::BTreeMap;

use stackwright_review::{Diagnostic, check, report};
use stackwright_synth::{App, Assembly};

/// Synthesizes and checks an app, for tests.
///
/// # Panics
/// With the whole report, if there are errors; warnings are left to the review.
pub fn synth(app: &App) -> Assembly {
    let assembly = match app.synth() {
        Ok(assembly) => assembly,
        Err(errors) => panic!("{}", report::text(&Diagnostic::from_errors(&errors).into(), |_| None, false)),
    };
    let found = check::check(&assembly, &check::Options::default());
    assert!(found.errors() == 0, "{}", report::text(&found, |_| None, false));
    assembly
}

/// The templates of an app by stack name, as YAML, and the documents in them, such as a pipeline's definition, by
/// stack name, resource and property; with digests replaced: a snapshot changes when the stack
/// does, not when a packed file does.
///
/// # Panics
/// With the whole report, if anything is wrong.
pub fn snapshots(app: &App) -> BTreeMap<String, String> {
    synth(app)
        .stacks
        .iter()
        .flat_map(|stack| {
            let template = (stack.name.clone(), without_digests(&stack.template.to_yaml()));
            let documents = stack
                .documents
                .iter()
                .map(|(name, text)| (format!("{}.{name}", stack.name), without_digests(text)));
            std::iter::once(template).chain(documents).collect::<Vec<_>>()
        })
        .collect()
}

/// Replaces every SHA-256 in a text.
pub fn without_digests(text: &str) -> String {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_hex) {
        let run = rest[start..].find(|c| !is_hex(c)).unwrap_or(rest.len() - start);
        kept.push_str(&rest[..start]);
        kept.push_str(if run == 64 { "<digest>" } else { &rest[start..start + run] });
        rest = &rest[start + run..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digests_are_replaced() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(without_digests(&format!("s3://b/{digest}.tar.gz")), "s3://b/<digest>.tar.gz");
        assert_eq!(without_digests("AWS::S3::Bucket face"), "AWS::S3::Bucket face");
        let longer = format!("{digest}0");
        assert_eq!(without_digests(&longer), longer);
    }
}
