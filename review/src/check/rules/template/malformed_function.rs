//! `malformed-function`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::schema::{Kind, kind};
use crate::check::text::{Part, parts, reference};
use crate::check::value::{below, children, function, is_container, items, number, shown};
use crate::check::view::{View, references, transforms};
use crate::check::written::has;
use stackwright_schemas::nearest;
use stackwright_synth::pointer;

rule! {
    /// An intrinsic function does not exist, has arguments of another shape than it takes, or is used where CloudFormation does
    /// not evaluate it.
    ///
    /// The rule also finds an index of `Fn::Select` beyond a constant list, address blocks that `Fn::Cidr` cannot create, a list
    /// where a string is needed and a string where a list is needed, as far as the types of parameters and attributes are known.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template, or the operation fails when it evaluates the function.
    ///
    /// # How to fix
    ///
    /// Give the function the arguments that the message names.
    ///
    /// # Limitations
    ///
    /// Arguments that a macro creates are not checked.
    Error "malformed-function",
    source: "AWS CloudFormation Template Reference, \"Intrinsic function reference\"; cfn-lint, E1024",
    applies_to: [],
    check: Written(check),
}

/// Whether an argument has the shape that a function takes.
type Fits = fn(&JsonValue) -> bool;

/// The arguments that each function accepts.
const FUNCTIONS: &[(&str, Fits, &str)] = &[
    ("Ref", |it| it.is_string(), "the name of a parameter or resource"),
    ("Fn::And", |it| is_list(it, 2..=10), "2 to 10 conditions"),
    ("Fn::Base64", is_scalar, "a string"),
    ("Fn::Cidr", |it| is_list(it, 2..=3), "an address block, a count and the number of bits"),
    ("Fn::Equals", |it| is_list(it, 2..=2), "two values"),
    ("Fn::FindInMap", |it| is_list(it, 3..=4), "a mapping and two keys"),
    ("Fn::GetAZs", |it| it.is_string(), "a region, or an empty string for the stack's region"),
    ("Fn::GetAtt", |it| it.is_string() || is_list(it, 2..=9), "a logical ID and an attribute"),
    (
        "Fn::GetStackOutput",
        is_stack_output,
        "`StackName` and `OutputName`, and optionally `Region` and `RoleArn`",
    ),
    ("Fn::If", |it| is_list(it, 3..=3) && it[0].is_string(), "the name of a condition and two values"),
    ("Fn::ImportValue", is_scalar, "the name of an export"),
    (
        "Fn::Join",
        |it| is_list(it, 2..=2) && it[0].is_string() && is_list_like(&it[1]),
        "a delimiter and a list",
    ),
    ("Fn::Length", |it| !it.is_string() && !it.is_null(), "a list"),
    ("Fn::Not", |it| is_list(it, 1..=1), "a list of one condition"),
    ("Fn::Or", |it| is_list(it, 2..=10), "2 to 10 conditions"),
    (
        "Fn::Select",
        |it| is_list(it, 2..=2) && is_list_like(&it[1]) && is_index(&it[0]),
        "an index and a list",
    ),
    (
        "Fn::Split",
        |it| is_list(it, 2..=2) && it[0].is_string() && is_scalar(&it[1]),
        "a delimiter and a string",
    ),
    (
        "Fn::Sub",
        |it| it.is_string() || is_list(it, 2..=2) && it[0].is_string() && it[1].is_object(),
        "a string, or a string and its variables",
    ),
    ("Fn::ToJsonString", |it| it.is_object() || it.is_array(), "an object or a list"),
    (
        "Fn::Transform",
        |it| {
            it["Name"].is_string()
                || it.as_array().is_some_and(|all| all.iter().all(|one| one["Name"].is_string()))
        },
        "the name of a macro and its parameters",
    ),
];

/// Functions that only conditions and rules evaluate.
const OF_CONDITIONS: [&str; 4] = ["Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals"];

