//! Scenarios: the deployments that the parameters and conditions of a template allow.
//!
//! The first is the one with every default. Others let a parameter have each of its allowed values, and each value
//! that a condition compares. A value that is wrong in one of them fails in that deployment.

mod allowed;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as JsonValue;
use stackwright_synth::{Environment, PseudoParameter, Template};

use super::resolve::Resolver;
use super::value::{children, function, one_or_many, shown};
use super::work;

/// The maximum and the minimum number of deployments of one template that are evaluated.
const MAX_SCENARIOS: usize = 128;
const MIN_SCENARIOS: usize = 6;
/// The total number of bytes of templates that are evaluated in all deployments: of a large template, fewer are evaluated.
const MAX_WORK: usize = 6 << 20;
/// The maximum number of combinations of values that conditions compare, up to which all of them are evaluated.
const COMBINATIONS: usize = 32;
/// The maximum nesting of conditions that refer to each other; deeper ones count as unknown.
const MAX_CONDITION_DEPTH: usize = 128;
/// The maximum number of conditions that are evaluated for one choice of parameters; the others count as unknown.
const MAX_CONDITION_STEPS: usize = 100_000;

/// The deployments that are evaluated.
pub(crate) struct Scenarios<'a> {
    /// The deployments; the one with every default is the first.
    pub all: Vec<Scenario<'a>>,
    /// The number of values, or of pairs of values, that were left out.
    pub left_out: usize,
}

/// The values of one deployment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario<'a> {
    /// The values of parameters and pseudo parameters, by name.
    pub values: BTreeMap<&'a str, Given>,
    /// The results of conditions; a condition that is missing here is not known.
    pub conditions: BTreeMap<&'a str, bool>,
    /// The difference from the deployment with every default: `Stage` is `prod`.
    pub when: Option<String>,
    /// The parameters that have another value than their default.
    pub changed: Vec<&'a str>,
}

/// The value of a parameter, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// The parameter has this value.
    Value(JsonValue),
    /// The parameter has none of the values that a condition compares.
    Other,
}

/// A parameter or pseudo parameter with its possible values.
struct Choice<'a> {
    name: &'a str,
    /// The first is the default; `None` is an unknown value.
    given: Vec<Option<Given>>,
    /// The number of values at the start of the list that conditions distinguish.
    deciding: usize,
}

impl<'a> Choice<'a> {
    /// Creates a choice among values, each once. Without a default, what a condition compares with is the first.
    fn new(name: &'a str, given: Vec<Option<Given>>, decides: bool) -> Self {
        let mut seen = HashSet::new();
        let mut given: Vec<_> =
            given.into_iter().filter(|one| seen.insert(one.as_ref().map(Given::key))).collect();
        if given.len() > 1 && given[0].is_none() {
            given.remove(0);
        }
        let deciding = if decides { given.len() } else { 1 };
        Self { name, given, deciding }
    }
}

impl Given {
    /// Returns the text by which values are compared: CloudFormation compares them as strings.
    fn key(&self) -> String {
        match self {
            Self::Value(value) => format!("={}", shown(value)),
            Self::Other => String::new(),
        }
    }
}

/// Returns whether CloudFormation reads a parameter's value from SSM: its default is a name, not a value.
pub(crate) fn is_read_from_ssm(parameter: &JsonValue) -> bool {
    parameter["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value"))
}

/// Returns whether a parameter of this type is a list.
pub(crate) fn is_list(kind: &str) -> bool {
    kind == "CommaDelimitedList" || kind.contains("List<")
}

/// Returns the pseudo parameters of an environment, or of another region.
pub(crate) fn pseudo_parameters(environment: &Environment, region: Option<&str>) -> Vec<PseudoParameter> {
    match region {
        Some(region) => environment.clone().region(region).pseudo_parameters(),
        None => environment.pseudo_parameters(),
    }
}

/// Returns the deployments that a template allows, the one with every default first.
pub(crate) fn scenarios<'a>(
    template: &'a Template,
    environment: &Environment,
    region: Option<&str>,
) -> Scenarios<'a> {
    let mut base = Scenario::default();
    for PseudoParameter { name, value, .. } in pseudo_parameters(environment, region) {
        base.values.insert(name, Given::Value(value.into()));
    }
    let choices = choices(template, &base);
    for choice in &choices {
        if let Some(Some(given)) = choice.given.first() {
            base.values.insert(choice.name, given.clone());
        }
    }
    let work = template.json().len() + template.section("Conditions").count() * 64;
    let most = (MAX_WORK / work.max(1)).clamp(MIN_SCENARIOS, MAX_SCENARIOS);
    let plan = plan(&choices, most);
    let found: Vec<_> = plan.deployments.iter().map(|picks| scenario_of(&base, &choices, picks)).collect();
    let mut decided: Vec<_> = found.into_iter().flat_map(|scenario| decided(template, scenario)).collect();
    // Without a deployment that the rules allow, the one with every default is evaluated.
    if decided.iter().any(|scenario| allowed::is_allowed(template, scenario)) {
        decided.retain(|scenario| allowed::is_allowed(template, scenario));
    } else {
        decided.truncate(1);
    }
    let left_out = plan.left_out + decided.len().saturating_sub(most);
    decided.truncate(most);
    Scenarios { all: decided, left_out }
}

