//! The section `Rules`: assertions about the values of parameters, which are checked before anything is created or updated
//! (CloudFormation User Guide, "Rules" and "AWS rule functions", read 2026-11-26).

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::evaluate::KNOWN_AFTER_APPLY;
use super::{StackTemplate, format_error, scalar_text, single};
use crate::api::error::ServiceError;

/// The maximum nesting depth of rule functions.
const MAX_DEPTH: usize = 50;

impl StackTemplate {
    /// Rejects values of parameters that an assertion does not allow. Returns the names of the rules that cannot be checked,
    /// because they depend on resources of the account.
    pub fn check_rules(&self, values: &IndexMap<String, Json>) -> Result<Vec<String>, ServiceError> {
        let mut unchecked = Vec::new();
        for (name, rule) in self.section("Rules") {
            let evaluation = Evaluation { template: self, values, rule: name };
            let condition = rule.get("RuleCondition").map(|one| evaluation.holds(one, 0)).transpose()?;
            if condition == Some(Some(false)) {
                continue;
            }
            let assertions =
                rule["Assertions"].as_array().filter(|all| !all.is_empty()).ok_or_else(|| {
                    evaluation
                        .malformed("every rule must contain an Assertions member with at least one assertion")
                })?;
            let mut is_checked = condition != Some(None);
            for assertion in assertions {
                let assert = assertion.get("Assert");
                let assert =
                    assert.ok_or_else(|| evaluation.malformed("every assertion needs an Assert member"))?;
                match evaluation.holds(assert, 0)? {
                    Some(false) if condition != Some(None) => {
                        let description =
                            assertion["AssertDescription"].as_str().unwrap_or("an assertion is false");
                        // The text that CloudFormation adds before the description is not documented.
                        return Err(ServiceError::validation(format!(
                            "Template error: the rule {name} is not satisfied: {description}"
                        )));
                    }
                    Some(_) => {}
                    None => is_checked = false,
                }
            }
            if !is_checked {
                unchecked.push(name.to_owned());
            }
        }
        Ok(unchecked)
    }
}

/// The evaluation of one rule.
struct Evaluation<'a> {
    template: &'a StackTemplate,
    values: &'a IndexMap<String, Json>,
    rule: &'a str,
}

/// The value; `None` if it depends on resources of the account.
type Known = Option<Json>;

