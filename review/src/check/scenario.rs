//! Scenarios: the deployments that a template allows, as its parameters and conditions decide.
//!
//! The first is the one with every default. Others let a parameter have each of its allowed values, and each value
//! that a condition asks for. What is wrong in one of them is wrong for somebody who deploys it.

use std::collections::BTreeMap;

use serde_json::Value as JsonValue;
use stackwright_synth::{Environment, Template};

use super::resolve::Resolver;
use super::value::{children, function, shown};

/// How many scenarios of one template are looked at.
const MOST: usize = 128;
/// How many combinations of what decides conditions are looked at in full.
const COMBINATIONS: usize = 32;

/// What one deployment puts in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario<'a> {
    /// Parameters and pseudo parameters by name.
    pub values: BTreeMap<&'a str, Given>,
    /// Whether each condition holds; one that is not here is not known.
    pub conditions: BTreeMap<&'a str, bool>,
    /// How it differs from the deployment with every default: `Stage` is `prod`.
    pub when: Option<String>,
}

/// What is known of a parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// This one.
    Value(JsonValue),
    /// None of those that a condition asks for.
    Other,
}

/// What a template's choice can be made of.
struct Choice<'a> {
    name: &'a str,
    /// The first is the default; `None` is an unknown value.
    given: Vec<Option<Given>>,
    decides: bool,
}

/// Whether CloudFormation reads a parameter's value from SSM: its default is a name, not a value.
pub(crate) fn is_read_from_ssm(parameter: &JsonValue) -> bool {
    parameter["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value"))
}

/// Whether a parameter of this type is a list.
pub(crate) fn is_list(kind: &str) -> bool {
    kind == "CommaDelimitedList" || kind.contains("List<")
}

/// What a pseudo parameter is in an environment.
pub(crate) fn pseudo_parameters(
    environment: &Environment,
    region: Option<&str>,
) -> Vec<(&'static str, String)> {
    let mut known = Vec::new();
    let region = region.map(str::to_owned).or_else(|| environment.region.clone());
    if let Some(region) = region {
        let environment = Environment { region: Some(region.clone()), ..environment.clone() };
        if let Some(partition) = environment.partition() {
            known.push(("AWS::Partition", partition.to_owned()));
            let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
            if matches!(partition, "aws" | "aws-cn" | "aws-us-gov") {
                known.push(("AWS::URLSuffix", suffix.to_owned()));
            }
        }
        known.push(("AWS::Region", region));
    }
    if let Some(account) = &environment.account {
        known.push(("AWS::AccountId", account.clone()));
    }
    known
}

/// The deployments that a template allows, the one with every default first.
pub(crate) fn scenarios<'a>(
    template: &'a Template,
    environment: &Environment,
    region: Option<&str>,
) -> Vec<Scenario<'a>> {
    let mut base = Scenario::default();
    for (name, value) in pseudo_parameters(environment, region) {
        base.values.insert(name, Given::Value(value.into()));
    }
    let choices = choices(template, &base);
    for choice in &choices {
        if let Some(Some(given)) = choice.given.first() {
            base.values.insert(choice.name, given.clone());
        }
    }
    let mut found = Vec::new();
    let mut add = |changes: &[(&'a str, &Option<Given>)]| {
        let mut scenario = base.clone();
        let mut said = Vec::new();
        for (name, given) in changes {
            let before = base.values.get(name);
            if before == given.as_ref() {
                continue;
            }
            said.push(match given {
                Some(Given::Value(value)) => format!("`{name}` is `{}`", shown(value)),
                _ => format!("`{name}` is anything else"),
            });
            match given {
                Some(given) => scenario.values.insert(name, given.clone()),
                None => scenario.values.remove(name),
            };
        }
        scenario.when = (!said.is_empty()).then(|| said.join(" and "));
        // The first has no changes; the same one again says nothing new.
        if found.is_empty() || scenario.when.is_some() {
            found.push(scenario);
        }
    };
    add(&[]);
    let deciding: Vec<&Choice<'_>> = choices.iter().filter(|choice| choice.decides).collect();
    let combinations =
        deciding.iter().try_fold(1_usize, |product, choice| product.checked_mul(choice.given.len()));
    let in_full = combinations.is_some_and(|number| number <= COMBINATIONS);
    if in_full {
        for number in 1..combinations.unwrap_or_default() {
            let mut rest = number;
            let mut changes = Vec::new();
            for choice in &deciding {
                changes.push((choice.name, &choice.given[rest % choice.given.len()]));
                rest /= choice.given.len();
            }
            add(&changes);
        }
    }
    for choice in choices.iter().filter(|choice| !in_full || !choice.decides) {
        for given in choice.given.iter().skip(1) {
            add(&[(choice.name, given)]);
        }
    }
    found.truncate(MOST);
    found.into_iter().flat_map(|scenario| decided(template, scenario)).take(MOST).collect()
}

