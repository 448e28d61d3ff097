//! The fields of states.

use crate::check::cursor::Cursor;
use crate::check::value::string;

/// The language of a state's expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Language {
    JsonPath,
    Jsonata,
}

impl Language {
    /// Returns the language that a state or a state machine sets.
    pub fn of(value: &Cursor<'_>) -> Option<Self> {
        match string(&value["QueryLanguage"]) {
            Some("JSONata") => Some(Self::Jsonata),
            Some("JSONPath") => Some(Self::JsonPath),
            _ => None,
        }
    }

    /// Returns the name in `QueryLanguage`.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonPath => "JSONPath",
            Self::Jsonata => "JSONata",
        }
    }
}

/// The types of states.
pub(in crate::check) const TYPES: [&str; 8] =
    ["Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];

/// The fields of a state machine, and of a branch or a processor of items in it.
pub(in crate::check) const OF_MACHINES: [&str; 7] =
    ["Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version", "ProcessorConfig"];

/// A field, the types of states that have it, and the language that it belongs to.
type Field = (&'static str, &'static str, Option<Language>);

const ALL: &str = "Task Pass Choice Wait Succeed Fail Parallel Map";
const PATH: Option<Language> = Some(Language::JsonPath);
const JSONATA: Option<Language> = Some(Language::Jsonata);

const FIELDS: [Field; 48] = [
    ("Type", ALL, None),
    ("Comment", ALL, None),
    ("QueryLanguage", ALL, None),
    ("Next", "Task Pass Wait Parallel Map", None),
    ("End", "Task Pass Wait Parallel Map", None),
    ("Assign", "Task Pass Choice Wait Parallel Map", None),
    ("Retry", "Task Parallel Map", None),
    ("Catch", "Task Parallel Map", None),
    ("InputPath", "Task Pass Choice Wait Succeed Parallel Map", PATH),
    ("OutputPath", "Task Pass Choice Wait Succeed Parallel Map", PATH),
    ("Parameters", "Task Pass Parallel Map", PATH),
    ("ResultSelector", "Task Parallel Map", PATH),
    ("ResultPath", "Task Pass Parallel Map", PATH),
    ("Arguments", "Task Parallel", JSONATA),
    ("Output", "Task Pass Choice Wait Succeed Parallel Map", JSONATA),
    ("Resource", "Task", None),
    ("Credentials", "Task", None),
    ("TimeoutSeconds", "Task", None),
    ("TimeoutSecondsPath", "Task", PATH),
    ("HeartbeatSeconds", "Task", None),
    ("HeartbeatSecondsPath", "Task", PATH),
    ("Result", "Pass", PATH),
    ("Choices", "Choice", None),
    ("Default", "Choice", None),
    ("Seconds", "Wait", None),
    ("SecondsPath", "Wait", PATH),
    ("Timestamp", "Wait", None),
    ("TimestampPath", "Wait", PATH),
    ("Error", "Fail", None),
    ("ErrorPath", "Fail", PATH),
    ("Cause", "Fail", None),
    ("CausePath", "Fail", PATH),
    ("Branches", "Parallel", None),
    ("ItemProcessor", "Map", None),
    ("Iterator", "Map", None),
    ("Items", "Map", JSONATA),
    ("ItemsPath", "Map", PATH),
    ("ItemSelector", "Map", None),
    ("ItemReader", "Map", None),
    ("ItemBatcher", "Map", None),
    ("ResultWriter", "Map", None),
    ("MaxConcurrency", "Map", None),
    ("MaxConcurrencyPath", "Map", PATH),
    ("ToleratedFailurePercentage", "Map", None),
    ("ToleratedFailurePercentagePath", "Map", PATH),
    ("ToleratedFailureCount", "Map", None),
    ("ToleratedFailureCountPath", "Map", PATH),
    ("Label", "Map", None),
];

/// Returns the fields of a type of state.
pub(in crate::check) fn names(type_name: &str) -> impl Iterator<Item = &'static str> {
    FIELDS
        .iter()
        .filter(move |(_, types, _)| types.split(' ').any(|known| known == type_name))
        .map(|(name, ..)| *name)
}

/// Returns the language that a field belongs to; `None` if it is a field of both.
pub(in crate::check) fn language(name: &str) -> Option<Language> {
    FIELDS.iter().find(|(known, ..)| *known == name).and_then(|(_, _, language)| *language)
}

/// Returns the fields of an entry of `Retry` or `Catch`.
pub(in crate::check) fn of_handlers(list: &str) -> &'static [&'static str] {
    match list {
        "Retry" => &[
            "ErrorEquals",
            "IntervalSeconds",
            "MaxAttempts",
            "BackoffRate",
            "MaxDelaySeconds",
            "JitterStrategy",
            "Comment",
        ],
        _ => &["ErrorEquals", "Next", "ResultPath", "Output", "Assign", "Comment"],
    }
}

/// The operand of a comparison in a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Operand {
    String,
    Number,
    Boolean,
    Timestamp,
    /// A path to what the variable is compared with.
    Path,
}

/// Returns the kind of operand of a comparison; `None` if there is no such comparison.
pub(in crate::check) fn comparison(name: &str) -> Option<Operand> {
    const TESTS: [&str; 6] = ["IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"];
    const ORDERS: [&str; 5] = ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"];
    if TESTS.contains(&name) {
        return Some(Operand::Boolean);
    }
    if name == "StringMatches" {
        return Some(Operand::String);
    }
    let (plain, is_path) = name.strip_suffix("Path").map_or((name, false), |plain| (plain, true));
    let kinds = [
        ("String", Operand::String),
        ("Numeric", Operand::Number),
        ("Timestamp", Operand::Timestamp),
        ("Boolean", Operand::Boolean),
    ];
    let (order, operand) =
        kinds.into_iter().find_map(|(kind, operand)| Some((plain.strip_prefix(kind)?, operand)))?;
    let exists = ORDERS.contains(&order) && (operand != Operand::Boolean || order == "Equals");
    exists.then_some(if is_path { Operand::Path } else { operand })
}

/// Returns every comparison, for the nearest name.
pub(in crate::check) fn comparisons() -> impl Iterator<Item = String> {
    let kinds = ["String", "Numeric", "Timestamp", "Boolean"];
    let orders = ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"];
    let made = kinds.into_iter().flat_map(move |kind| {
        orders.into_iter().flat_map(move |order| [format!("{kind}{order}"), format!("{kind}{order}Path")])
    });
    let more = ["StringMatches", "IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"];
    made.chain(more.map(str::to_owned)).filter(|name| comparison(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_fields() {
        let has = |type_name: &str, field: &str| names(type_name).any(|name| name == field);
        assert!(has("Task", "Arguments") && has("Fail", "CausePath") && has("Map", "Label"));
        assert!(!has("Pass", "Retry") && !has("Succeed", "Assign") && !has("Choice", "Next"));
        assert_eq!(language("Result"), Some(Language::JsonPath));
        assert_eq!(language("Retry"), None);
    }

    #[test]
    fn comparisons_take_what_they_are_named_after() {
        assert_eq!(comparison("NumericLessThanEquals"), Some(Operand::Number));
        assert_eq!(comparison("BooleanEqualsPath"), Some(Operand::Path));
        assert_eq!(comparison("IsPresent"), Some(Operand::Boolean));
        assert_eq!(comparison("BooleanLessThan"), None);
        assert_eq!(comparison("StringMatchesPath"), None);
        assert_eq!(comparisons().count(), 15 + 15 + 2 + 7);
    }
}
