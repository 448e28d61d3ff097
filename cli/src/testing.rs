//! Helpers for tests of your own stacks: snapshots, assertions on resources, comparisons by consequence, and the check as a
//! test.
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
use std::path::Path;

use serde_json::Value as Json;
/// Writes the properties of assertions as JSON.
pub use serde_json::json;
use stackwright_review::{Diagnostic, check, diff, graph, report};
use stackwright_synth::{App, Assembly, StackArtifact};

use crate::configuration::Configuration;

/// Synthesizes and checks an app in a test, with the settings of `stackwright.toml`.
///
/// # Panics
/// If there are errors; the message is the whole report. Warnings are not errors.
pub fn synth(app: &App) -> Assembly {
    let assembly = match app.synth() {
        Ok(assembly) => assembly,
        Err(errors) => panic!("{}", report::text(&Diagnostic::from_errors(&errors).into(), |_| None, false)),
    };
    let found = check::check(&assembly, &options());
    assert!(found.errors() == 0, "{}", report::text(&found, |_| None, false));
    assembly
}

/// Returns the options of the check that `stackwright.toml` sets in the package of the test.
fn options() -> check::Options {
    let options = Configuration::read(None).and_then(|configuration| configuration.options_of_stacks());
    options.unwrap_or_else(|failure| panic!("{}", failure.text()))
}

/// Returns the templates of an app by stack name, as YAML, and the documents in them, such as a pipeline definition,
/// by stack name, resource and property. Digests are replaced, so that a snapshot changes with the stack and not with
/// the content of an asset.
///
/// # Panics
/// If there are errors; the message is the whole report.
pub fn snapshots(app: &App) -> BTreeMap<String, String> {
    synth(app)
        .stacks
        .iter()
        .flat_map(|stack| {
            let template = (stack.name.clone(), without_digests(&stack.template.to_yaml()));
            let documents = stack.documents.iter();
            let documents =
                documents.map(|one| (format!("{}.{}", stack.name, one.name), without_digests(&one.text)));
            std::iter::once(template).chain(documents).collect::<Vec<_>>()
        })
        .collect()
}

/// Returns a placeholder for any value in the properties of [`StackAssertions::has_resource`].
pub fn any() -> Json {
    json!({ ANY: true })
}

const ANY: &str = "stackwright::testing::any";

/// A resource that [`StackAssertions::find`] has found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FoundResource {
    /// The logical ID of the resource.
    pub logical_id: String,
    /// The properties of the resource in a canonical form: a string that contains a JSON document is replaced by the
    /// document, and equal intrinsic functions are written in the same way.
    pub properties: Json,
}

/// Assertions on one stack, similar to those of `aws-cdk-lib/assertions`.
///
/// ```
/// use stackwright::testing::{self, json};
/// use stackwright::{App, resources::s3::Bucket};
///
/// let app = App::new("shop");
/// app.stack("Storage").add("Models", Bucket::new().bucket_name("shop-models"));
/// let assembly = testing::synth(&app);
/// let storage = testing::StackAssertions::new(&assembly, "Storage");
/// storage.has_resource("AWS::S3::Bucket", json!({ "BucketName": "shop-models" }));
/// storage.resource_count("AWS::S3::Bucket", 1);
/// ```
#[derive(Clone, Copy)]
pub struct StackAssertions<'a> {
    stack: &'a StackArtifact,
}

impl<'a> StackAssertions<'a> {
    /// Creates assertions on the stack with an ID or a name.
    ///
    /// # Panics
    /// If there is no such stack.
    #[track_caller]
    pub fn new(assembly: &'a Assembly, stack: &str) -> Self {
        let names: Vec<&str> = assembly.stacks.iter().map(|stack| stack.id.as_str()).collect();
        match assembly.stack(stack) {
            Some(stack) => Self { stack },
            None => panic!("there is no stack `{stack}`; the stacks are {}", names.join(", ")),
        }
    }

