//! The section `Rules`: the deployments that its assertions reject.

use serde_json::Value as JsonValue;
use stackwright_synth::Template;

use super::{Decision, Given, Scenario};
use crate::check::resolve::Resolver;
use crate::check::value::{function, shown};

/// Returns whether the rules of a template allow a deployment. A rule that cannot be evaluated allows it.
pub(super) fn is_allowed(template: &Template, scenario: &Scenario<'_>) -> bool {
    let mut steps = 0;
    template.section("Rules").all(|(_, rule)| {
        let mut decision = Decision::new(template, scenario, &mut steps);
        let applies = rule.get("RuleCondition").is_none_or(|it| decision.evaluate(it) == Some(true));
        let mut assertions = rule["Assertions"].as_array().into_iter().flatten();
        !applies || !assertions.any(|assertion| decision.evaluate(&assertion["Assert"]) == Some(false))
    })
}

impl Decision<'_, '_> {
    /// Returns the result of a function of rules that compares with the members of a list; `None` if it is not known.
    pub(super) fn membership(&self, name: &str, arguments: &[&JsonValue]) -> Option<bool> {
        let [first, second] = arguments else { return None };
        match name {
            "Fn::Contains" => Some(self.members(first)?.contains(&self.member(second)?)),
            "Fn::EachMemberEquals" => {
                let wanted = self.member(second)?;
                Some(self.members(first)?.iter().all(|member| *member == wanted))
            }
            "Fn::EachMemberIn" => {
                let allowed = self.members(second)?;
                Some(self.members(first)?.iter().all(|member| allowed.contains(member)))
            }
            _ => None,
        }
    }

    /// Returns the text of a value. A parameter that has none of the values that are compared equals no text.
    fn member(&self, value: &JsonValue) -> Option<Option<String>> {
        if let Some(("Ref", JsonValue::String(name))) = function(value)
            && self.scenario.values.get(name.as_str()) == Some(&Given::Other)
        {
            return Some(None);
        }
        let resolved = Resolver::new(self.template, self.scenario).resolve(value);
        let is_scalar = resolved.is_string() || resolved.is_number() || resolved.is_boolean();
        is_scalar.then(|| Some(shown(&resolved)))
    }

    fn members(&self, list: &JsonValue) -> Option<Vec<Option<String>>> {
        let resolved = Resolver::new(self.template, self.scenario).resolve(list);
        resolved.as_array()?.iter().map(|member| self.member(member)).collect()
    }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::Environment;

    use super::super::scenarios;
    use super::*;

    fn values(rule: &str) -> Vec<(String, String)> {
        let text = format!(
            "
Parameters:
  A: {{Type: String, Default: x, AllowedValues: [x, y]}}
  B: {{Type: String, Default: x, AllowedValues: [x, y]}}
Rules:
  R: {rule}
"
        );
        let template = Template::read(&text).unwrap();
        let value = |scenario: &Scenario<'_>, name: &str| match &scenario.values[name] {
            Given::Value(value) => shown(value),
            Given::Other => "?".to_owned(),
        };
        let all = scenarios(&template, &Environment::default(), None).all;
        all.iter().map(|one| (value(one, "A"), value(one, "B"))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
    }

    #[test]
    fn a_deployment_that_a_rule_refuses_is_not_evaluated() {
        let found =
            values("{RuleCondition: !Equals [!Ref A, y], Assertions: [{Assert: !Equals [!Ref B, y]}]}");
        assert_eq!(found, pairs(&[("x", "x"), ("x", "y"), ("y", "y")]));
        let found = values("{Assertions: [{Assert: {'Fn::Contains': [[y], !Ref A]}}]}");
        assert_eq!(found, pairs(&[("y", "x")]));
        let found = values("{Assertions: [{Assert: {'Fn::EachMemberIn': [[!Ref A, !Ref B], [x, z]]}}]}");
        assert_eq!(found, pairs(&[("x", "x")]));
        let found = values("{Assertions: [{Assert: {'Fn::EachMemberEquals': [[!Ref A, !Ref B], y]}}]}");
        assert_eq!(found, pairs(&[("y", "y")]));
    }

    #[test]
    fn a_rule_that_cannot_be_evaluated_refuses_nothing() {
        let found =
            values("{Assertions: [{Assert: {'Fn::EachMemberIn': [{'Fn::ValueOfAll': [A, B]}, [x]]}}]}");
        assert!(found.len() > 1, "{found:?}");
        // If no deployment is left, the rules are not understood.
        assert_eq!(values("{Assertions: [{Assert: !Equals [a, b]}]}")[0], ("x".to_owned(), "x".to_owned()));
    }
}