/// Deployments as picks: the number of a choice, and which of its values it takes. What is not picked keeps its default.
struct Plan {
    deployments: Vec<Vec<(usize, usize)>>,
    left_out: usize,
}

/// Returns the deployments to evaluate: all combinations of what decides conditions where they are few, else a set in which each
/// pair of values occurs; then each other allowed value separately.
fn plan(choices: &[Choice<'_>], most: usize) -> Plan {
    let deciding: Vec<usize> = (0..choices.len()).filter(|number| choices[*number].deciding > 1).collect();
    let combinations = deciding
        .iter()
        .try_fold(1_usize, |product, number| product.checked_mul(choices[*number].deciding))
        .filter(|combinations| *combinations <= COMBINATIONS);
    let mut deployments = vec![Vec::new()];
    let mut left_out = 0;
    match combinations {
        Some(combinations) => deployments.extend((1..combinations).map(|number| {
            let mut rest = number;
            let pick = |number: &usize| {
                let pick = (*number, rest % choices[*number].deciding);
                rest /= choices[*number].deciding;
                pick
            };
            deciding.iter().map(pick).filter(|(_, value)| *value > 0).collect()
        })),
        None => {
            let sizes: Vec<usize> = deciding.iter().map(|number| choices[*number].deciding).collect();
            let (rows, uncovered) = pairwise(&sizes, most / 2);
            left_out += uncovered;
            deployments.extend(rows.into_iter().map(|row| {
                let picks = row.into_iter().enumerate().map(|(number, value)| (deciding[number], value));
                picks.filter(|(_, value)| *value > 0).collect()
            }));
        }
    }
    // One further value of each parameter in turn, so that none of them takes all that is left.
    let further = |number: usize| choices[number].deciding.max(1)..choices[number].given.len();
    let longest = (0..choices.len()).map(|number| choices[number].given.len()).max().unwrap_or_default();
    for value in 1..longest {
        for number in (0..choices.len()).filter(|number| further(*number).contains(&value)) {
            if deployments.len() < most {
                deployments.push(vec![(number, value)]);
            } else {
                left_out += 1;
            }
        }
    }
    Plan { deployments, left_out }
}

/// Rows of values in which each pair of values of two columns occurs, each column with its number of values; at most
/// some rows, and how many pairs these leave out.
fn pairwise(sizes: &[usize], most: usize) -> (Vec<Vec<usize>>, usize) {
    let starts: Vec<usize> = sizes
        .iter()
        .scan(0, |start, size| {
            let this = *start;
            *start += size;
            Some(this)
        })
        .collect();
    let width: usize = sizes.iter().sum();
    let mut open = vec![false; width * width];
    let mut left = 0;
    for (one, size) in sizes.iter().enumerate() {
        for (other, other_size) in sizes.iter().enumerate().skip(one + 1) {
            for pair in 0..size * other_size {
                let at = (starts[one] + pair / other_size) * width + starts[other] + pair % other_size;
                open[at] = true;
                left += 1;
            }
        }
    }
    let mut rows = Vec::new();
    while left > 0 && rows.len() < most {
        let mut row: Vec<usize> = Vec::with_capacity(sizes.len());
        // The first pair that no row has so far leads; the other columns take what covers most.
        let Some(lead) = open.iter().position(|is_open| *is_open) else { break };
        let lead = [lead / width, lead % width];
        for (column, size) in sizes.iter().enumerate() {
            let values = starts[column]..starts[column] + size;
            let led = lead.into_iter().find(|value| values.contains(value));
            let gain = |value: &usize| {
                let before = row.iter().enumerate().map(|(column, picked)| starts[column] + picked);
                before
                    .chain(lead)
                    .filter(|other| open[(*other).min(*value) * width + (*other).max(*value)])
                    .count()
            };
            let best = led.or_else(|| values.max_by_key(|value| (gain(value), width - value)));
            row.push(best.unwrap_or(starts[column]) - starts[column]);
        }
        for one in 0..row.len() {
            for other in one + 1..row.len() {
                let at = (starts[one] + row[one]) * width + starts[other] + row[other];
                left -= usize::from(std::mem::take(&mut open[at]));
            }
        }
        rows.push(row);
    }
    (rows, left)
}

/// Returns the deployment in which some choices are made and every other parameter has its default.
fn scenario_of<'a>(base: &Scenario<'a>, choices: &[Choice<'a>], picks: &[(usize, usize)]) -> Scenario<'a> {
    let mut scenario = base.clone();
    let mut changes = Vec::new();
    for (number, value) in picks {
        let (name, given) = (choices[*number].name, &choices[*number].given[*value]);
        scenario.changed.push(name);
        changes.push(match given {
            Some(Given::Value(value)) => format!("`{name}` is `{}`", shown(value)),
            _ => format!("`{name}` has any other value"),
        });
        match given {
            Some(given) => scenario.values.insert(name, given.clone()),
            None => scenario.values.remove(name),
        };
    }
    scenario.when = (!changes.is_empty()).then(|| changes.join(" and "));
    scenario
}

/// Returns the parameters with several values to evaluate, and the pseudo parameters that conditions use, each with its values.
fn choices<'a>(template: &'a Template, base: &Scenario<'a>) -> Vec<Choice<'a>> {
    let mut asked: BTreeMap<&str, Vec<JsonValue>> = BTreeMap::new();
    for section in ["Conditions", "Rules"] {
        template.section(section).for_each(|(_, condition)| comparisons(condition, &mut asked));
    }
    let mut choices = Vec::new();
    for (name, parameter) in template.section("Parameters") {
        if is_read_from_ssm(parameter) {
            continue;
        }
        let read = |value: &JsonValue| Given::Value(typed(parameter, value));
        // `malformed-parameter` reports an object as the default.
        let default = parameter.get("Default").filter(|value| !value.is_object()).map(&read);
        let allowed: Vec<_> = parameter["AllowedValues"].as_array().into_iter().flatten().collect();
        let asked_for = asked.remove(name);
        let decides = asked_for.is_some();
        let mut given = vec![default.clone().or_else(|| allowed.first().map(|value| read(value)))];
        let compared = asked_for.iter().flatten().map(&read);
        if allowed.is_empty() {
            given.extend(compared.map(Some));
            if decides {
                given.push(Some(Given::Other));
            }
        } else {
            // First those that conditions compare with, and one that they do not.
            let allowed: Vec<Given> = allowed.into_iter().map(&read).collect();
            let compared: HashSet<String> = compared.map(|value| value.key()).collect();
            let (named, others): (Vec<_>, Vec<_>) =
                allowed.into_iter().partition(|value| compared.contains(&value.key()));
            given.extend(named.into_iter().map(Some));
            let start = given[0].as_ref().is_some_and(|first| !compared.contains(&first.key()));
            let others: Vec<_> = others.into_iter().filter(|one| given[0].as_ref() != Some(one)).collect();
            let further = if start { 0 } else { 1 };
            given.extend(others.iter().take(further).cloned().map(Some));
            let mut choice = Choice::new(name, given, decides);
            choice.given.extend(others.into_iter().skip(further).map(Some));
            choices.push(choice);
            continue;
        }
        choices.push(Choice::new(name, given, decides));
    }
    for (name, values) in asked {
        if base.values.contains_key(name) || !name.starts_with("AWS::") {
            continue;
        }
        let mut given = vec![Some(Given::Other)];
        given.extend(values.into_iter().map(|value| Some(Given::Value(value))));
        choices.push(Choice::new(name, given, true));
    }
    choices
}

/// Returns a parameter's value as a template sees it: lists are written with commas.
fn typed(parameter: &JsonValue, value: &JsonValue) -> JsonValue {
    let is_list = parameter["Type"].as_str().is_some_and(is_list);
    match value {
        JsonValue::String(text) if is_list => {
            text.split(',').map(|item| JsonValue::from(item.trim())).collect()
        }
        other => other.clone(),
    }
}

/// The functions of conditions and rules that compare values.
const COMPARING: [&str; 4] = ["Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals"];

/// Collects the values with which conditions compare a parameter.
fn comparisons<'a>(condition: &'a JsonValue, asked: &mut BTreeMap<&'a str, Vec<JsonValue>>) {
    if let Some((name, JsonValue::Array(sides))) = function(condition)
        && let [one, other] = sides.as_slice()
        && COMPARING.contains(&name)
    {
        for (side, against) in [(one, other), (other, one)] {
            for side in one_or_many(side) {
                let Some(("Ref", JsonValue::String(name))) = function(side) else { continue };
                let is_scalar =
                    |value: &&JsonValue| value.is_string() || value.is_number() || value.is_boolean();
                asked.entry(name).or_default().extend(one_or_many(against).filter(is_scalar).cloned());
            }
        }
    }
    children(condition).for_each(|(_, inner)| comparisons(inner, asked));
}

/// Decides every condition; one that cannot be decided is taken both ways.
fn decided<'a>(template: &'a Template, scenario: Scenario<'a>) -> Vec<Scenario<'a>> {
    let mut open = vec![scenario];
    let mut steps = 0;
    // The number of deployments so far: conditions that cannot be decided double it only up to a limit.
    let mut number = 1;
    for (name, _) in template.section("Conditions") {
        let mut next = Vec::new();
        for mut scenario in open {
            let mut decision = Decision::new(template, &scenario, &mut steps);
            let value = decision.named(name);
            // The conditions that were decided before also apply to this deployment.
            let known = decision.known;
            scenario.conditions.extend(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
            scenario.conditions.insert(name, value.unwrap_or(true));
            if value.is_none() && number < COMBINATIONS {
                number += 1;
                let mut otherwise = scenario.clone();
                otherwise.conditions.insert(name, false);
                let condition = format!("the condition `{name}` is false");
                otherwise.when = Some(match otherwise.when.take() {
                    Some(when) => format!("{when} and {condition}"),
                    None => condition,
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
    /// The results so far. Conditions that refer to each other are unknown.
    known: HashMap<&'a str, Option<bool>>,
    depth: usize,
    /// The number of conditions that were evaluated for all deployments that are computed together.
    steps: &'d mut usize,
}

impl<'d, 'a> Decision<'d, 'a> {
    fn new(template: &'a Template, scenario: &'d Scenario<'a>, steps: &'d mut usize) -> Self {
        Self { template, scenario, known: HashMap::new(), depth: 0, steps }
    }

    fn named(&mut self, name: &str) -> Option<bool> {
        work::step();
        if let Some(value) = self.scenario.conditions.get(name) {
            return Some(*value);
        }
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let conditions = self.template.sections().get("Conditions")?.as_object()?;
        let (name, condition) = conditions.get_key_value(name)?;
        *self.steps += 1;
        if self.depth > MAX_CONDITION_DEPTH || *self.steps > MAX_CONDITION_STEPS {
            return None;
        }
        self.known.insert(name, None);
        self.depth += 1;
        let value = self.evaluate(condition);
        self.depth -= 1;
        self.known.insert(name, value);
        value
    }

    fn evaluate(&mut self, condition: &JsonValue) -> Option<bool> {
        work::step();
        let (name, argument) = condition.as_object()?.iter().next()?;
        let arguments: Vec<_> = argument.as_array().into_iter().flatten().collect();
        match name.as_str() {
            "Condition" => self.named(argument.as_str()?),
            "Fn::Not" => self.evaluate(arguments.first()?).map(|value| !value),
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
            name => self.membership(name, &arguments),
        }
    }
}

/// `And` of what is known if `wanted`, else `Or`: one value that is not wanted determines the result, whatever the others are.
fn all(values: impl Iterator<Item = Option<bool>>, wanted: bool) -> Option<bool> {
    let mut is_known = true;
    for value in values {
        match value {
            Some(value) if value != wanted => return Some(!wanted),
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
            .all
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
                (Some("`Stage` has any other value"), false, true)
            ]
        );
    }

    #[test]
    fn an_undecided_condition_is_evaluated_as_true_and_as_false() {
        let found = whens("Conditions: {E: !Equals [!ImportValue x, y]}");
        assert_eq!(found.iter().map(|(_, on)| on["E"]).collect::<Vec<_>>(), [true, false]);
        // A cycle has no deployment, and does not cause an endless loop.
        whens("Conditions: {A: !Condition B, B: !Condition A}");
    }

    #[test]
    fn every_allowed_value_is_evaluated() {
        let found = whens("Parameters: {M: {Type: Number, Default: 1, AllowedValues: [1, 2, 3]}}");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn each_pair_of_values_occurs_where_not_all_combinations_can() {
        let sizes = [2, 3, 2, 4, 2, 3, 2];
        let (rows, uncovered) = pairwise(&sizes, 100);
        assert!(uncovered == 0 && rows.len() < 30, "{} rows", rows.len());
        for (one, size) in sizes.iter().enumerate() {
            for other in one + 1..sizes.len() {
                for pair in 0..size * sizes[other] {
                    let wanted = (pair / sizes[other], pair % sizes[other]);
                    assert!(
                        rows.iter().any(|row| (row[one], row[other]) == wanted),
                        "{one} {other} {wanted:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_number_of_deployments_is_limited_and_the_rest_is_counted() {
        let values: Vec<String> = (0..200).map(|number| format!("v{number}")).collect();
        let parameters: String = (0..200)
            .map(|number| {
                format!(
                    "  P{number}: {{Type: String, Default: v0, AllowedValues: [{}]}}\n",
                    values.join(", ")
                )
            })
            .collect();
        let template = Template::read(&format!("Parameters:\n{parameters}")).unwrap();
        let found = scenarios(&template, &Environment::default(), None);
        assert!(found.all.len() <= MAX_SCENARIOS && found.left_out > 39_000, "{}", found.left_out);
    }
}
