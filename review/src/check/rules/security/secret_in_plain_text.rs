//! `secret-in-plain-text`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::security::settings;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// The value of an environment variable or a hyperparameter has the form of a key or a token.
    ///
    /// # Why it matters
    ///
    /// Everyone who can describe the resource or read the template can read it.
    ///
    /// # How to fix
    ///
    /// Store the secret in Secrets Manager, and read it when the container starts. Rotate the key.
    Error "secret-in-plain-text",
    source: "Formats of keys and tokens that AWS, Hugging Face, GitHub, OpenAI and Slack publish",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, name, value) in settings(view) {
        if let Some(kind) = string(value).and_then(kind_of_secret) {
            let message = format!("{name} appears to contain {kind}");
            findings.add(
                resource,
                value,
                message,
                "store the secret in Secrets Manager, and read it when the container starts",
            );
        }
    }
}

/// Returns the kind of secret whose format a string has.
fn kind_of_secret(text: &str) -> Option<&'static str> {
    let rest_is = |prefix: &str, length: usize| {
        let rest = text.strip_prefix(prefix)?;
        let fits = rest.len() >= length
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        fits.then_some(())
    };
    let known = [
        ("AKIA", 16, "an AWS access key"),
        ("hf_", 30, "a Hugging Face token"),
        ("ghp_", 30, "a GitHub token"),
        ("github_pat_", 30, "a GitHub token"),
        ("sk-", 32, "an API key"),
        ("xoxb-", 20, "a Slack token"),
    ];
    known.into_iter().find(|(prefix, length, _)| rest_is(prefix, *length).is_some()).map(|(_, _, kind)| kind)
}
