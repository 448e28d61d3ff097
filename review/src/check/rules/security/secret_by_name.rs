//! `secret-by-name`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::security::settings;
use crate::check::value::{boolean, number, string};
use crate::check::view::View;

rule! {
    /// An environment variable or a hyperparameter has the name of a secret and a plain value.
    ///
    /// # Why it matters
    ///
    /// Everyone who can describe the resource or read the template can read the value.
    ///
    /// # How to fix
    ///
    /// Store the secret in Secrets Manager, and read it when the container starts.
    ///
    /// # Limitations
    ///
    /// The name of a secret, its ARN and a path are accepted.
    Warning "secret-by-name",
    source: "AWS IAM User Guide, security best practices",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, name, value) in settings(view) {
        let upper = name.to_ascii_uppercase();
        let called = [
            "PASSWORD",
            "PASSWD",
            "SECRET",
            "API_KEY",
            "APIKEY",
            "ACCESS_KEY",
            "AUTH_TOKEN",
            "HF_TOKEN",
            "PRIVATE_KEY",
        ]
        .iter()
        .any(|word| upper.contains(word));
        let refers =
            ["_ARN", "_NAME", "_ID", "_PATH", "_FILE", "_URI", "_URL"].iter().any(|end| upper.ends_with(end));
        let plain = string(value).is_some_and(|given| {
            !given.is_empty()
                && !given.starts_with("arn:")
                && !given.starts_with('/')
                && !given.contains("://")
        });
        let switch = boolean(value).is_some() || number(value).is_some();
        if called && !refers && plain && !switch {
            findings.add(
                resource,
                value,
                format!("{name} contains a secret in plain text"),
                "store the secret in Secrets Manager, and read it when the container starts",
            );
        }
    }
}