/// What `Fn::FindInMap` takes as an argument, and what the transform `AWS::LanguageExtensions` adds.
const IN_FIND_IN_MAP: [&str; 2] = ["Ref", "Fn::FindInMap"];
const IN_EXTENDED_FIND_IN_MAP: [&str; 7] =
    ["Fn::Join", "Fn::Sub", "Fn::If", "Fn::Select", "Fn::Length", "Fn::ToJsonString", "Fn::Split"];

fn is_list(value: &JsonValue, length: std::ops::RangeInclusive<usize>) -> bool {
    value.as_array().is_some_and(|items| length.contains(&items.len()))
}

fn is_scalar(value: &JsonValue) -> bool {
    value.is_string() || value.is_number() || value.is_boolean() || function(value).is_some()
}

fn is_list_like(value: &JsonValue) -> bool {
    value.is_array() || function(value).is_some()
}

fn is_index(value: &JsonValue) -> bool {
    function(value).is_some() || number(value).is_some_and(|index| index >= 0.0 && index.fract() == 0.0)
}

fn is_stack_output(value: &JsonValue) -> bool {
    value.as_object().is_some_and(|map| {
        let known = ["StackName", "OutputName", "Region", "RoleArn"];
        map.contains_key("StackName")
            && map.contains_key("OutputName")
            && map.keys().all(|name| known.contains(&name.as_str()))
    })
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for section in ["Conditions", "Resources", "Outputs"] {
        for (id, value) in view.template().section(section) {
            let resource = (section == "Resources").then_some(id);
            let mut pointer = pointer::of([section, id]);
            let mut walk = Walk { view, in_conditions: section == "Conditions", found: Vec::new() };
            if id.starts_with("Fn::ForEach") {
                walk.loops(id, value, &pointer);
            }
            for (step, inner) in children(value) {
                // `malformed-resource` reports functions in the attributes of a resource.
                let is_attribute =
                    ["Condition", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "DependsOn"]
                        .contains(&step.as_ref());
                if section != "Resources" || !is_attribute {
                    below(&mut pointer, &step, |pointer| walk.value(inner, pointer));
                }
            }
            if section != "Resources" && function(value).is_some() {
                walk.function(value, &pointer);
            }
            for (pointer, message, help) in walk.found {
                findings.add_in_function(resource, pointer, message, help);
            }
        }
    }
}

struct Walk<'w, 'v> {
    view: &'w View<'v>,
    in_conditions: bool,
    found: Vec<(String, String, String)>,
}

impl Walk<'_, '_> {
    fn value(&mut self, value: &JsonValue, pointer: &mut String) {
        self.function(value, pointer);
        let of_interest =
            |step: &str, inner: &JsonValue| is_container(inner) || step.starts_with("Fn::ForEach");
        for (step, inner) in children(value).filter(|(step, inner)| of_interest(step, inner)) {
            below(pointer, &step, |pointer| {
                if step.starts_with("Fn::ForEach") {
                    self.loops(&step, inner, pointer);
                }
                self.value(inner, pointer);
            });
        }
    }

    fn add(&mut self, pointer: &str, message: impl Into<String>, help: impl Into<String>) {
        self.found.push((pointer.to_owned(), message.into(), help.into()));
    }

    /// `Fn::ForEach::Name: [identifier, collection, {…}]`
    fn loops(&mut self, name: &str, argument: &JsonValue, pointer: &str) {
        let fits = is_list(argument, 3..=3)
            && argument[0].is_string()
            && (is_list_like(&argument[1]))
            && argument[2].is_object();
        if !fits {
            self.add(pointer, format!("`{name}` takes an identifier, a collection and an object"), "");
        }
    }

