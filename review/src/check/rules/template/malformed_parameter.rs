//! `malformed-parameter`

use serde_json::{Value as JsonValue, json};

use crate::check::findings::{Findings, nearest_name};
use crate::check::pattern;
use crate::check::rules::rule;
use crate::check::scenario::{is_list, is_read_from_ssm};
use crate::check::schema::is_yaml_boolean;
use crate::check::value::{boolean, items, number, shown};
use crate::check::view::View;
use stackwright_synth::pointer;

rule! {
    /// A parameter has no type, a type or an attribute that does not exist, an attribute with a value of the wrong
    /// type, or a default that violates its own constraints.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template. If the default violates `AllowedValues`, `AllowedPattern`, `MinValue` or
    /// `MaxLength`, each deployment that does not set the parameter fails.
    ///
    /// # How to fix
    ///
    /// Correct the attribute that the message names, or choose a default that fits the constraints.
    ///
    /// # Limitations
    ///
    /// Rust's regular expressions do not support every pattern of CloudFormation. In other patterns, the rule finds
    /// only errors that every syntax of regular expressions has.
    Error "malformed-parameter",
    source: "AWS CloudFormation User Guide, template anatomy; cfn-lint, E2001",
    applies_to: [],
    check: Written(check),
}

const ATTRIBUTES: [&str; 11] = [
    "Type",
    "Default",
    "Description",
    "NoEcho",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
];

/// The types whose values CloudFormation verifies in the account.
const OF_AWS: [&str; 11] = [
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
    "AWS::SSM::Parameter::Name",
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (name, parameter) in view.template().section("Parameters").filter(|(id, _)| !id.starts_with("Fn::")) {
        let at = |attribute: &str| pointer::of(["Parameters", name, attribute]);
        let Some(attributes) = parameter.as_object() else {
            findings.add_written(
                None,
                pointer::of(["Parameters", name]),
                "a parameter is an object with a `Type`",
                "",
            );
            continue;
        };
        for attribute in attributes.keys().filter(|name| !ATTRIBUTES.contains(&name.as_str())) {
            let (help, fix) = nearest_name(attribute, || ATTRIBUTES.into_iter());
            findings.add_written(None, at(attribute), format!("a parameter has no `{attribute}`"), help);
            findings.fix_last(fix);
        }
        let kind = parameter["Type"].as_str().unwrap_or_default();
        for attribute in attributes.keys().filter(|name| !applies(name, kind)) {
            let message = format!("`{attribute}` does not apply to a parameter of the type `{kind}`");
            let help = "`MinValue` and `MaxValue` apply to `Number`, `MinLength` and `MaxLength` to strings";
            findings.add_written(None, at(attribute), message, help);
        }
        for (attribute, message) in
            attributes.iter().filter_map(|(name, value)| Some((name, shape(name, value)?)))
        {
            findings.add_written(None, at(attribute), message, "");
        }
        for (least, most) in [("MinValue", "MaxValue"), ("MinLength", "MaxLength")] {
            if let (Some(lower), Some(upper)) = (number(&parameter[least]), number(&parameter[most]))
                && lower > upper
            {
                findings.add_written(
                    None,
                    at(least),
                    format!("`{least}` {lower} is above `{most}` {upper}"),
                    "",
                );
            }
        }
        match parameter["Type"].as_str() {
            None if parameter.get("Type").is_some() => {}
            None => findings.add_written(
                None,
                pointer::of(["Parameters", name]),
                "the parameter has no `Type`",
                "use `String`, which fits most values",
            ),
            Some(kind) if !is_type(kind) => {
                let help = "use String, Number, CommaDelimitedList, List<Number>, an AWS type or an SSM type";
                findings.add_written(
                    None,
                    at("Type"),
                    format!("the parameter type `{kind}` does not exist"),
                    help,
                );
            }
            Some(kind) if !is_read_from_ssm(parameter) => {
                if let Some(reason) =
                    parameter.get("Default").and_then(|default| broken(kind, parameter, default))
                {
                    findings.add_written(
                        None,
                        at("Default"),
                        format!("the default {reason}"),
                        "every deployment that does not set the parameter fails: choose a valid default",
                    );
                }
            }
            _ => {}
        }
    }
}

