//! The rules: one file for each, in a directory for each topic, and one table of all rules.
//!
//! The file of a rule has its documentation and the function that checks. Each rule has two templates in `fixtures/`:
//! `NAME.good.yaml`, for which it reports nothing, and `NAME.bad.yaml`, for which it reports each line that ends in `#
//! here`. A value that is not known before deployment never causes a finding.

mod asynchronous;
mod autoscaling;
mod delivery;
mod deployment;
mod distribution;
mod endpoint;
mod events;
mod feature_store;
mod fleet;
mod hyperpod;
mod inference_component;
mod lambda;
mod large_model;
mod multi_model;
mod optimization;
mod pipeline;
pub(super) mod schema;
mod security;
mod serverless;
mod state_machine;
pub(super) mod template;
mod training;

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use stackwright_synth::Template;

use super::findings::Findings;
use super::view::View;
use crate::diagnostic::Severity;

/// A rule of the check, with its page and its examples.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rule {
    /// The name in reports, in `--allow` and in acknowledgements.
    pub name: &'static str,
    /// The severity of the findings.
    pub severity: Severity,
    /// The page of the rule in Markdown: what it checks, why it matters and how to fix a finding. The first sentence is a
    /// summary.
    pub documentation: &'static str,
    /// The documentation page or the API operation on which the rule is based.
    pub source: &'static str,
    /// A template in YAML for which the rule reports nothing.
    pub good: &'static str,
    /// A template in YAML for which the rule reports each line that ends in `# here`.
    pub bad: &'static str,
    /// The resource types that the rule applies to; all types if the list is empty.
    pub(crate) applies_to: &'static [&'static str],
    pub(crate) check: Check,
}

/// A section of the documentation of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleSection {
    /// The heading, such as `How to fix`.
    pub heading: &'static str,
    /// The text in Markdown.
    pub text: String,
}

/// When a rule is evaluated.
pub(crate) enum Check {
    /// The rule is evaluated once, for the template as it is written.
    Written(fn(&View<'_>, &mut Findings<'_, '_, '_>)),
    /// The rule is evaluated in every deployment of the template.
    Each(fn(&View<'_>, &mut Findings<'_, '_, '_>)),
    /// The validation of schemas finds it.
    Schema,
    /// The code that reads the input or acknowledgements reports it.
    Elsewhere,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Written(_) => "Written",
            Self::Each(_) => "Each",
            Self::Schema => "Schema",
            Self::Elsewhere => "Elsewhere",
        })
    }
}

impl Rule {
    /// Returns the first sentence of the documentation.
    pub fn summary(&self) -> String {
        let paragraph = self.documentation.trim().split("\n\n").next().unwrap_or_default();
        let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.find(". ") {
            Some(end) => text[..=end].to_owned(),
            None => text,
        }
    }

    /// Returns the sections of the documentation in their order: what the rule checks comes first.
    pub fn sections(&self) -> Vec<RuleSection> {
        let section = |heading| RuleSection { heading, text: String::new() };
        let mut sections = vec![section("What it checks")];
        for line in self.documentation.lines() {
            let line = line.strip_prefix(' ').unwrap_or(line);
            match line.strip_prefix("# ") {
                Some(heading) => sections.push(section(heading)),
                None => {
                    if let Some(RuleSection { text, .. }) = sections.last_mut() {
                        text.push_str(line);
                        text.push('\n');
                    }
                }
            }
        }
        for one in &mut sections {
            one.text = one.text.trim().to_owned();
        }
        sections
    }

    /// Returns the page that `explain` prints, in Markdown.
    pub fn page(&self) -> String {
        let mut page = format!("# {}\n\nSeverity: {}\n", self.name, self.severity.name());
        let mut example = self.example();
        for RuleSection { heading, text } in self.sections() {
            if heading == "How to fix" {
                page.push_str(&std::mem::take(&mut example));
            }
            page.push_str(&format!("\n## {heading}\n\n{text}\n"));
        }
        page.push_str(&example);
        page.push_str(&format!("\n## References\n\n{}.\n", self.source.trim_end_matches('.')));
        page
    }