    /// Returns the resources of a type.
    pub fn find(&self, resource_type: &str) -> Vec<FoundResource> {
        let resources = self.stack.template.resources().filter(|(_, body)| body["Type"] == resource_type);
        resources
            .map(|(id, body)| FoundResource {
                logical_id: id.to_owned(),
                properties: diff::canonical(resource_type, &body["Properties"]),
            })
            .collect()
    }

    /// Asserts that a resource of a type has at least these properties. Objects match if each member matches; lists
    /// match if the actual list contains each element, in this order; [`any`] matches every value.
    ///
    /// # Panics
    /// If no resource matches; the message shows the differences of each resource.
    #[track_caller]
    pub fn has_resource(&self, resource_type: &str, properties: Json) {
        let wanted = diff::canonical(resource_type, &properties);
        let found = self.find(resource_type);
        if found.iter().any(|one| mismatch(&one.properties, &wanted, "").is_none()) {
            return;
        }
        let reasons: Vec<String> = found
            .iter()
            .map(|one| {
                let reason = mismatch(&one.properties, &wanted, "").unwrap_or_default();
                format!("  {}: {reason}", one.logical_id)
            })
            .collect();
        let stack = &self.stack.id;
        if reasons.is_empty() {
            panic!("the stack `{stack}` has no resource of the type {resource_type}");
        }
        panic!("no {resource_type} of the stack `{stack}` has these properties:\n{}", reasons.join("\n"));
    }

    /// Asserts the number of resources of a type.
    ///
    /// # Panics
    /// If the number differs.
    #[track_caller]
    pub fn resource_count(&self, resource_type: &str, number: usize) {
        let ids: Vec<String> = self.find(resource_type).into_iter().map(|one| one.logical_id).collect();
        assert!(
            ids.len() == number,
            "the stack `{}` has {} resources of the type {resource_type}, not {number}: {}",
            self.stack.id,
            ids.len(),
            ids.join(", ")
        );
    }

    /// Asserts that a resource refers to another one, by their logical IDs.
    ///
    /// # Panics
    /// If there is no such reference; the message lists the references of the resource.
    #[track_caller]
    pub fn references(&self, from: &str, to: &str) {
        let graph = graph::of_stack(self.stack);
        let targets: Vec<&str> =
            graph.edges.iter().filter(|edge| edge.from == from).map(|edge| edge.to.as_str()).collect();
        assert!(
            targets.contains(&to),
            "`{from}` does not refer to `{to}`; it refers to {}",
            if targets.is_empty() { "nothing".to_owned() } else { targets.join(", ") }
        );
    }

    /// Asserts that the stack has an output.
    ///
    /// # Panics
    /// If there is no output with this name.
    #[track_caller]
    pub fn has_output(&self, name: &str) {
        let names: Vec<&str> = self.stack.template.section("Outputs").map(|(name, _)| name).collect();
        assert!(names.contains(&name), "there is no output `{name}`; the outputs are {}", names.join(", "));
    }
}

/// Returns why a value does not match; `None` if it matches.
fn mismatch(there: &Json, wanted: &Json, path: &str) -> Option<String> {
    if wanted.get(ANY).is_some() {
        return there.is_null().then(|| format!("{path} is not set"));
    }
    match (there, wanted) {
        (Json::Object(there), Json::Object(wanted)) => wanted.iter().find_map(|(name, wanted)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match there.get(name) {
                Some(there) => mismatch(there, wanted, &path),
                None => Some(format!("{path} is not set")),
            }
        }),
        (Json::Array(there), Json::Array(wanted)) => {
            let mut left = there.iter();
            wanted.iter().find_map(|wanted| {
                let is_there = left.any(|there| mismatch(there, wanted, "").is_none());
                (!is_there).then(|| {
                    format!(
                        "{path} has no element {wanted} in this order; it is {}",
                        Json::from(there.clone())
                    )
                })
            })
        }
        _ if diff::is_same(there, wanted) => None,
        _ => Some(format!("{path} is {there}, not {wanted}")),
    }
}

