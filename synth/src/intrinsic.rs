//! Intrinsic functions and pseudo parameters.
//!
//! `Ref` and `Fn::GetAtt` come from handles, `Fn::Sub` from [`sub!`](crate::sub), `Fn::FindInMap` from
//! [`MappingHandle::find`](crate::MappingHandle::find), the condition functions from [`Condition`](crate::Condition),
//! `Fn::ForEach` from [`ForEach`](crate::ForEach). This module contains all other functions.

use crate::condition::ConditionHandle;
use crate::value::{Expression, IntoValue, Json, Literal, Property, Value};

fn function<T>(name: &'static str, argument: Expression) -> Value<T> {
    Value::from_expression(Expression::Function(name, Box::new(argument)))
}

fn list<const N: usize>(items: [Expression; N]) -> Expression {
    Expression::List(items.into())
}

macro_rules! pseudo_parameters {
    ($($(#[$doc:meta])* $function:ident: $type:ty = $name:literal;)*) => {
    /// The names of all pseudo parameters.
    pub const PSEUDO_PARAMETERS: &[&str] = &["AWS::NoValue", $($name),*];
    $(
        $(#[$doc])*
        pub fn $function() -> Value<$type> {
            Value::from_expression(Expression::Name($name.into()))
        }
    )*
    };
}

pseudo_parameters! {
    /// `AWS::AccountId`: the account that the stack is deployed into.
    account_id: String = "AWS::AccountId";
    /// `AWS::NotificationARNs`: the topics that receive the events of the stack.
    notification_arns: Vec<String> = "AWS::NotificationARNs";
    /// `AWS::Partition`: `aws`, `aws-cn`, `aws-us-gov`.
    partition: String = "AWS::Partition";
    /// `AWS::Region`: the region that the stack is deployed into.
    region: String = "AWS::Region";
    /// `AWS::StackId`: the stack's ARN.
    stack_id: String = "AWS::StackId";
    /// `AWS::StackName`: the stack's name.
    stack_name: String = "AWS::StackName";
    /// `AWS::URLSuffix`: the domain of the partition, usually `amazonaws.com`.
    url_suffix: String = "AWS::URLSuffix";
}

/// `AWS::NoValue`: as a branch of [`if_else`], removes the property.
pub fn no_value<T>() -> Value<T> {
    Value::from_expression(Expression::Name("AWS::NoValue".into()))
}

/// `Fn::If`: the first value if the condition is true, otherwise the second.
pub fn if_else<T>(
    condition: &ConditionHandle,
    then: impl IntoValue<T>,
    otherwise: impl IntoValue<T>,
) -> Value<T> {
    let arguments = [condition.name(), then.into().expression, otherwise.into().expression];
    function("Fn::If", list(arguments))
}

/// `Fn::Join`: strings joined with a delimiter.
pub fn join(delimiter: &str, items: impl IntoValue<Vec<String>>) -> Value<String> {
    function("Fn::Join", list([delimiter.to_owned().into_expression(), items.into().expression]))
}

/// `Fn::Select`: one element of a list. The first has the index 0.
pub fn select<T>(index: impl IntoValue<i64>, items: impl IntoValue<Vec<T>>) -> Value<T> {
    function("Fn::Select", list([index.into().expression, items.into().expression]))
}

/// `Fn::Split`: the parts of a string between delimiters.
pub fn split(delimiter: &str, text: impl IntoValue<String>) -> Value<Vec<String>> {
    function("Fn::Split", list([delimiter.to_owned().into_expression(), text.into().expression]))
}

/// `Fn::Base64`: a string in Base64.
pub fn base64(text: impl IntoValue<String>) -> Value<String> {
    function("Fn::Base64", text.into().expression)
}

/// `Fn::Cidr`: `count` address blocks (1 to 256) with `host_bits` host bits each, taken from a larger block.
pub fn cidr(
    block: impl IntoValue<String>,
    count: impl IntoValue<i64>,
    host_bits: impl IntoValue<i64>,
) -> Value<Vec<String>> {
    function(
        "Fn::Cidr",
        list([block.into().expression, count.into().expression, host_bits.into().expression]),
    )
}

/// `Fn::GetAZs`: the availability zones of a region.
pub fn availability_zones(region: impl IntoValue<String>) -> Value<Vec<String>> {
    function("Fn::GetAZs", region.into().expression)
}

/// `Fn::ImportValue`: a value that a stack of another program exports. Within one app, use the handle of the
/// resource.
pub fn import_value(name: impl IntoValue<String>) -> Value<String> {
    function("Fn::ImportValue", name.into().expression)
}

/// `Fn::Transform`: the result of a macro.
#[track_caller]
pub fn transform<T>(name: &str, parameters: impl IntoValue<Json>) -> Value<T> {
    let entries = vec![Property::new("Name", name), Property::new("Parameters", parameters.into())];
    function("Fn::Transform", Expression::Object(entries))
}

/// `Fn::ToJsonString`: a document as a JSON string. CloudFormation resolves its references first.
pub fn to_json_string(document: impl IntoValue<Json>) -> Value<String> {
    function("Fn::ToJsonString", document.into().expression)
}

/// A document as a JSON string, for properties that take a definition as a string. References in it become `Fn::Sub`.
/// The assembly contains an indented copy of it in a separate file.
///
/// A value that CloudFormation resolves is written in quotes, unless it is [`unquoted`].
///
/// ```
/// use stackwright_synth::intrinsic::{json_text, region};
/// use stackwright_synth::{Json, Property, sub};
///
/// let definition = Json::object([Property::new("Comment", sub!("runs in {}", region()))]);
/// json_text(definition); // Fn::Sub: '{"Comment":"runs in ${AWS::Region}"}'
/// ```
pub fn json_text(document: impl IntoValue<Json>) -> Value<String> {
    Value::from_expression(Expression::Document(Box::new(document.into().expression)))
}

/// Marks a value as a number or a boolean, so that [`json_text`] writes it without quotes.
pub fn unquoted<T>(value: impl IntoValue<T>) -> Value<T> {
    let mut value = value.into();
    // A document in place of a number, such as a pipeline's `{"Get": …}`, is written without quotes in any case.
    if !matches!(value.expression, Expression::Literal(_) | Expression::Object(_) | Expression::Unquoted(_)) {
        value.expression = Expression::Unquoted(Box::new(value.expression));
    }
    value
}

/// The first 16 hexadecimal digits of the SHA-256 hash of a document, as it is written into the template. If it is
/// part of a resource's name, CloudFormation replaces the resource whenever the document changes.
pub fn content_hash(document: impl Into<Value<Json>>) -> Value<String> {
    Value::from_expression(Expression::Digest(Box::new(document.into().expression)))
}

/// `Fn::Length`: the number of elements of a list.
pub fn length<T>(items: impl IntoValue<Vec<T>>) -> Value<i64> {
    function("Fn::Length", items.into().expression)
}
