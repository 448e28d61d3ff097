//! Finds errors in templates before a deployment.
//!
//! A stack is checked in every deployment that its parameters and conditions allow (`scenario`), with all
//! known values resolved (`resolve`). The validation of schemas (`schema`) and the `rules` report the faults of the
//! resolved resources (`view`).

mod acknowledgement;
mod asl;
mod cursor;
mod document;
mod findings;
mod fix;
mod glob;
#[cfg(test)]
mod growth;
mod job;
mod pattern;
mod relations;
pub(crate) mod resolve;
pub(crate) mod rules;
pub(crate) mod scenario;
mod schema;
mod serving;
pub(crate) mod text;
pub(crate) mod value;
mod view;
mod work;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;

use stackwright_synth::secret::SecretValues;
use stackwright_synth::{Assembly, Environment, SourceLocation, StackArtifact, TemplateError};

use crate::diagnostic::{Diagnostic, Severity};
use crate::report::Report;
pub use fix::{Fixed, LineChange, apply_fixes, fix};
pub use glob::matches as matches_pattern;
pub use rules::{Rule, RuleSection, Topic, rule_named, rules, topics};

use findings::{Findings, Found};
use rules::{Check, template};
use view::{Resolved, View};

/// The reason of the acknowledgement of a finding that is in the baseline.
pub const IN_BASELINE: &str = "the finding is in the baseline";

/// The options of the check: regions, rules, severities, and findings that count as acknowledged.
///
/// ```
/// use stackwright_review::check::Options;
///
/// let options = Options::default().regions(["eu-west-1"]).only(["dangling-reference"]);
/// assert_eq!(options.regions, ["eu-west-1"]);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use]
pub struct Options {
    /// The regions for which a stack is checked that is not bound to one, such as `eu-west-1`. A finding that occurs
    /// only in some of them names these. Default: none; rules about regions then report only values that are wrong in
    /// every region.
    pub regions: Vec<String>,
    /// The names of the rules to evaluate. Default: empty, which evaluates all rules.
    pub only: Vec<String>,
    /// The names of rules whose findings count as acknowledged. Default: none.
    pub allow: Vec<String>,
    /// Other levels of rules, by the name of the rule. Default: each rule has its own severity.
    pub levels: BTreeMap<String, Level>,
    /// Findings that count as acknowledged, by rule, stack and resource. Default: none.
    pub ignores: Vec<Ignore>,
    /// The fingerprints of earlier findings ([`Diagnostic::fingerprint`]), which count as acknowledged. Default: none.
    pub baseline: BTreeSet<String>,
}

/// Whether a rule is evaluated, and how severe its findings are.
///
/// ```
/// use stackwright_review::Severity;
/// use stackwright_review::check::Level;
///
/// assert_eq!(Level::parse("info"), Some(Level::Severity(Severity::Info)));
/// assert_eq!(Level::parse("loud"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// The rule is not evaluated.
    Off,
    /// Findings have this severity.
    Severity(Severity),
}

impl Level {
    /// Parses `off`, `info`, `warning` or `error`; `None` for another text.
    pub fn parse(name: &str) -> Option<Self> {
        let severity = |severity| Some(Self::Severity(severity));
        match name {
            "off" => Some(Self::Off),
            "info" => severity(Severity::Info),
            "warning" => severity(Severity::Warning),
            "error" => severity(Severity::Error),
            _ => None,
        }
    }
}

/// Findings that count as acknowledged. An empty list matches everything; `*` and `?` are wildcards.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Ignore {
    /// The names of rules. Empty: all rules.
    pub rules: Vec<String>,
    /// The IDs of stacks, or the files of templates. Empty: all stacks.
    pub stacks: Vec<String>,
    /// The logical IDs of resources. Empty: all resources, and findings without a resource.
    pub resources: Vec<String>,
    /// The reason, which the report shows.
    pub reason: String,
}

impl Ignore {
    fn covers(&self, one: &Diagnostic) -> bool {
        let file = one.location.as_ref().map_or("", |place| place.file.as_ref());
        let matches = |patterns: &[String], names: &[&str]| {
            patterns.is_empty()
                || patterns.iter().any(|pattern| names.iter().any(|name| glob::matches(pattern, name)))
        };
        matches(&self.rules, &[&one.id])
            && matches(&self.stacks, &[&one.stack, file])
            && matches(&self.resources, &[one.resource.as_deref().unwrap_or_default()])
    }
}