/// Asserts that the stacks of an app do not differ from an assembly that was stored with [`store`] or `synth --out`.
///
/// # Panics
/// If they differ; the message is the output of `diff`, with the consequence of each change.
#[track_caller]
pub fn assert_unchanged(app: &App, stored: &Path) {
    let old = match Assembly::read(stored) {
        Ok(old) => old,
        Err(error) => panic!("{error}; write the assembly with `stackwright::testing::store`, and commit it"),
    };
    let found = diff::compare(&old, &synth(app));
    assert!(
        found.is_empty(),
        "the stacks differ from {}:\n{}\nIf that is intended, write the assembly again, and review the difference.",
        stored.display(),
        diff::text(&found, false)
    );
}

/// Writes the assembly of an app for [`assert_unchanged`].
///
/// # Panics
/// If the app has errors, or the directory cannot be written.
pub fn store(app: &App, directory: &Path) {
    if let Err(error) = synth(app).write(directory) {
        panic!("{error}");
    }
}

/// Asserts that `check` has no findings for an app, except for those of the allowed rules. The settings of `stackwright.toml` apply.
///
/// # Panics
/// If there are other findings (errors or warnings); the message is the output of `check`.
#[track_caller]
pub fn assert_no_findings(app: &App, allowed: &[&str]) {
    let assembly = match app.synth() {
        Ok(assembly) => assembly,
        Err(errors) => panic!("{}", report::text(&Diagnostic::from_errors(&errors).into(), |_| None, false)),
    };
    let found = check::check(&assembly, &options().allow(allowed.iter().copied()));
    assert!(found.errors() + found.warnings() == 0, "{}", report::text(&found, |_| None, false));
}

/// Replaces every SHA-256 digest in a string.
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

    fn app(name: &str) -> App {
        let app = App::new("shop");
        let stack = app.stack("Storage");
        let topic =
            stack.add("Events", stackwright_synth::Resource::of("AWS::SNS::Topic").set("TopicName", name));
        stack.add(
            "Subscription",
            stackwright_synth::Resource::of("AWS::SNS::Subscription")
                .set("TopicArn", topic.reference())
                .set("Protocol", "sqs"),
        );
        app
    }

    fn message(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let panic = std::panic::catch_unwind(work).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    #[test]
    fn a_resource_is_found_by_a_part_of_its_properties() {
        let assembly = synth(&app("events"));
        let stack = StackAssertions::new(&assembly, "Storage");
        stack.has_resource("AWS::SNS::Topic", json!({ "TopicName": "events" }));
        stack.has_resource(
            "AWS::SNS::Subscription",
            json!({ "TopicArn": { "Fn::Sub": "${Events}" }, "Protocol": any() }),
        );
        stack.resource_count("AWS::SNS::Topic", 1);
        stack.references("Subscription", "Events");
        let wrong = message(|| {
            let assembly = synth(&app("events"));
            StackAssertions::new(&assembly, "Storage")
                .has_resource("AWS::SNS::Topic", json!({ "TopicName": "other" }));
        });
        assert!(wrong.contains("Events: TopicName is \"events\", not \"other\""), "{wrong}");
        let wrong = message(|| {
            let assembly = synth(&app("events"));
            StackAssertions::new(&assembly, "Storage").resource_count("AWS::SNS::Topic", 2);
        });
        assert!(wrong.contains("has 1 resources") && wrong.contains("Events"), "{wrong}");
    }

    #[test]
    fn a_difference_from_the_stored_template_is_reported_by_consequence() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("assembly");
        store(&app("events"), &path);
        assert_unchanged(&app("events"), &path);
        let reported = message(move || assert_unchanged(&app("orders"), &path));
        assert!(reported.contains("Events AWS::SNS::Topic is replaced because of TopicName"), "{reported}");
        assert!(reported.contains("events → orders"), "{reported}");
    }

    #[test]
    fn findings_fail_a_test_unless_they_are_allowed() {
        let wrong = || {
            let app = App::new("shop");
            app.stack("S").add("T", stackwright_synth::Resource::of("AWS::SNS::Topic").set("TopicNam", "x"));
            app
        };
        let reported = message(move || assert_no_findings(&wrong(), &[]));
        assert!(reported.contains("unknown-property"), "{reported}");
        assert_no_findings(&wrong(), &["unknown-property"]);
    }
}
