//! `explain`: prints the documentation of rules.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value as JsonValue, json};
use stackwright_review::check::{Rule, nearest_rule, reference, rule_named, rules, topics};

use crate::failure::Failure;

/// Explain a rule of the check, or list all rules.
///
/// The page of a rule states what it checks, why it matters, an example, how to fix a finding, limitations and references.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 success, 1 there is no such rule, 2 usage error.")]
pub(super) struct Arguments {
    /// The name of the rule. A finding shows it in brackets: `error[multi-model-gpu-instance]`. Default: list all rules
    rule: Option<String>,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text for people
    Text,
    /// One JSON document
    Json,
    /// Markdown; of all rules, the page docs/rules.md
    Markdown,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let text = match (&arguments.rule, arguments.format) {
        (Some(name), Form::Json) => format!("{:#}\n", data(known(name)?)),
        (Some(name), _) => known(name)?.page(),
        (None, Form::Text) => list(),
        (None, Form::Json) => format!("{:#}\n", rules().map(data).collect::<JsonValue>()),
        (None, Form::Markdown) => reference(),
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}

/// Returns the rule with a name, or a failure that suggests similar names.
pub(super) fn known(name: &str) -> Result<&'static Rule, Failure> {
    rule_named(name).ok_or_else(|| {
        let failure = Failure::usage(format!("there is no rule `{name}`"));
        match nearest_rule(name) {
            Some(near) => failure.hint(format!("the most similar name is `{near}`")),
            None => failure.hint("`explain` lists all rules"),
        }
    })
}

fn list() -> String {
    let width = rules().map(|rule| rule.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for topic in topics() {
        text.push_str(&format!("{}\n", topic.title));
        for rule in topic.rules {
            let (name, severity) = (rule.name, rule.severity.name());
            text.push_str(&format!("  {name:width$}  {severity:7}  {}\n", rule.summary()));
        }
        text.push('\n');
    }
    text
}

fn data(rule: &Rule) -> JsonValue {
    json!({
        "name": rule.name,
        "severity": rule.severity.name(),
        "summary": rule.summary(),
        "sections": rule.sections().iter().map(|one| json!({ "heading": one.heading, "text": one.text })).collect::<JsonValue>(),
        "documentation": rule.documentation.trim(),
        "source": rule.source,
        "good": rule.good.trim(),
        "bad": rule.bad.trim(),
    })
}