impl Evaluation<'_> {
    fn malformed(&self, what: &str) -> ServiceError {
        format_error(format!("Rules/{}: {what}", self.rule))
    }

    /// Returns whether a condition is true; `None` if it depends on resources of the account.
    fn holds(&self, value: &Json, depth: usize) -> Result<Option<bool>, ServiceError> {
        let Some(value) = self.value(value, depth)? else { return Ok(None) };
        match &value {
            Json::Bool(holds) => Ok(Some(*holds)),
            Json::String(text) if text == "true" || text == "false" => Ok(Some(text == "true")),
            other => Err(self.malformed(&format!("{other} is not a condition"))),
        }
    }

    fn value(&self, value: &Json, depth: usize) -> Result<Known, ServiceError> {
        if depth > MAX_DEPTH {
            return Err(self.malformed("its functions are nested too deeply"));
        }
        match value {
            Json::Object(map) => match single(map) {
                Some((name, argument)) => self.function(name, argument, depth + 1),
                None => Err(self.malformed("an object is not a function")),
            },
            Json::Array(items) => {
                let items: Result<Vec<Known>, _> =
                    items.iter().map(|one| self.value(one, depth + 1)).collect();
                Ok(items?.into_iter().collect::<Option<Vec<Json>>>().map(Json::Array))
            }
            Json::String(text) if text.contains(KNOWN_AFTER_APPLY) => Ok(None),
            scalar => Ok(Some(scalar.clone())),
        }
    }

    fn function(&self, name: &str, argument: &Json, depth: usize) -> Result<Known, ServiceError> {
        match name {
            "Ref" => self.reference(argument),
            // The results of these functions depend on the account.
            "Fn::RefAll" | "Fn::ValueOf" | "Fn::ValueOfAll" => Ok(None),
            "Fn::Not" => {
                let [one] = self.arguments(name, argument)?;
                Ok(self.holds(one, depth)?.map(|holds| Json::from(!holds)))
            }
            "Fn::And" | "Fn::Or" => self.all_or_any(name == "Fn::And", name, argument, depth),
            "Fn::Equals" => {
                let [one, other] = self.arguments(name, argument)?;
                let (one, other) = (self.value(one, depth)?, self.value(other, depth)?);
                Ok(one.zip(other).map(|(one, other)| Json::from(texts(&one) == texts(&other))))
            }
            "Fn::Contains" => self.compare(name, argument, depth, |list, value| {
                value.first().is_some_and(|value| list.contains(value))
            }),
            "Fn::EachMemberEquals" => self.compare(name, argument, depth, |list, value| {
                value.first().is_some_and(|value| list.iter().all(|one| one == value))
            }),
            "Fn::EachMemberIn" => {
                self.compare(name, argument, depth, |list, among| list.iter().all(|one| among.contains(one)))
            }
            other => Err(self.malformed(&format!(
                "the function {other} cannot be used in a rule. The functions of rules are Fn::And, Fn::Contains, \
                 Fn::EachMemberEquals, Fn::EachMemberIn, Fn::Equals, Fn::Not, Fn::Or, Fn::RefAll, Fn::ValueOf, Fn::ValueOfAll and \
                 Ref"
            ))),
        }
    }

    fn reference(&self, argument: &Json) -> Result<Known, ServiceError> {
        let name = argument.as_str().unwrap_or_default();
        if let Some(value) = self.values.get(name) {
            return Ok((!value.to_string().contains(KNOWN_AFTER_APPLY)).then(|| value.clone()));
        }
        // A pseudo parameter of the stack, such as `AWS::StackName`, has no value yet.
        if name.starts_with("AWS::") || self.template.section("Parameters").any(|(known, _)| known == name) {
            return Ok(None);
        }
        Err(self.malformed(&format!("Ref names {name}, which is not a parameter")))
    }

    fn all_or_any(
        &self,
        is_all: bool,
        name: &str,
        argument: &Json,
        depth: usize,
    ) -> Result<Known, ServiceError> {
        let conditions = argument.as_array().filter(|all| (2..=10).contains(&all.len()));
        let conditions =
            conditions.ok_or_else(|| self.malformed(&format!("{name} takes 2 to 10 conditions")))?;
        let (mut is_known, mut decided) = (true, false);
        for one in conditions {
            match self.holds(one, depth)? {
                Some(holds) => decided |= holds != is_all,
                None => is_known = false,
            }
        }
        Ok((decided || is_known).then(|| Json::from(decided != is_all)))
    }

    /// Evaluates a function of a list and of a value or a second list.
    fn compare(
        &self,
        name: &str,
        argument: &Json,
        depth: usize,
        holds: impl Fn(&[String], &[String]) -> bool,
    ) -> Result<Known, ServiceError> {
        let [list, other] = self.arguments(name, argument)?;
        let (list, other) = (self.value(list, depth)?, self.value(other, depth)?);
        Ok(list.zip(other).map(|(list, other)| Json::from(holds(&texts(&list), &texts(&other)))))
    }

    fn arguments<'j, const N: usize>(
        &self,
        name: &str,
        argument: &'j Json,
    ) -> Result<&'j [Json; N], ServiceError> {
        let found = argument.as_array().and_then(|all| all.as_slice().try_into().ok());
        found.ok_or_else(|| self.malformed(&format!("{name} takes a list of {N} values")))
    }
}

