//! The chain of replacements: a resource that refers to a replaced resource gets another value.

use std::collections::BTreeMap;

use stackwright_schemas::consequence::Consequence;
use stackwright_schemas::registry;
use stackwright_synth::function::references;

use super::consequence;
use super::model::{Because, PropertyChange, Recreation, ResourceAction, ResourceChange};
use super::path;
use super::resource::{Sides, of};

/// A reference from a resource to another resource, to a parameter or to an export.
pub(crate) struct Use {
    pub user: String,
    pub pointer: String,
}

/// Adds what follows from replacements to the changes, for resources that are written as before too.
pub(crate) fn follow(sides: &Sides<'_>, changes: &mut Vec<ResourceChange>) {
    let mut open: Vec<String> =
        changes.iter().filter(|change| is_replaced(change)).map(|it| it.logical_id.clone()).collect();
    if open.is_empty() {
        return;
    }
    let uses = uses(sides);
    let mut done: BTreeMap<String, Consequence> = BTreeMap::new();
    while let Some(id) = open.pop() {
        let Some(consequence) = changes.iter().find(|it| it.logical_id == id).map(|it| it.consequence) else {
            continue;
        };
        // A resource is followed again if it turns out that it is replaced for certain.
        if done.get(&id).is_some_and(|before| *before <= consequence) {
            continue;
        }
        done.insert(id.clone(), consequence);
        let is_certain = consequence == Consequence::Replaced;
        for one in uses.get(id.as_str()).into_iter().flatten() {
            let before = changes.iter().find(|it| it.logical_id == one.user).map(|it| it.consequence);
            add(sides, changes, one, &id, is_certain);
            let now = changes.iter().find(|it| it.logical_id == one.user);
            if now.is_some_and(|now| is_replaced(now) && before != Some(now.consequence)) {
                open.push(one.user.clone());
            }
        }
    }
}

pub(crate) fn is_replaced(change: &ResourceChange) -> bool {
    matches!(change.consequence, Consequence::Replaced | Consequence::MayBeReplaced)
}

/// Returns every reference from the properties of a resource that is deployed, by what it refers to.
pub(crate) fn uses<'a>(sides: &Sides<'a>) -> BTreeMap<&'a str, Vec<Use>> {
    let mut found: BTreeMap<&str, Vec<Use>> = BTreeMap::new();
    for (user, body) in sides.after.template.resources() {
        if sides.after.is_deployed(body) == Some(false) {
            continue;
        }
        let Some(properties) = body.get("Properties") else { continue };
        references(properties, &mut String::new(), &mut |id, _, pointer| {
            if id != user {
                let one = Use { user: user.to_owned(), pointer: pointer.to_owned() };
                found.entry(id).or_default().push(one);
            }
        });
    }
    found
}

/// Adds what follows for a resource from the replacement of another one, which has this name in the result.
pub(crate) fn add(
    sides: &Sides<'_>,
    changes: &mut Vec<ResourceChange>,
    one: &Use,
    id: &str,
    is_certain: bool,
) {
    let Some(body) = sides.after.template.resource(&one.user) else { return };
    // A resource that the old template does not deploy is created: it has no value that could change.
    let old = sides.before.template.resource(&one.user);
    if old.is_none_or(|old| sides.before.is_deployed(old) == Some(false)) {
        return;
    }
    let resource_type = body["Type"].as_str().unwrap_or_default();
    let steps: Vec<String> = one
        .pointer
        .split('/')
        .skip(1)
        .take_while(|step| !step.starts_with("Fn::"))
        .map(|step| if step.parse::<usize>().is_ok() { "*".to_owned() } else { step.to_owned() })
        .collect();
    let recreation = match registry::resource_type(resource_type) {
        Some(kind) => consequence::at(kind, &steps.join("/")),
        None => Recreation::Never,
    };
    let recreation = if is_certain { recreation } else { recreation.min(Recreation::Conditionally) };
    let shown = path::of_pointer(&one.pointer, &body["Properties"]);
    let because = Because::Replacement(id.to_owned(), is_certain);
    let pointer = format!("/Resources/{}/Properties{}", one.user, one.pointer);
    let change = PropertyChange {
        path: shown.clone(),
        before: None,
        after: None,
        is_order: false,
        is_element: false,
        recreation,
        because: Some(because),
        location: sides.location(&pointer, true),
    };
    let at = changes.iter().position(|it| it.logical_id == one.user).unwrap_or_else(|| {
        changes.push(ResourceChange {
            location: sides.location(&format!("/Resources/{}", one.user), true),
            ..ResourceChange::new(&one.user, resource_type)
        });
        changes.len() - 1
    });
    let user = &mut changes[at];
    if !matches!(user.action, ResourceAction::Modified | ResourceAction::Moved) {
        return;
    }
    match user.properties.iter_mut().find(|known| known.path == shown) {
        // A cause that is known already is more exact than the fact that the value changes.
        Some(known) if known.because.is_none() => {}
        Some(known) if known.recreation < recreation || is_certain => *known = change,
        Some(_) => {}
        None => user.properties.push(change),
    }
    if user.consequence != Consequence::Refused {
        user.consequence = of(&user.properties, &user.attributes);
    }
}