/// Returns whether a constraint applies to parameters of a type.
fn applies(attribute: &str, kind: &str) -> bool {
    match attribute {
        "MinLength" | "MaxLength" => kind != "Number",
        "MinValue" | "MaxValue" => matches!(kind, "" | "Number" | "List<Number>") || !is_type(kind),
        _ => true,
    }
}

/// Returns the problem of an attribute's value, independently of the other attributes.
fn shape(name: &str, value: &JsonValue) -> Option<String> {
    let is_scalar = value.is_string() || value.is_number() || value.is_boolean();
    let (fits, wanted) = match name {
        "AllowedValues" => {
            let is_list = value.as_array().is_some_and(|items| !items.is_empty());
            let are_scalars =
                items(value).all(|item| !item.is_array() && !item.is_object() && !item.is_null());
            (is_list && are_scalars, "a list of strings or numbers")
        }
        "AllowedPattern" => {
            if let Some(fault) = value.as_str().and_then(pattern::fault) {
                return Some(format!("`AllowedPattern` is not a regular expression: {fault}"));
            }
            (is_scalar, "a string")
        }
        "Description" | "ConstraintDescription" => (is_scalar, "a string"),
        "MinValue" | "MaxValue" => (number(value).is_some(), "a number"),
        "MinLength" | "MaxLength" => {
            (number(value).is_some_and(|length| length >= 0.0 && length.fract() == 0.0), "a whole number")
        }
        "NoEcho" => (boolean(value).is_some(), "true or false"),
        "Default" => (is_scalar, "a string or a number"),
        "Type" => (value.is_string(), "a string"),
        _ => return None,
    };
    (!fits).then(|| format!("`{name}` of a parameter is {wanted}"))
}

fn is_type(kind: &str) -> bool {
    let inner = kind
        .strip_prefix("AWS::SSM::Parameter::Value<")
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(kind);
    let element = inner.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>'));
    matches!(inner, "String" | "Number" | "CommaDelimitedList" | "AWS::SSM::Parameter::Name")
        || matches!(element, Some("Number" | "String"))
        || OF_AWS.contains(&element.unwrap_or(inner))
}

/// Returns the constraint of the parameter that its default violates.
fn broken(kind: &str, parameter: &JsonValue, default: &JsonValue) -> Option<String> {
    if default.is_array() || default.is_object() || default.is_null() {
        return None;
    }
    let given = shown(default);
    let items: Vec<&str> =
        if is_list(kind) { given.split(',').map(str::trim).collect() } else { vec![&given] };
    let allowed: Vec<String> =
        parameter["AllowedValues"].as_array().into_iter().flatten().map(shown).collect();
    let is_yaml_word = default.is_boolean() && allowed.iter().any(|word| is_yaml_boolean(word));
    if allowed.contains(&given) || is_yaml_word {
        // A list as a whole may be among them.
        return None;
    }
    let bound = |name: &str| parameter.get(name).and_then(number);
    for item in items {
        if !allowed.is_empty() && !allowed.iter().any(|known| known == item) {
            return Some(format!("{item} is not among the allowed values"));
        }
        if kind == "Number" || kind == "List<Number>" {
            let Some(value) = number(&JsonValue::from(item)) else {
                return Some(format!("{item} is not a number"));
            };
            if bound("MinValue").is_some_and(|least| value < least)
                || bound("MaxValue").is_some_and(|most| value > most)
            {
                return Some(format!("{item} is out of range"));
            }
        }
        let length = item.chars().count() as f64;
        if bound("MinLength").is_some_and(|least| length < least)
            || bound("MaxLength").is_some_and(|most| length > most)
        {
            return Some(format!("{item} is too short or too long"));
        }
        let pattern = parameter["AllowedPattern"]
            .as_str()
            .map(|pattern| json!({ "pattern": format!("^(?:{pattern})$") }));
        // A pattern that this engine cannot compile is not evaluated.
        let validator = pattern.and_then(|schema| jsonschema::draft7::new(&schema).ok());
        if validator.is_some_and(|validator| !validator.is_valid(&JsonValue::from(item))) {
            return Some(format!("{item} does not match the allowed pattern"));
        }
    }
    None
}
