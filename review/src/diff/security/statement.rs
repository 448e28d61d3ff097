//! Statements of policies: the permissions that a change adds and removes.

use std::collections::BTreeSet;

use serde_json::Value as JsonValue;

use super::{Effect, SecurityChange, Subject, add};
use crate::diff::model::{ResourceAction, ResourceChange};
use crate::diff::node::variable;

/// The maximum number of single permissions of a statement; a statement with more is compared as a whole.
const MAX_ATOMS: usize = 4_096;

/// A statement of a policy, taken apart.
#[derive(Clone, Debug, PartialEq)]
struct Statement {
    path: String,
    allows: bool,
    principals: BTreeSet<String>,
    actions: BTreeSet<String>,
    resources: BTreeSet<String>,
    /// `NotAction`, `NotResource` and `NotPrincipal`, as they are written: they are compared as a whole.
    exceptions: BTreeSet<String>,
    conditions: BTreeSet<String>,
}

/// One permission: a principal, an action and a resource.
type Atom<'s> = (&'s str, &'s str, &'s str);

impl Statement {
    fn of(value: &JsonValue, path: &str) -> Option<Self> {
        let effect = value["Effect"].as_str()?;
        let mut exceptions = BTreeSet::new();
        for name in ["NotAction", "NotResource", "NotPrincipal"] {
            if let Some(exception) = value.get(name) {
                exceptions.insert(format!("{name} {}", listed(texts(exception, ""))));
            }
        }
        let conditions = value["Condition"].as_object().into_iter().flatten().flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, wanted)| format!("{operator} {key} {}", listed(texts(wanted, ""))))
        });
        Some(Self {
            path: path.to_owned(),
            allows: effect == "Allow",
            principals: texts(&value["Principal"], "").into_iter().map(account).collect(),
            actions: texts(&value["Action"], ""),
            resources: texts(&value["Resource"], ""),
            exceptions,
            conditions: conditions.collect(),
        })
    }

    fn atoms(&self) -> Option<Vec<Atom<'_>>> {
        let each = |set: &'_ BTreeSet<String>| set.len().max(1);
        if each(&self.principals) * each(&self.actions) * each(&self.resources) > MAX_ATOMS {
            return None;
        }
        let mut atoms = Vec::new();
        for principal in or_none(&self.principals) {
            for action in or_none(&self.actions) {
                atoms.extend(or_none(&self.resources).map(|resource| (principal, action, resource)));
            }
        }
        Some(atoms)
    }

    /// Returns whether this statement covers an atom of another one.
    fn covers(&self, other: &Self, (principal, action, resource): Atom<'_>) -> bool {
        self.allows == other.allows
            && self.exceptions == other.exceptions
            && self.conditions.is_subset(&other.conditions)
            && any(&self.principals, principal, false)
            && any(&self.actions, action, true)
            && any(&self.resources, resource, false)
    }
}

/// Returns the texts of a set; an empty one where there are none.
fn or_none(set: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    let none = set.is_empty().then_some("");
    none.into_iter().chain(set.iter().map(String::as_str))
}

fn any(patterns: &BTreeSet<String>, text: &str, ignores_case: bool) -> bool {
    if text.is_empty() {
        return patterns.is_empty();
    }
    patterns.iter().any(|pattern| {
        // The wildcard of a principal is a whole value and means everybody.
        if ignores_case {
            matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
        } else {
            matches(pattern, text)
        }
    })
}

