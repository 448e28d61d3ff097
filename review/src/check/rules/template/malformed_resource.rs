//! `malformed-resource`

use serde_json::{Map, Value as JsonValue};
use stackwright_schemas::{attributes, nearest, sam};
use stackwright_synth::pointer;

use crate::check::findings::{Findings, rename};
use crate::check::rules::rule;
use crate::check::schema::faults;
use crate::check::value::{function, is_unresolved, one_or_many, shown};
use crate::check::view::{View, transforms};
use crate::globals;

rule! {
    /// A resource has no type, an attribute that resources do not have, or an attribute with a value that CloudFormation
    /// refuses.
    ///
    /// The attributes are `Condition`, `DependsOn`, `DeletionPolicy`, `UpdateReplacePolicy`, `CreationPolicy`,
    /// `UpdatePolicy`, `Metadata` and `Properties`.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template. The rule also reports a property that is beside `Properties` instead of
    /// inside of it.
    ///
    /// # How to fix
    ///
    /// Move properties into `Properties`. `Condition` and `DependsOn` take names, not functions. `DeletionPolicy` takes a
    /// function only with the transform `AWS::LanguageExtensions`, and `Snapshot` only for types that have snapshots.
    ///
    /// # Limitations
    ///
    /// Resources of other vendors are checked only for `Type`, `Condition` and `DependsOn`.
    Error "malformed-resource",
    source: "AWS CloudFormation Template Reference, \"Resource attribute reference\"",
    applies_to: [],
    check: Written(check),
}

const ATTRIBUTES: [&str; 9] = [
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
];

/// The types that `CreationPolicy` lets wait for signals.
const CREATED_WITH_SIGNALS: [&str; 4] = [
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::EC2::Instance",
    "AWS::CloudFormation::WaitCondition",
    "AWS::AppStream::Fleet",
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (id, body) in view.template().resources().filter(|(id, _)| !id.starts_with("Fn::")) {
        let at = pointer::of(["Resources", id]);
        let Some(attributes) = body.as_object() else {
            findings.add_written(Some(id), at, "a resource is an object with a `Type`", "");
            continue;
        };
        let is_transform = |value: &JsonValue| value.get("Fn::Transform").is_some();
        if is_transform(body) || is_transform(&body["Type"]) {
            continue;
        }
        let Some(type_name) = body["Type"].as_str() else {
            let (at, message) = match body.get("Type") {
                Some(_) => (format!("{at}/Type"), "the `Type` of a resource is a string"),
                None => (at, "the resource has no `Type`"),
            };
            findings.add_written(Some(id), at, message, "write `Type: AWS::Service::Type`");
            continue;
        };
        for (name, value) in attributes {
            if let Some((path, message, help)) = attribute_fault(view, type_name, name, value) {
                findings.add_below(Some(id), format!("{at}/{name}"), &path, message, help);
                let is_unknown = !ATTRIBUTES.contains(&name.as_str());
                findings.fix_last(rename(name, ATTRIBUTES.into_iter()).filter(|_| is_unknown));
            }
        }
    }
}

type Fault = (String, String, String);

fn fault(message: impl Into<String>, help: impl Into<String>) -> Option<Fault> {
    Some((String::new(), message.into(), help.into()))
}

/// Returns the problem of an attribute: the location below it, the message and the help.
fn attribute_fault(view: &View<'_>, type_name: &str, name: &str, value: &JsonValue) -> Option<Fault> {
    let is_module = type_name.ends_with("::MODULE");
    let is_of_aws = type_name.starts_with("AWS::") && !is_module;
    let is_custom = type_name.starts_with("Custom::") || type_name == "AWS::CloudFormation::CustomResource";
    match name {
        "Type" => None,
        "Condition" if !value.is_string() && !value.is_null() => fault(
            "`Condition` is the name of a condition",
            "define the condition in `Conditions` and name it here",
        ),
        "DependsOn" => depends_on(value),
        "Properties" if !value.is_object() && !value.is_null() => fault("`Properties` is an object", ""),
        "Metadata" if !value.is_object() && !value.is_null() => fault("`Metadata` is an object", ""),
        "DeletionPolicy" | "UpdateReplacePolicy" => policy(view, type_name, name, value),
        "CreationPolicy" | "UpdatePolicy" if is_module => {
            fault(format!("a module does not take `{name}`"), "set it on the resource inside of the module")
        }
        "CreationPolicy" if is_of_aws => creation_policy(view, type_name, value),
        "UpdatePolicy" if is_of_aws => update_policy(view, type_name, value),
        "Version" if is_custom => None,
        _ if is_module || !is_of_aws && !is_custom || ATTRIBUTES.contains(&name) || view.has_macro() => None,
        _ if name.starts_with("Fn::") => None,
        "IgnoreGlobals" if view.is_sam() => ignore_globals(view, type_name, value),
        // SAM ignores unknown attributes.
        _ if view.is_sam() && sam::properties(type_name).is_some() => None,
        _ => {
            let near = nearest(name, ATTRIBUTES.into_iter());
            let help = near.map_or("properties belong in `Properties`".to_owned(), |near| {
                format!("the most similar name is `{near}`; properties belong in `Properties`")
            });
            fault(format!("resources do not have the attribute `{name}`"), help)
        }
    }
}