impl Options {
    /// Sets the regions for which a stack is checked that is not bound to one.
    pub fn regions(mut self, regions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.regions = regions.into_iter().map(Into::into).collect();
        self
    }

    /// Evaluates only the rules with these names; none evaluates all rules.
    pub fn only(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = rules.into_iter().map(Into::into).collect();
        self
    }

    /// Counts the findings of the rules with these names as acknowledged.
    pub fn allow(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allow = rules.into_iter().map(Into::into).collect();
        self
    }

    fn evaluates(&self, name: &str) -> bool {
        let is_on = self.levels.get(name) != Some(&Level::Off);
        is_on && (self.only.is_empty() || self.only.iter().any(|only| only == name))
    }

    /// Sets the severities of findings, and marks those that are in the baseline or ignored.
    pub fn apply(&self, found: &mut [Diagnostic]) {
        for one in found {
            if let Some(Level::Severity(severity)) = self.levels.get(one.id.as_ref()) {
                one.severity = *severity;
            }
            let ignore = self.ignores.iter().find(|ignore| ignore.covers(one));
            let reason = match ignore {
                Some(ignore) => Some(ignore.reason.clone()),
                None => self.baseline.contains(&one.fingerprint()).then(|| IN_BASELINE.to_owned()),
            };
            if one.acknowledged.is_none() {
                one.acknowledged = reason;
            }
        }
    }
}

/// Checks every stack of an assembly.
///
/// ```
/// use stackwright_review::check::{Options, check};
/// use stackwright_synth::Assembly;
///
/// let text = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {TopicNam: jobs}}}";
/// let assembly = Assembly::of_template("topic.yaml", text.to_owned())?;
/// let report = check(&assembly, &Options::default());
/// assert_eq!(report.diagnostics[0].id, "unknown-property");
/// assert_eq!(report.diagnostics[0].location.as_ref().unwrap().to_string(), "topic.yaml:1:67");
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
pub fn check(assembly: &Assembly, options: &Options) -> Report {
    /// Below this a thread takes longer to start than to work.
    const STACKS_A_THREAD: usize = 16;
    let stacks = &assembly.stacks;
    schema::prepare(
        stacks
            .iter()
            .flat_map(|stack| stack.template.resources().filter_map(|(_, body)| body["Type"].as_str())),
    );
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(stacks.len() / STACKS_A_THREAD).max(1);
    let checked = |stack: &StackArtifact| {
        let mut found = check_stack(stack, options);
        let secrets = SecretValues::of_defaults(&stack.template);
        found.iter_mut().for_each(|one| one.mask(&secrets));
        found
    };
    let one = |part: &[StackArtifact]| part.iter().flat_map(checked).collect();
    let found: Vec<Vec<Diagnostic>> = if threads == 1 {
        vec![one(stacks)]
    } else {
        std::thread::scope(|scope| {
            let parts = stacks.chunks(stacks.len().div_ceil(threads));
            let running: Vec<_> = parts.map(|part| scope.spawn(move || one(part))).collect();
            let joined = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            running.into_iter().map(joined).collect()
        })
    };
    let mut report = Report { diagnostics: found.into_iter().flatten().collect() };
    report.sort();
    report
}

/// Returns the diagnostic for a text that is not a template.
pub fn unreadable(file: &str, error: &TemplateError) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error(template::UNREADABLE_TEMPLATE.name, file.to_owned(), error.message.clone());
    let size = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    if error.line > 0 {
        diagnostic.location =
            Some(SourceLocation::new(file.to_owned(), size(error.line), size(error.column)));
    }
    diagnostic
}

/// Returns the name of the most similar rule; `None` if no name is similar.
pub fn nearest_rule(name: &str) -> Option<&'static str> {
    stackwright_schemas::nearest(name, rules().map(|rule| rule.name))
}