/// Returns whether a text, which may hold wildcards itself, is all within a pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut behind) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while behind < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, behind));
                at += 1;
            }
            Some('?') if text[behind] != '*' => {
                at += 1;
                behind += 1;
            }
            Some(letter) if *letter == text[behind] => {
                at += 1;
                behind += 1;
            }
            _ => match star {
                Some((position, taken)) => {
                    star = Some((position, taken + 1));
                    at = position + 1;
                    behind = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// Returns every text of a value that is one, a list or a map of them; members of a map are `Service:name`.
fn texts(value: &JsonValue, prefix: &str) -> BTreeSet<String> {
    match value {
        JsonValue::Null => BTreeSet::new(),
        JsonValue::Array(items) => items.iter().flat_map(|item| texts(item, prefix)).collect(),
        JsonValue::Object(map)
            if variable(value).is_none() && !map.keys().any(|key| key.starts_with("Fn::")) =>
        {
            map.iter()
                .flat_map(|(name, inner)| match (name.as_str(), inner.as_array().map(Vec::as_slice)) {
                    // Both spellings mean everybody.
                    ("AWS", Some([JsonValue::String(all)])) if all == "*" => BTreeSet::from(["*".to_owned()]),
                    _ => texts(inner, &format!("{prefix}{name}:")),
                })
                .collect()
        }
        other => BTreeSet::from([format!("{prefix}{}", text(other))]),
    }
}

/// Returns a principal; the root of an account and the ID of the account are the same for IAM.
fn account(principal: String) -> String {
    let arn = principal.strip_prefix("AWS:arn:").and_then(|arn| arn.strip_suffix(":root"));
    match arn.and_then(|arn| arn.split_once(":iam::")) {
        Some((_, account)) => format!("AWS:{account}"),
        None => principal,
    }
}

/// Returns a value as it is written in an `Fn::Sub`.
fn text(value: &JsonValue) -> String {
    match variable(value) {
        Some(name) => format!("${{{name}}}"),
        None => match (&value["Fn::Sub"], value) {
            (JsonValue::String(format), _) | (_, JsonValue::String(format)) => format.clone(),
            (_, other) => other.to_string(),
        },
    }
}

fn listed(texts: BTreeSet<String>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(", ")
}

/// Collects every statement of every policy in a value.
fn statements(value: &JsonValue, path: &str, found: &mut Vec<Statement>) {
    match value {
        JsonValue::Object(map) => {
            for (name, inner) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if name == "Statement" {
                    let list = inner.as_array().map(Vec::as_slice).unwrap_or_default();
                    found.extend(list.iter().filter_map(|one| Statement::of(one, &path)));
                }
                statements(inner, &path, found);
            }
        }
        JsonValue::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let name = ["PolicyName", "Name"].iter().find_map(|key| inner[*key].as_str());
                let step = name.map_or_else(|| index.to_string(), str::to_owned);
                statements(inner, &format!("{path}[{step}]"), found);
            }
        }
        _ => {}
    }
}

/// A statement of a policy, as a row in a table of all permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Permission {
    /// The logical ID of the resource that holds the policy.
    pub logical_id: String,
    /// Whether the statement allows the actions (`Allow`); otherwise it denies them (`Deny`).
    pub allows: bool,
    /// The principals of the statement; empty in a policy of a role, a user or a group.
    pub principals: Vec<String>,
    /// The actions of the statement; `NotAction`, `NotResource` and `NotPrincipal` are added as they are written.
    pub actions: Vec<String>,
    /// The resources of the statement.
    pub resources: Vec<String>,
    /// The conditions of the statement.
    pub conditions: Vec<String>,
}

/// Returns every statement of the policies of a resource. JSON documents in `properties` have to be parsed already.
pub(super) fn permissions(logical_id: &str, properties: &JsonValue) -> Vec<Permission> {
    let mut found = Vec::new();
    statements(properties, "", &mut found);
    let list = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>();
    found
        .into_iter()
        .map(|statement| Permission {
            logical_id: logical_id.to_owned(),
            allows: statement.allows,
            principals: list(statement.principals),
            actions: list(statement.actions.into_iter().chain(statement.exceptions).collect()),
            resources: list(statement.resources),
            conditions: list(statement.conditions),
        })
        .collect()
}

/// Adds what policies of a resource allow more or less than before.
pub(super) fn compare(
    change: &ResourceChange,
    old: &JsonValue,
    new: &JsonValue,
    found: &mut Vec<SecurityChange>,
) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    statements(old, "", &mut before);
    statements(new, "", &mut after);
    for (these, those, is_new) in [(&after, &before, true), (&before, &after, false)] {
        for statement in these {
            if let Some(what) = uncovered(statement, those) {
                let effect = if statement.allows == is_new { Effect::Broadened } else { Effect::Narrowed };
                let words = match (statement.allows, is_new) {
                    (true, true) => "allows",
                    (true, false) => "no longer allows",
                    (false, true) => "denies",
                    (false, false) => "no longer denies",
                };
                add(
                    found,
                    change,
                    (Subject::Permissions, effect),
                    &statement.path,
                    format!("{words} {what}"),
                );
            }
        }
    }
    policies(change, old, new, found);
    if change.resource_type == "AWS::Lambda::Permission" && change.action != ResourceAction::Modified {
        let is_new = change.action == ResourceAction::Added;
        let value = if is_new { new } else { old };
        let effect = if is_new { Effect::Broadened } else { Effect::Narrowed };
        let words = if is_new { "allows" } else { "no longer allows" };
        let what = format!("{words} {} to {}", text(&value["Action"]), text(&value["Principal"]));
        add(found, change, (Subject::Permissions, effect), "Principal", what);
    }
}