/// Returns a scalar, or the items of a list, as strings.
fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        scalar => vec![scalar_text(scalar)],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(rule: Json, values: &[(&str, Json)]) -> Result<Vec<String>, String> {
        let template = json!({ "Rules": { "Rule": rule } }).to_string();
        let template = StackTemplate::read(&template).unwrap();
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        template.check_rules(&values).map_err(|error| error.message)
    }

    fn asserts(assert: Json) -> Json {
        json!({ "Assertions": [{ "Assert": assert, "AssertDescription": "choose another value" }] })
    }

    #[test]
    fn every_function_decides() {
        let values = [("Size", json!("large")), ("Zones", json!(["a", "b"]))];
        let zones = json!({ "Ref": "Zones" });
        for (assert, holds) in [
            (json!({ "Fn::Equals": [{ "Ref": "Size" }, "large"] }), true),
            (json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": "Size" }, "large"] }] }), false),
            (json!({ "Fn::Contains": [["small", "large"], { "Ref": "Size" }] }), true),
            (json!({ "Fn::Contains": [["small"], { "Ref": "Size" }] }), false),
            (json!({ "Fn::EachMemberEquals": [zones, "a"] }), false),
            (json!({ "Fn::EachMemberEquals": [["a", "a"], "a"] }), true),
            (json!({ "Fn::EachMemberIn": [zones, ["a", "b", "c"]] }), true),
            (json!({ "Fn::EachMemberIn": [zones, ["a"]] }), false),
            (json!({ "Fn::And": [{ "Fn::Equals": ["1", 1] }, { "Fn::Equals": ["1", 2] }] }), false),
            (json!({ "Fn::Or": [{ "Fn::Equals": ["1", 1] }, { "Fn::Equals": ["1", 2] }] }), true),
        ] {
            match checked(asserts(assert.clone()), &values) {
                Ok(unchecked) => assert!(holds && unchecked.is_empty(), "{assert}"),
                Err(message) => {
                    assert!(!holds && message.contains("choose another value"), "{assert} {message}")
                }
            }
        }
    }

    #[test]
    fn a_rule_whose_condition_is_false_does_not_apply() {
        let mut rule = asserts(json!({ "Fn::Equals": ["a", "b"] }));
        rule["RuleCondition"] = json!({ "Fn::Equals": [{ "Ref": "Stage" }, "prod"] });
        assert!(checked(rule.clone(), &[("Stage", json!("test"))]).is_ok());
        assert!(checked(rule, &[("Stage", json!("prod"))]).is_err());
    }

    #[test]
    fn rules_about_resources_of_the_account_are_reported_as_assumptions() {
        let account = json!({ "Fn::EachMemberIn": [{ "Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"] }, { "Fn::RefAll": "AWS::EC2::VPC::Id" }] });
        assert_eq!(checked(asserts(account.clone()), &[]).unwrap(), ["Rule"]);
        // A known part can decide the result even if another part is not known.
        let both = json!({ "Fn::And": [account, { "Fn::Equals": ["a", "b"] }] });
        assert!(checked(asserts(both), &[]).is_err());
        let later = [("Name", json!(KNOWN_AFTER_APPLY))];
        assert_eq!(
            checked(asserts(json!({ "Fn::Equals": [{ "Ref": "Name" }, "x"] })), &later).unwrap(),
            ["Rule"]
        );
    }

    #[test]
    fn malformed_rules_are_refused() {
        let mut deep = json!({ "Fn::Equals": [1, 1] });
        for _ in 0..55 {
            deep = json!({ "Fn::Not": [deep] });
        }
        for (rule, words) in [
            (json!({}), "Assertions"),
            (json!({ "Assertions": [{}] }), "Assert member"),
            (asserts(json!({ "Fn::If": ["C", true, false] })), "Fn::If cannot be used in a rule"),
            (asserts(json!({ "Fn::Equals": [1] })), "Fn::Equals takes a list of 2 values"),
            (
                asserts(json!({ "Fn::Equals": [{ "Ref": "Nothing" }, 1] })),
                "Nothing, which is not a parameter",
            ),
            (asserts(json!("perhaps")), "is not a condition"),
            (asserts(deep), "nested too deeply"),
        ] {
            let message = checked(rule, &[]).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }
}
