//! Evaluates stack policies: which updates of which resources they allow.

use serde_json::Value as Json;

use crate::api::error::ServiceError;
use crate::state::{Change, ChangeAction, Replacement};

/// Rejects changes that a stack policy does not allow. Without a policy, all changes are allowed.
pub(super) fn check(policy: Option<&str>, changes: &[Change]) -> Result<(), ServiceError> {
    let Some(policy) = policy.and_then(|text| serde_json::from_str::<Json>(text).ok()) else { return Ok(()) };
    let statements = match &policy["Statement"] {
        Json::Array(all) => all.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    };
    for change in changes {
        let Some(action) = action_of(change) else { continue };
        let resource = format!("LogicalResourceId/{}", change.logical_id);
        let request = Request { action, resource: &resource, type_name: &change.type_name };
        if let Some(denied) = request.denied_by(&statements) {
            return Err(ServiceError::validation(format!(
                "Action denied by stack policy: Statement [{denied}] does not allow [{action}] for resource [{resource}]"
            )));
        }
    }
    Ok(())
}

/// Rejects a document that is not a stack policy.
pub(super) fn validate(policy: &str) -> Result<(), ServiceError> {
    let invalid = |what: &str| ServiceError::validation(format!("Error validating stack policy: {what}"));
    let document: Json = serde_json::from_str(policy).map_err(|error| invalid(&error.to_string()))?;
    let statements = match &document["Statement"] {
        Json::Array(all) => all.as_slice(),
        one @ Json::Object(_) => std::slice::from_ref(one),
        _ => return Err(invalid("Statement is missing")),
    };
    for statement in statements {
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return Err(invalid("Effect has to be Allow or Deny"));
        }
        if statement.get("Action").is_none() && statement.get("NotAction").is_none() {
            return Err(invalid("Action or NotAction is missing"));
        }
        if statement["Principal"] != "*" {
            return Err(invalid("Principal has to be *"));
        }
    }
    Ok(())
}

fn action_of(change: &Change) -> Option<&'static str> {
    match (&change.action, &change.replacement) {
        (ChangeAction::Remove, _) => Some("Update:Delete"),
        (ChangeAction::Modify, Some(Replacement::Yes)) => Some("Update:Replace"),
        (ChangeAction::Modify, _) => Some("Update:Modify"),
        _ => None,
    }
}

/// A change, with the members on which a policy can decide.
struct Request<'a> {
    action: &'a str,
    resource: &'a str,
    type_name: &'a str,
}

impl Request<'_> {
    /// Returns the statement that denies the change, by its number or its `Sid`. If no statement denies or allows the change, it
    /// is `#1`, as CloudFormation reports it.
    fn denied_by(&self, statements: &[Json]) -> Option<String> {
        let name = |(number, statement): (usize, &Json)| {
            statement["Sid"].as_str().map_or_else(|| format!("#{}", number + 1), str::to_owned)
        };
        let with_effect = |effect: &str| {
            statements
                .iter()
                .enumerate()
                .filter(|(_, one)| self.is_in(one))
                .find(|(_, one)| one["Effect"] == effect)
        };
        match (with_effect("Deny"), with_effect("Allow")) {
            (Some(denied), _) => Some(name(denied)),
            (None, Some(_)) => None,
            (None, None) => Some("#1".to_owned()),
        }
    }

    /// Returns whether a statement applies to the change.
    fn is_in(&self, statement: &Json) -> bool {
        let among = |name: &str, wanted: &str| {
            let not = format!("Not{name}");
            match (statement.get(name), statement.get(&not)) {
                (Some(value), _) => any_matches(value, wanted),
                (None, Some(value)) => !any_matches(value, wanted),
                (None, None) => name == "Resource",
            }
        };
        among("Action", self.action)
            && among("Resource", self.resource)
            && self.holds(&statement["Condition"])
    }

    /// Returns whether the conditions of a statement are true: they may compare the resource's type.
    fn holds(&self, condition: &Json) -> bool {
        condition.as_object().into_iter().flatten().all(|(operator, keys)| {
            keys.as_object().into_iter().flatten().all(|(key, value)| {
                let is_type = key.eq_ignore_ascii_case("ResourceType");
                match operator.as_str() {
                    "StringEquals" => is_type && any_equals(value, self.type_name),
                    "StringLike" => is_type && any_matches(value, self.type_name),
                    "StringNotEquals" => is_type && !any_equals(value, self.type_name),
                    "StringNotLike" => is_type && !any_matches(value, self.type_name),
                    _ => false,
                }
            })
        })
    }
}