/// What there is to choose: every parameter with more than one value worth looking at, and pseudo parameters that
/// conditions ask for.
fn choices<'a>(template: &'a Template, base: &Scenario<'a>) -> Vec<Choice<'a>> {
    let mut asked: BTreeMap<&str, Vec<JsonValue>> = BTreeMap::new();
    for (_, condition) in template.section("Conditions") {
        comparisons(condition, &mut asked);
    }
    let mut choices = Vec::new();
    for (name, parameter) in template.section("Parameters") {
        if is_read_from_ssm(parameter) {
            continue;
        }
        let read = |value: &JsonValue| Given::Value(typed(parameter, value));
        let default = parameter.get("Default").map(&read);
        let allowed: Vec<_> = parameter["AllowedValues"].as_array().into_iter().flatten().collect();
        let asked_for = asked.remove(name);
        let decides = asked_for.is_some();
        let mut given = vec![default.clone().or_else(|| allowed.first().map(|value| read(value)))];
        if allowed.is_empty() {
            given.extend(asked_for.iter().flatten().map(|value| Some(read(value))));
            if decides {
                given.push(Some(Given::Other));
            }
        } else {
            given.extend(allowed.into_iter().map(|value| Some(read(value))));
        }
        let first = given[0].clone();
        let mut seen = vec![first];
        for one in given {
            if !seen.contains(&one) {
                seen.push(one);
            }
        }
        if seen[0].is_none() && seen.len() > 1 {
            // Without a default, what a condition asks for is as good a start as any.
            seen.remove(0);
        }
        choices.push(Choice { name, given: seen, decides });
    }
    for (name, values) in asked {
        if base.values.contains_key(name) || !name.starts_with("AWS::") {
            continue;
        }
        let mut given = vec![Some(Given::Other)];
        given.extend(values.into_iter().map(|value| Some(Given::Value(value))));
        choices.push(Choice { name, given, decides: true });
    }
    choices
}

/// A parameter's value as a template sees it: lists are written with commas.
fn typed(parameter: &JsonValue, value: &JsonValue) -> JsonValue {
    let is_list = parameter["Type"].as_str().is_some_and(is_list);
    match value {
        JsonValue::String(text) if is_list => {
            text.split(',').map(|item| JsonValue::from(item.trim())).collect()
        }
        other => other.clone(),
    }
}

/// What conditions compare a parameter with.
fn comparisons<'a>(condition: &'a JsonValue, asked: &mut BTreeMap<&'a str, Vec<JsonValue>>) {
    if let Some(("Fn::Equals", JsonValue::Array(sides))) = function(condition)
        && let [one, other] = sides.as_slice()
    {
        for (side, against) in [(one, other), (other, one)] {
            if let Some(("Ref", JsonValue::String(name))) = function(side) {
                let values = asked.entry(name).or_default();
                if against.is_string() || against.is_number() || against.is_boolean() {
                    values.push(against.clone());
                }
            }
        }
    }
    children(condition).for_each(|(_, inner)| comparisons(inner, asked));
}

/// Decides every condition; one that cannot be decided is taken both ways.
fn decided<'a>(template: &'a Template, scenario: Scenario<'a>) -> Vec<Scenario<'a>> {
    let mut open = vec![scenario];
    for (name, _) in template.section("Conditions") {
        let mut next = Vec::new();
        for mut scenario in open {
            let truth = Decision { template, scenario: &scenario, known: BTreeMap::new() }.named(name);
            scenario.conditions.insert(name, truth.unwrap_or(true));
            if truth.is_none() && next.len() + 1 < COMBINATIONS {
                let mut otherwise = scenario.clone();
                otherwise.conditions.insert(name, false);
                let said = format!("the condition `{name}` does not hold");
                otherwise.when = Some(match otherwise.when.take() {
                    Some(when) => format!("{when} and {said}"),
                    None => said,
                });
                next.push(scenario);
                next.push(otherwise);
            } else {
                next.push(scenario);
            }
        }
        open = next;
    }
    open
}