    fn function(&mut self, value: &JsonValue, pointer: &str) {
        let Some((name, argument)) = function(value) else { return };
        let Some((_, fits, wanted)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            let near = nearest(name, FUNCTIONS.iter().map(|(name, ..)| *name));
            let help = near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
            return self.add(pointer, format!("the function `{name}` does not exist"), help);
        };
        if OF_CONDITIONS.contains(&name) && self.in_conditions {
            // `malformed-condition` checks these.
            return;
        }
        let takes_functions =
            !matches!(name, "Fn::If" | "Fn::Join" | "Fn::Select" | "Fn::Split" | "Fn::Sub" | "Fn::FindInMap");
        let is_computed = function_name(argument).is_some() && (takes_functions || self.is_extended());
        let is_transform = function_name(argument) == Some("Fn::Transform");
        if !fits(argument) && !is_computed && !is_transform {
            return self.add(pointer, format!("`{name}` takes {wanted}"), "");
        }
        if OF_CONDITIONS.contains(&name) {
            let help = "define a condition in `Conditions`, and name it in `Fn::If` or `Condition`";
            return self.add(pointer, format!("`{name}` is evaluated only in conditions and rules"), help);
        }
        match name {
            "Fn::FindInMap" => self.find_in_map(argument, pointer),
            "Fn::Join" | "Fn::Select" => self.needs_list(name, &argument[1], pointer),
            "Fn::Split" => self.needs_string(name, &argument[1], pointer),
            "Fn::Sub" => self.sub(argument, pointer),
            "Fn::Cidr" => self.cidr(argument, pointer),
            "Fn::ImportValue" => self.import(argument, pointer),
            "Fn::GetAZs" => {
                if let Some(region) = argument.as_str().filter(|it| !it.is_empty() && !is_region(it)) {
                    let message = format!("`Fn::GetAZs` takes a region, and `{region}` is not one");
                    self.add(pointer, message, "write an empty string for the region of the stack");
                }
            }
            _ => {}
        }
        if name == "Fn::Join" {
            let wrong = items(&argument[1]).find(|item| item.is_array() || is_plain_object(item));
            if let Some(item) = wrong {
                let message = format!("`Fn::Join` joins strings, and {} is not a string", kind_name(item));
                return self.add(pointer, message, "");
            }
        }
        if let ("Fn::Select", Some(length), Some(index)) =
            (name, self.length(&argument[1]), self.number(&argument[0]))
            && index >= length
        {
            let message = format!("`Fn::Select` of the index {index} is beyond a list of {length} items");
            self.add(pointer, message, "the first item has the index 0");
        }
    }

    /// Returns a number that is written, or the default of a parameter.
    fn number(&self, value: &JsonValue) -> Option<f64> {
        let named = function(value).filter(|(name, _)| *name == "Ref").and_then(|(_, name)| name.as_str());
        number(
            named.map_or(value, |name| {
                &self.view.template().sections().get("Parameters").map_or(&JsonValue::Null, |all| &all[name])
                    ["Default"]
            }),
        )
    }

    /// Returns the number of items of a list, if it does not depend on conditions and attributes.
    fn length(&self, list: &JsonValue) -> Option<f64> {
        if let Some(items) = list.as_array() {
            let is_conditional = items.iter().any(|item| function_name(item) == Some("Fn::If"));
            return (!is_conditional).then_some(items.len() as f64);
        }
        match function(list)? {
            ("Fn::Cidr", arguments) => number(&arguments[1]),
            ("Fn::Split", arguments) => {
                let (delimiter, text) = (arguments[0].as_str()?, arguments[1].as_str()?);
                (!delimiter.is_empty()).then(|| text.split(delimiter).count() as f64)
            }
            _ => None,
        }
    }

    fn find_in_map(&mut self, arguments: &JsonValue, pointer: &str) {
        if !arguments[3].is_null() && !self.is_extended() {
            let help = "add `Transform: AWS::LanguageExtensions`";
            self.add(pointer, "`Fn::FindInMap` takes `DefaultValue` only with a transform", help);
        }
        for name in items(arguments).take(3).filter_map(function_name) {
            let is_fine = IN_FIND_IN_MAP.contains(&name);
            if !is_fine && !IN_EXTENDED_FIND_IN_MAP.contains(&name) {
                self.add(
                    pointer,
                    format!("`Fn::FindInMap` does not take `{name}`"),
                    "use `Ref` of a parameter",
                );
            } else if !is_fine && !self.is_extended() {
                let help = "add `Transform: AWS::LanguageExtensions`";
                self.add(pointer, format!("`Fn::FindInMap` takes `{name}` only with a transform"), help);
            }
        }
    }