fn texts(value: &Json) -> impl Iterator<Item = &str> {
    let all = match value {
        Json::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    all.iter().filter_map(Json::as_str)
}

fn any_equals(value: &Json, name: &str) -> bool {
    texts(value).any(|text| text == name)
}

fn any_matches(value: &Json, name: &str) -> bool {
    texts(value).any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
}

/// Returns whether a pattern with `*` and `?` matches a name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut within, mut star) = (0, 0, None);
    while within < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, within));
                at += 1;
            }
            Some(one) if *one == b'?' || *one == name[within] => {
                at += 1;
                within += 1;
            }
            _ => match star {
                Some((position, consumed)) => {
                    at = position + 1;
                    within = consumed + 1;
                    star = Some((position, consumed + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|one| *one == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn denied(policy: Json, replacement: Replacement) -> String {
        let change = Change {
            replacement: Some(replacement),
            ..Change::of(ChangeAction::Modify, "Database", "AWS::RDS::DBInstance")
        };
        let text = policy.to_string();
        check(Some(&text), &[change]).map_or_else(|error| error.message, |()| String::new())
    }

    fn policy(statements: Json) -> Json {
        json!({ "Statement": statements })
    }

    #[test]
    fn a_denial_names_its_statement() {
        let allow = json!({ "Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*" });
        let deny = json!({ "Effect": "Deny", "Action": ["Update:Replace"], "Principal": "*", "Resource": "LogicalResourceId/Data*" });
        let both = policy(json!([allow, deny]));
        assert_eq!(denied(both.clone(), Replacement::No), "");
        let message = denied(both, Replacement::Yes);
        assert!(
            message.contains(
                "Statement [#2] does not allow [Update:Replace] for resource [LogicalResourceId/Database]"
            ),
            "{message}"
        );
        assert!(denied(policy(json!([])), Replacement::No).contains("Statement [#1]"));
    }

    #[test]
    fn negations_and_conditions_are_read() {
        let allow = json!({ "Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*" });
        let except = json!({ "Sid": "KeepDatabases", "Effect": "Deny", "NotAction": "Update:Modify", "Principal": "*", "Resource": "*",
            "Condition": { "StringLike": { "ResourceType": ["AWS::RDS::*"] } } });
        let both = policy(json!([allow, except]));
        assert_eq!(denied(both.clone(), Replacement::No), "");
        assert!(denied(both, Replacement::Yes).contains("Statement [KeepDatabases]"));
        let others = json!({ "Effect": "Allow", "Action": "Update:*", "Principal": "*", "NotResource": "LogicalResourceId/Data*" });
        assert!(!denied(policy(json!([others])), Replacement::No).is_empty());
        let unlike = json!({ "Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*",
            "Condition": { "StringNotEquals": { "ResourceType": "AWS::RDS::DBInstance" } } });
        assert!(!denied(policy(unlike), Replacement::No).is_empty());
    }

    #[test]
    fn patterns_have_stars_anywhere() {
        assert!(matches(b"A*C?E", b"AxxCdE") && matches(b"*", b"") && matches(b"**a", b"xa"));
        assert!(!matches(b"A*C", b"AB") && !matches(b"", b"a"));
    }
}