    fn example(&self) -> String {
        format!(
            "\n## Example\n\nThe rule reports the lines that end in `# here`:\n\n```yaml\n{}\n```\n\n\
             The rule accepts this template:\n\n```yaml\n{}\n```\n",
            self.bad.trim(),
            self.good.trim()
        )
    }
}

/// Defines a rule: the doc comments are its documentation, and the other parts follow.
macro_rules! rule {
    (
        $(#[doc = $documentation:literal])+
        $severity:ident $name:literal,
        source: $source:expr,
        applies_to: $applies_to:expr,
        check: $check:expr $(,)?
    ) => {
        #[allow(unused_imports)]
        use $crate::check::rules::Check::*;
        pub(in $crate::check) const RULE: $crate::check::rules::Rule = $crate::check::rules::Rule {
            name: $name,
            severity: $crate::diagnostic::Severity::$severity,
            documentation: concat!($($documentation, "\n"),+),
            source: $source,
            good: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/", $name, ".good.yaml")),
            bad: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/", $name, ".bad.yaml")),
            applies_to: &$applies_to,
            check: $check,
        };

        #[cfg(test)]
        #[test]
        fn examples() {
            $crate::check::rules::tests::judge(&RULE);
        }
    };
}
pub(crate) use rule;

/// A topic with its rules.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Topic {
    /// The name, which is that of the directory of the rules, such as `multi_model`.
    pub name: &'static str,
    /// The heading, such as `Multi-model endpoints`.
    pub title: &'static str,
    /// The rules, in the order of the documentation.
    pub rules: &'static [&'static Rule],
}

const fn topic(name: &'static str, title: &'static str, rules: &'static [&'static Rule]) -> Topic {
    Topic { name, title, rules }
}

/// Every rule by topic.
static TOPICS: &[Topic] = &[
    topic("template", "Template", template::RULES),
    topic("schema", "Schema", schema::RULES),
    topic("serverless", "Serverless", serverless::RULES),
    topic("multi_model", "Multi-model endpoints", multi_model::RULES),
    topic("endpoint", "Endpoint", endpoint::RULES),
    topic("asynchronous", "Asynchronous", asynchronous::RULES),
    topic("inference_component", "Inference component", inference_component::RULES),
    topic("autoscaling", "Autoscaling", autoscaling::RULES),
    topic("deployment", "Deployment", deployment::RULES),
    topic("large_model", "Large model", large_model::RULES),
    topic("training", "Training", training::RULES),
    topic("distribution", "Distribution", distribution::RULES),
    topic("optimization", "Optimization", optimization::RULES),
    topic("pipeline", "Pipeline", pipeline::RULES),
    topic("state_machine", "State machine", state_machine::RULES),
    topic("feature_store", "Feature store", feature_store::RULES),
    topic("events", "EventBridge", events::RULES),
    topic("lambda", "Lambda", lambda::RULES),
    topic("delivery", "CodePipeline", delivery::RULES),
    topic("hyperpod", "HyperPod", hyperpod::RULES),
    topic("fleet", "Fleet", fleet::RULES),
    topic("security", "Security", security::RULES),
];

/// Returns every rule, by topic.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TOPICS.iter().flat_map(|topic| topic.rules.iter().copied())
}

/// Returns every topic with its rules.
pub fn topics() -> &'static [Topic] {
    TOPICS
}

/// Returns the rules that apply to a template, in the order of the table.
pub(super) fn of_interest(template: &Template) -> impl Iterator<Item = &'static Rule> {
    static BY_TYPE: OnceLock<HashMap<&'static str, Vec<usize>>> = OnceLock::new();
    let by_type = BY_TYPE.get_or_init(|| {
        let mut by_type: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, rule) in rules().enumerate() {
            rule.applies_to.iter().for_each(|name| by_type.entry(*name).or_default().push(number));
        }
        by_type
    });
    let types = template.resources().filter_map(|(_, body)| body["Type"].as_str());
    let wanted: HashSet<usize> = types.filter_map(|name| by_type.get(name)).flatten().copied().collect();
    rules()
        .enumerate()
        .filter(move |(number, rule)| rule.applies_to.is_empty() || wanted.contains(number))
        .map(|(_, rule)| rule)
}

/// Returns the rule with a name, such as `missing-property`; `None` if there is none.
pub fn rule_named(name: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.name == name)
}

#[cfg(test)]
pub(super) mod tests;