    /// Checks that the variables of an `Fn::Sub` are strings.
    fn sub(&mut self, argument: &JsonValue, pointer: &str) {
        let format = argument.as_str().or(argument[0].as_str()).unwrap_or_default();
        for part in parts(format) {
            let Part::Variable(variable) = part else { continue };
            let own = argument[1].get(variable).cloned();
            let value = own.unwrap_or_else(|| reference(variable));
            if value.is_array() || kind(&value, self.view) == Kind::List {
                let message = format!("`Fn::Sub` takes strings, and `${{{variable}}}` is a list");
                return self.add(pointer, message, "join the list with `Fn::Join`");
            }
        }
    }

    fn cidr(&mut self, arguments: &JsonValue, pointer: &str) {
        let limits = [(1, "the count of blocks", 256.0), (2, "the number of bits", 128.0)];
        for (index, what, most) in limits {
            let given = number(&arguments[index]).filter(|given| *given < 1.0 || *given > most);
            if let Some(given) = given {
                let message = format!("{what} of `Fn::Cidr` is {given}, and it has to be 1 to {most}");
                return self.add(pointer, message, "");
            }
        }
        let block = arguments[0].as_str().filter(|block| !block.contains(':'));
        let prefix = block.and_then(|block| block.split_once('/')?.1.parse::<f64>().ok());
        let bits = if arguments[2].is_null() { Some(8.0) } else { number(&arguments[2]) };
        if let (Some(prefix), Some(count), Some(bits)) = (prefix, number(&arguments[1]), bits) {
            let possible = (32.0 - bits - prefix).exp2().floor();
            if count > possible {
                let message = format!(
                    "a block of /{prefix} has {possible} blocks with {bits} bits, and {count} are requested"
                );
                self.add(pointer, message, "request fewer blocks, or smaller ones");
            }
        }
    }

    /// Checks that the name of an export is known before resources are created.
    fn import(&mut self, name: &JsonValue, pointer: &str) {
        let mut resource = None;
        references(name, &mut String::new(), &mut |name, _, _| {
            let is_resource = has(self.view.template(), "Resources", name);
            resource = resource.take().or_else(|| is_resource.then(|| name.to_owned()));
        });
        if let Some(resource) = resource {
            let message =
                format!("`Fn::ImportValue` cannot depend on a resource, and it refers to `{resource}`");
            self.add(pointer, message, "build the name from parameters and constants");
        }
    }

    fn needs_list(&mut self, name: &str, argument: &JsonValue, pointer: &str) {
        if kind(argument, self.view) == Kind::Text {
            let message = format!("`{name}` takes a list, and {} returns a string", described(argument));
            self.add(pointer, message, "");
        }
    }

    fn needs_string(&mut self, name: &str, argument: &JsonValue, pointer: &str) {
        if kind(argument, self.view) == Kind::List {
            let message = format!("`{name}` takes a string, and {} returns a list", described(argument));
            self.add(pointer, message, "");
        }
    }

    fn is_extended(&self) -> bool {
        transforms(self.view.template()).any(|name| name == "AWS::LanguageExtensions")
            || self.view.has_macro()
    }
}

/// Returns whether a string has the form of a region, such as `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [words @ .., number] => {
            words.len() >= 2 && words.iter().all(|part| is_word(part)) && number.parse::<u8>().is_ok()
        }
        [] => false,
    }
}

fn function_name(value: &JsonValue) -> Option<&str> {
    function(value).map(|(name, _)| name)
}

fn described(value: &JsonValue) -> String {
    function(value)
        .map_or_else(|| shown(value), |(name, argument)| format!("`{name}` of {}", shown(argument)))
}

fn is_plain_object(value: &JsonValue) -> bool {
    value.is_object() && function(value).is_none()
}

fn kind_name(value: &JsonValue) -> &'static str {
    if value.is_array() { "a list" } else { "an object" }
}
