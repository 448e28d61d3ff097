//! Updates that a service rejects although the registry's schema allows them. The rules are data, see
//! [`stackwright_schemas::refused_updates`].

use serde_json::{Map, Value as Json};
use stackwright_schemas::refused_updates::{RefusedUpdate, refused_updates};

use crate::state::{Environment, Failure, Resource, State};
use crate::template::{is_custom, scalar_text};

/// Returns the reason why the service rejects an update of a resource to other properties; `None` if it accepts the update.
pub(super) fn refused_update(
    state: &State,
    environment: Environment<'_>,
    present: &Resource,
    after: &Map<String, Json>,
) -> Option<Failure> {
    let update = Update { state, environment, present, after };
    let message = refused_updates(&present.type_name).find_map(|rule| update.refused_by(rule))?;
    // A custom resource has no handler of the registry: CloudFormation itself rejects the update.
    Some(if is_custom(&present.type_name) { Failure::Plain(message) } else { Failure::Handler(message) })
}

struct Update<'a> {
    state: &'a State,
    environment: Environment<'a>,
    present: &'a Resource,
    after: &'a Map<String, Json>,
}

impl<'a> Update<'a> {
    /// Returns the message of a rule that rejects the update.
    fn refused_by(&self, rule: &RefusedUpdate) -> Option<String> {
        let (before, after) = (self.present.live.get(&rule.property)?, self.after.get(&rule.property)?);
        if before == after {
            return None;
        }
        let Some(list) = &rule.list else {
            return self.applies(rule, &Json::Null).then(|| self.filled(&rule.message, &Json::Null));
        };
        let (before, after) = (self.items(rule, before, list)?, self.items(rule, after, list)?);
        let changed = before.iter().find(|item| {
            let same = after.iter().find(|other| other[&rule.key] == item[&rule.key]);
            same.is_none_or(|other| other[&rule.member] != item[&rule.member]) && self.applies(rule, item)
        })?;
        Some(self.filled(&rule.message, changed))
    }

    /// Returns the items that a rule compares.
    fn items(&self, rule: &RefusedUpdate, value: &Json, list: &str) -> Option<&'a [Json]> {
        let owner = match &rule.through {
            None => self.present,
            Some(through) => self.resources(&through.type_name).find(|one| {
                one.physical_id == scalar_text(value)
                    || one.live.get(&through.property).or_else(|| one.attributes.get(&through.property))
                        == Some(value)
            })?,
        };
        owner.live.get(list)?.as_array().map(Vec::as_slice)
    }

    /// Returns whether the resource exists on which the rule depends: without it, the rule does not apply.
    fn applies(&self, rule: &RefusedUpdate, item: &Json) -> bool {
        let Some(other) = &rule.while_exists else { return true };
        let value = self.filled(&other.value, item);
        self.resources(&other.type_name)
            .any(|one| one.live.get(&other.property).is_some_and(|there| *there == value))
    }

    fn resources<'s>(&'s self, type_name: &'s str) -> impl Iterator<Item = &'a Resource> + use<'a, 's> {
        let environment = self.environment;
        let stacks =
            self.state.stacks.iter().filter(move |one| !one.is_deleted() && one.environment() == environment);
        // A resource that an update replaces exists until the update is complete.
        let leaving = |stack: &'a crate::state::Stack| stack.operation.iter().flat_map(|one| &one.leftovers);
        stacks
            .flat_map(move |stack| stack.resources.values().chain(leaving(stack)))
            .filter(move |one| one.type_name == type_name)
    }

    /// Returns a message in which the placeholders are replaced by values of the item and of the resource.
    fn filled(&self, text: &str, item: &Json) -> String {
        let mut filled = text.to_owned();
        let members = item.as_object().into_iter().flatten();
        let own = self.present.live.iter().chain(&self.present.attributes);
        for (name, value) in members.chain(own) {
            filled = filled.replace(&format!("{{{name}}}"), &scalar_text(value));
        }
        filled
    }
}