/// Describes the part of a statement that no other statement covers.
fn uncovered(statement: &Statement, others: &[Statement]) -> Option<String> {
    let left: Vec<Atom<'_>> = match statement.atoms() {
        Some(atoms) => atoms
            .into_iter()
            .filter(|atom| !others.iter().any(|other| other.covers(statement, *atom)))
            .collect(),
        None if others
            .iter()
            .any(|other| Statement { path: statement.path.clone(), ..other.clone() } == *statement) =>
        {
            return None;
        }
        None => Vec::from([("", "more permissions than can be compared one by one", "")]),
    };
    if left.is_empty() {
        return None;
    }
    let part = |choose: fn(&Atom<'_>) -> String| {
        let texts: BTreeSet<String> = left.iter().map(choose).filter(|text| !text.is_empty()).collect();
        listed(texts)
    };
    let mut words = part(|atom| atom.1.to_owned());
    for exception in &statement.exceptions {
        words.push_str(&format!("{}{exception}", if words.is_empty() { "" } else { ", " }));
    }
    let (principals, resources) = (part(|atom| atom.0.to_owned()), part(|atom| atom.2.to_owned()));
    if !resources.is_empty() {
        words.push_str(&format!(" on {resources}"));
    }
    if !principals.is_empty() {
        words.push_str(&format!(" to {principals}"));
    }
    if !statement.conditions.is_empty() {
        words.push_str(&format!(" if {}", listed(statement.conditions.clone())));
    }
    Some(words)
}

/// Managed policies and permissions boundaries, which are named and not written out.
fn policies(change: &ResourceChange, old: &JsonValue, new: &JsonValue, found: &mut Vec<SecurityChange>) {
    let (before, after) = (texts(&old["ManagedPolicyArns"], ""), texts(&new["ManagedPolicyArns"], ""));
    let path = "ManagedPolicyArns";
    for arn in after.difference(&before) {
        let what = format!("allows what the policy {arn} allows");
        add(found, change, (Subject::Permissions, Effect::Broadened), path, what);
    }
    for arn in before.difference(&after) {
        let what = format!("no longer allows what the policy {arn} allows");
        add(found, change, (Subject::Permissions, Effect::Narrowed), path, what);
    }
    let path = "PermissionsBoundary";
    let (effect, what) = match (&old[path], &new[path]) {
        (one, other) if one == other => return,
        (JsonValue::Null, JsonValue::Null) => return,
        (JsonValue::Null, other) => (Effect::Narrowed, format!("is bounded by {}", text(other))),
        (one, JsonValue::Null) => (Effect::Broadened, format!("is no longer bounded by {}", text(one))),
        (one, other) => {
            (Effect::Changed, format!("is bounded by {}, no longer by {}", text(other), text(one)))
        }
    };
    if change.action == ResourceAction::Modified {
        add(found, change, (Subject::Permissions, effect), path, what);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_holds_the_patterns_within_it() {
        assert!(
            matches("s3:*", "s3:Get*")
                && matches("*", "a")
                && matches("a?c", "abc")
                && matches("a*c*", "abcd")
        );
        assert!(!matches("s3:Get*", "s3:*") && !matches("a?c", "a*c") && !matches("ab", "abc"));
    }

    #[test]
    fn a_statement_covers_its_own_permissions() {
        let of = |value: JsonValue| Statement::of(&value, "").unwrap();
        let wide = of(json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }));
        let narrow =
            of(json!({ "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/*"] }));
        assert_eq!(uncovered(&narrow, std::slice::from_ref(&wide)), None);
        assert_eq!(uncovered(&wide, std::slice::from_ref(&narrow)).as_deref(), Some("s3:* on *"));
        let bound = of(json!({
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": { "StringEquals": { "aws:SourceAccount": "1" } },
        }));
        assert_eq!(uncovered(&bound, std::slice::from_ref(&wide)), None);
        assert_eq!(
            uncovered(&of(json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" })), &[bound])
                .as_deref(),
            Some("s3:GetObject on *")
        );
    }
}
