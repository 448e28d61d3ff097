//! The names that a template refers to, as it is written.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value as JsonValue;
use stackwright_synth::Template;
use stackwright_synth::pointer;

use super::findings::Findings;
use super::value::{below, children, one_or_many};
use super::view::{View, is_transformed, references};

/// Every use of a name in a template.
pub(crate) struct Written<'a> {
    pub uses: Vec<Use<'a>>,
    /// Whether a name of a condition is put together when the template is deployed.
    pub computes_conditions: bool,
    /// Whether a name of a mapping is put together when the template is deployed.
    pub computes_mappings: bool,
}

/// A use of a name.
pub(crate) struct Use<'a> {
    pub kind: Kind<'a>,
    pub name: &'a str,
    pub pointer: String,
}

/// The kind of item that a name identifies.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    Ref,
    Attribute(Cow<'a, str>),
    DependsOn,
    Condition,
    Mapping,
}

impl Use<'_> {
    /// Returns the logical ID of the resource that contains the value.
    pub fn resource(&self) -> Option<&str> {
        self.pointer.strip_prefix("/Resources/")?.split('/').next()
    }
}

impl<'a> Written<'a> {
    pub fn of(template: &'a Template) -> Self {
        let mut uses = Vec::new();
        for section in ["Globals", "Conditions", "Resources", "Outputs", "Rules", "Hooks"] {
            for (id, value) in template.section(section) {
                let mut pointer = pointer::of([section, id]);
                let at = |step: &str| format!("{pointer}/{step}");
                if let Some(name) = value["Condition"].as_str().filter(|_| section != "Rules") {
                    uses.push(Use { kind: Kind::Condition, name, pointer: at("Condition") });
                }
                for (number, name) in one_or_many(&value["DependsOn"]).enumerate() {
                    let step = if value["DependsOn"].is_array() {
                        format!("DependsOn/{number}")
                    } else {
                        "DependsOn".into()
                    };
                    if let Some(name) = name.as_str().filter(|_| section == "Resources") {
                        uses.push(Use { kind: Kind::DependsOn, name, pointer: at(&step) });
                    }
                }
                named(value, &mut pointer, section == "Conditions", &mut uses);
                references(value, &mut pointer, &mut |name, attribute, pointer| {
                    let kind = attribute.map_or(Kind::Ref, Kind::Attribute);
                    uses.push(Use { kind, name, pointer: pointer.to_owned() });
                });
            }
        }
        if let Some(transform) = template.sections().get("Transform") {
            references(transform, &mut "/Transform".to_owned(), &mut |name, _, pointer| {
                uses.push(Use { kind: Kind::Ref, name, pointer: pointer.to_owned() });
            });
        }
        let computes =
            |function: &str| template.sections().values().any(|section| computes_name(section, function));
        let computes_conditions = computes("Fn::If") || super::view::loops(template);
        Self { uses, computes_conditions, computes_mappings: computes("Fn::FindInMap") }
    }
}

/// Conditions and mappings that functions name.
fn named<'a>(value: &'a JsonValue, pointer: &mut String, in_condition: bool, uses: &mut Vec<Use<'a>>) {
    for (step, inner) in children(value) {
        if !inner.is_object() && !inner.is_array() && !inner.is_string() {
            continue;
        }
        let first = inner.get(0).and_then(JsonValue::as_str);
        let used = match step.as_ref() {
            "Fn::If" => first.map(|name| (Kind::Condition, name)),
            "Fn::FindInMap" => first.map(|name| (Kind::Mapping, name)),
            "Condition" if in_condition => inner.as_str().map(|name| (Kind::Condition, name)),
            _ => None,
        };
        if let Some((kind, name)) = used {
            uses.push(Use { kind, name, pointer: pointer.clone() });
        }
        below(pointer, &step, |pointer| named(inner, pointer, in_condition, uses));
    }
}

impl Written<'_> {
    /// Returns whether a resource is created after another one: it refers to it or names it in `DependsOn`, or does so through
    /// others.
    pub fn waits(&self, from: &str, to: &str) -> bool {
        let mut visited = HashSet::from([from]);
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            for one in self.uses.iter().filter(|one| one.resource() == Some(id)) {
                if !matches!(one.kind, Kind::Ref | Kind::Attribute(_) | Kind::DependsOn) {
                    continue;
                }
                if one.name == to {
                    return true;
                }
                if visited.insert(one.name) {
                    open.push(one.name);
                }
            }
        }
        false
    }
}

/// Returns whether the name that a function takes first is anything but a constant.
fn computes_name(value: &JsonValue, function: &str) -> bool {
    children(value).any(|(step, inner)| {
        step == function && inner.get(0).is_some_and(|name| !name.is_string())
            || computes_name(inner, function)
    })
}

/// Returns whether a section has an entry.
pub(crate) fn has(template: &Template, section: &str, name: &str) -> bool {
    template.sections().get(section).is_some_and(|entries| entries.get(name).is_some())
}

/// Warns of the entries of a section that nothing uses.
pub(crate) fn unused(
    view: &View<'_>,
    findings: &mut Findings<'_, '_, '_>,
    section: &str,
    what: &str,
    is_use: impl Fn(&Kind<'_>) -> bool,
) {
    let template = view.template();
    if template.section(section).next().is_none() || is_transformed(template) {
        return;
    }
    let written = view.written();
    let is_computed = section == "Conditions" && written.computes_conditions
        || section == "Mappings" && written.computes_mappings;
    if is_computed {
        return;
    }
    let uses = written.uses.iter().filter(|one| is_use(&one.kind));
    let used: HashSet<&str> = uses.map(|one| one.name).collect();
    for (name, _) in template.section(section).filter(|(name, _)| !name.starts_with("Fn::")) {
        if !used.contains(name) {
            let message = format!("nothing uses the {what} `{name}`");
            findings.add_written(None, pointer::of([section, name]), message, "remove it");
        }
    }
}
