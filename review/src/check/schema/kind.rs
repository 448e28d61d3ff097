//! The return values of intrinsic functions, as far as the template determines them.

use serde_json::Value as JsonValue;
use stackwright_schemas::registry;

use crate::check::scenario::is_list;
use crate::check::value::function;
use crate::check::view::{View, referred};

/// The kind of value that an intrinsic function returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Kind {
    Text,
    List,
    Object,
    Any,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "one value",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Any => "anything",
        }
    }
}

/// Returns the kind of value that an intrinsic function returns.
pub(in crate::check) fn kind(value: &JsonValue, view: &View<'_>) -> Kind {
    let Some((name, argument)) = function(value) else { return Kind::Any };
    match name {
        "Ref" => {
            let name = argument.as_str().unwrap_or_default();
            if name == "AWS::NotificationARNs" {
                return Kind::List;
            }
            let parameter = view.template().sections().get("Parameters").and_then(|all| all.get(name));
            match parameter.and_then(|parameter| parameter["Type"].as_str()) {
                Some(kind) if is_list(kind) => Kind::List,
                Some(_) => Kind::Text,
                None if name.starts_with("AWS::") || view.resource(name).is_some() => Kind::Text,
                None => Kind::Any,
            }
        }
        "Fn::Sub" | "Fn::Join" | "Fn::Base64" | "Fn::ImportValue" => Kind::Text,
        "Fn::GetAZs" | "Fn::Cidr" | "Fn::Split" => Kind::List,
        "Fn::GetAtt" => {
            let attribute = match argument {
                JsonValue::Array(arguments) => arguments.get(1).and_then(JsonValue::as_str),
                JsonValue::String(path) => path.split_once('.').map(|(_, attribute)| attribute),
                _ => None,
            };
            let of = referred(value).and_then(|id| view.resource(&id).map(|it| it.type_name));
            let schema = of.and_then(registry::resource_type);
            let Some(attribute) = attribute.and_then(|name| schema?.attribute(name)) else {
                return Kind::Any;
            };
            match attribute.types().as_slice() {
                ["array"] => Kind::List,
                ["object"] => Kind::Object,
                ["string" | "integer" | "number" | "boolean"] => Kind::Text,
                _ => Kind::Any,
            }
        }
        _ => Kind::Any,
    }
}