/// Decides a condition by those that it is made of, each once.
struct Decision<'d, 'a> {
    template: &'a Template,
    scenario: &'d Scenario<'a>,
    /// What was found so far. Conditions that stand in a circle come to nothing.
    known: BTreeMap<String, Option<bool>>,
}

impl Decision<'_, '_> {
    fn named(&mut self, name: &str) -> Option<bool> {
        if let Some(truth) = self.scenario.conditions.get(name) {
            return Some(*truth);
        }
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let condition = self.template.sections().get("Conditions")?.get(name)?;
        self.known.insert(name.to_owned(), None);
        let truth = self.evaluate(condition);
        self.known.insert(name.to_owned(), truth);
        truth
    }

    fn evaluate(&mut self, condition: &JsonValue) -> Option<bool> {
        let (name, argument) = condition.as_object()?.iter().next()?;
        let arguments: Vec<_> = argument.as_array().into_iter().flatten().collect();
        match name.as_str() {
            "Condition" => self.named(argument.as_str()?),
            "Fn::Not" => self.evaluate(arguments.first()?).map(|truth| !truth),
            "Fn::And" => all(arguments.iter().map(|inner| self.evaluate(inner)), true),
            "Fn::Or" => all(arguments.iter().map(|inner| self.evaluate(inner)), false),
            "Fn::Equals" => {
                let [one, other] = arguments.as_slice() else { return None };
                let resolver = Resolver::new(self.template, self.scenario);
                let is_other = |side: &JsonValue| {
                    matches!(function(side), Some(("Ref", JsonValue::String(name)))
                        if self.scenario.values.get(name.as_str()) == Some(&Given::Other))
                };
                if is_other(one) != is_other(other) {
                    return Some(false);
                }
                let (one, other) = (resolver.resolve(one), resolver.resolve(other));
                let is_known = |side: &JsonValue| side.is_string() || side.is_number() || side.is_boolean();
                (is_known(&one) && is_known(&other)).then(|| shown(&one) == shown(&other))
            }
            _ => None,
        }
    }
}

/// `And` of what is known if `wanted`, else `Or`: one truth that is not wanted decides, whatever the others are.
fn all(truths: impl Iterator<Item = Option<bool>>, wanted: bool) -> Option<bool> {
    let mut is_known = true;
    for truth in truths {
        match truth {
            Some(truth) if truth != wanted => return Some(!wanted),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whens(text: &str) -> Vec<(Option<String>, BTreeMap<String, bool>)> {
        let template = Template::read(text).unwrap();
        scenarios(&template, &Environment::default(), None)
            .into_iter()
            .map(|one| {
                (one.when, one.conditions.into_iter().map(|(name, on)| (name.to_owned(), on)).collect())
            })
            .collect()
    }

    #[test]
    fn defaults_come_first_and_conditions_follow_their_parameters() {
        let found = whens(
            "Parameters: {Stage: {Type: String, Default: dev}}\nConditions:\n  P: !Equals [!Ref Stage, prod]\n  N: !Not [!Condition P]\n",
        );
        let states: Vec<_> = found.iter().map(|(when, on)| (when.as_deref(), on["P"], on["N"])).collect();
        assert_eq!(
            states,
            [
                (None, false, true),
                (Some("`Stage` is `prod`"), true, false),
                (Some("`Stage` is anything else"), false, true)
            ]
        );
    }

    #[test]
    fn what_cannot_be_decided_is_taken_both_ways() {
        let found = whens("Conditions: {E: !Equals [!ImportValue x, y]}");
        assert_eq!(found.iter().map(|(_, on)| on["E"]).collect::<Vec<_>>(), [true, false]);
        // A circle is nobody's deployment, and no endless loop.
        whens("Conditions: {A: !Condition B, B: !Condition A}");
    }

    #[test]
    fn allowed_values_are_all_looked_at() {
        let found = whens("Parameters: {M: {Type: Number, Default: 1, AllowedValues: [1, 2, 3]}}");
        assert_eq!(found.len(), 3);
    }
}