/// The attribute takes `*`, or the names of properties that `Globals` sets for the type.
fn ignore_globals(view: &View<'_>, type_name: &str, value: &JsonValue) -> Option<Fault> {
    let (section, defaults) = globals::part(view.template(), type_name)?;
    let names = match value {
        JsonValue::Array(names) => names,
        JsonValue::String(all) if all == "*" => return None,
        JsonValue::Null => return None,
        _ => return fault("`IgnoreGlobals` is `*` or a list of the names of properties", ""),
    };
    let is_unknown = |name: &&JsonValue| name.as_str().is_none_or(|name| defaults.get(name).is_none());
    let (index, name) = names.iter().enumerate().find(|(_, name)| is_unknown(name))?;
    let message = format!("`Globals` does not set the property `{}` of `{section}`", shown(name));
    Some((format!("/{index}"), message, "remove it from `IgnoreGlobals`".to_owned()))
}

fn depends_on(value: &JsonValue) -> Option<Fault> {
    if value.is_null() || one_or_many(value).all(JsonValue::is_string) {
        return None;
    }
    fault(
        "`DependsOn` is the logical ID of a resource, or a list of them",
        "write the IDs without a function",
    )
}

fn policy(view: &View<'_>, type_name: &str, name: &str, value: &JsonValue) -> Option<Fault> {
    let allowed: &[&str] = match name {
        "DeletionPolicy" => &["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"],
        _ => &["Delete", "Retain", "Snapshot"],
    };
    if function(value).is_some() {
        let is_extended = transforms(view.template()).any(|name| name == "AWS::LanguageExtensions");
        return if is_extended || view.has_macro() {
            None
        } else {
            fault(
                format!("`{name}` takes a function only with the transform `AWS::LanguageExtensions`"),
                format!("add the transform, or use {}", allowed.join(", ")),
            )
        };
    }
    match value.as_str() {
        None if value.is_null() => None,
        None => fault(format!("`{name}` is a string"), format!("use {}", allowed.join(", "))),
        Some(policy) if !allowed.contains(&policy) => fault(
            format!("`{name}` does not accept the value `{policy}`"),
            format!("use {}", allowed.join(", ")),
        ),
        Some("Snapshot") if type_name.starts_with("AWS::") && !attributes::takes_snapshots(type_name) => {
            fault(format!("`{type_name}` does not support snapshots"), "use Retain to keep the resource")
        }
        Some(_) => None,
    }
}

fn creation_policy(view: &View<'_>, type_name: &str, value: &JsonValue) -> Option<Fault> {
    if !value.is_object() || function(value).is_some() {
        return if value.is_null() { None } else { fault("`CreationPolicy` is an object", "") };
    }
    if !CREATED_WITH_SIGNALS.contains(&type_name) {
        return fault(format!("`{type_name}` does not support `CreationPolicy`"), "remove it");
    }
    below(faults("CreationPolicy", attributes::creation_policy(), value, view))
}

fn update_policy(view: &View<'_>, type_name: &str, value: &JsonValue) -> Option<Fault> {
    if !value.is_object() || is_unresolved(value) && function(value).is_none() {
        return if value.is_null() { None } else { fault("`UpdatePolicy` is an object", "") };
    }
    if function(value).is_some_and(|(name, _)| name == "Fn::If" || name == "Fn::Transform") {
        return None;
    }
    let Some(schema) = attributes::update_policy(type_name) else {
        // An empty one, and functions that return nothing, are ignored.
        let is_empty = value.as_object().is_none_or(Map::is_empty);
        return if is_empty {
            None
        } else {
            fault(format!("`{type_name}` does not support `UpdatePolicy`"), "remove it")
        };
    };
    below(faults(&format!("UpdatePolicy of {type_name}"), schema, value, view))
}

/// Returns the first fault of an attribute that is an object.
fn below(faults: Vec<(Vec<String>, String, String)>) -> Option<Fault> {
    let (path, message, help) = faults.into_iter().next()?;
    Some((pointer::of(path), message, help))
}