/// Returns the pages of all rules as one document in Markdown: what `docs/rules.md` holds.
pub fn reference() -> String {
    let mut text =
        "# Rules\n\nThe rules that `check` evaluates. `stackwright explain --format markdown` writes this page; \
                    `stackwright explain NAME` shows one rule with two templates: one that it reports and one that it accepts.\n"
            .to_owned();
    for Topic { title, rules, .. } in topics() {
        text.push_str(&format!("\n## {title}\n\n| rule | severity | |\n|---|---|---|\n"));
        for rule in *rules {
            let (name, severity) = (rule.name, rule.severity.name());
            text.push_str(&format!("| [`{name}`](#{name}) | {severity} | {} |\n", rule.summary()));
        }
        for rule in *rules {
            text.push_str(&format!("\n### {}\n", rule.name));
            for RuleSection { heading, text: section } in rule.sections() {
                let introduction =
                    if heading == "What it checks" { String::new() } else { format!("**{heading}.** ") };
                text.push_str(&format!("\n{introduction}{section}\n"));
            }
            text.push_str(&format!("\n**References.** {}.\n", rule.source.trim_end_matches('.')));
        }
    }
    text
}

fn check_stack(stack: &StackArtifact, options: &Options) -> Vec<Diagnostic> {
    match (stack.environment.region.as_deref(), options.regions.as_slice()) {
        (Some(bound), _) => check_in_region(stack, options, Some(bound)),
        (None, [] | [_]) => check_in_region(stack, options, options.regions.first().map(String::as_str)),
        (None, regions) => check_in_regions(stack, options, regions),
    }
}

/// Checks a stack for several regions. A finding that only some of them have names these.
fn check_in_regions(stack: &StackArtifact, options: &Options, regions: &[String]) -> Vec<Diagnostic> {
    let mut numbers = BTreeMap::new();
    let mut found: Vec<(Diagnostic, Vec<&str>)> = Vec::new();
    for region in regions {
        for one in check_in_region(stack, options, Some(region)) {
            let key = (one.id.clone(), one.path.clone(), one.message.clone());
            let number = *numbers.entry(key).or_insert_with(|| {
                found.push((one, Vec::new()));
                found.len() - 1
            });
            found[number].1.push(region);
        }
    }
    let with_regions = |(mut one, of): (Diagnostic, Vec<&str>)| {
        if of.len() < regions.len() {
            let when = format!("the region is {}", of.join(" or "));
            one.when = Some(one.when.map_or(when.clone(), |before| format!("{before}, and {when}")));
        }
        one
    };
    found.into_iter().map(with_regions).collect()
}

/// Makes findings about properties warnings, because a macro may change the properties.
fn doubt(diagnostic: &mut Diagnostic, name: &str) {
    let of_properties = |path: &str| {
        let mut steps = path.split('/').skip(1);
        steps.next() == Some("Resources") && steps.nth(1) == Some("Properties")
    };
    if diagnostic.severity == Severity::Error && of_properties(&diagnostic.path) {
        diagnostic.severity = Severity::Warning;
        let unless = format!("the macro `{name}` does not change it");
        diagnostic.when = Some(match diagnostic.when.take() {
            Some(when) => format!("{when}, and {unless}"),
            None => unless,
        });
    }
}

fn check_in_region(stack: &StackArtifact, options: &Options, region: Option<&str>) -> Vec<Diagnostic> {
    let mut found = Found::default();
    let environment: &Environment = &stack.environment;
    let scenarios = scenario::scenarios(&stack.template, environment, region);
    let Some((base, others)) = scenarios.all.split_first() else { return Vec::new() };
    let resolved = Resolved::new(&stack.template, base);
    let first = View::new(stack, region, base, &resolved);
    let chosen: Vec<&'static Rule> =
        rules::of_interest(&stack.template).filter(|rule| options.evaluates(rule.name)).collect();
    let mut evaluate = |view: &View<'_>, is_first: bool| {
        schema::check(view, (!is_first).then_some(&first), &mut found);
        for rule in &chosen {
            let mut findings = Findings { view, rule, found: &mut found };
            match rule.check {
                Check::Each(check) => check(view, &mut findings),
                Check::Written(check) if is_first => check(view, &mut findings),
                _ => {}
            }
        }
    };
    evaluate(&first, true);
    for scenario in others {
        let resolved = Resolved::new(&stack.template, scenario);
        evaluate(&View::new(stack, region, scenario, &resolved), false);
    }
    if scenarios.left_out > 0 {
        template::deployments_not_evaluated(&first, scenarios.all.len(), scenarios.left_out, &mut found);
    }
    let mut found = found.finish();
    if let Some(name) = first.macro_name() {
        found.iter_mut().for_each(|one| doubt(one, name));
    }
    found.retain(|diagnostic| options.evaluates(&diagnostic.id));
    acknowledgement::apply(&first, options, &mut found);
    options.apply(&mut found);
    found
}
