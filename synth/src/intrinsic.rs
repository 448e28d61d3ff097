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
    /// The names of all pseudo parameters, such as `AWS::Region`.
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
    /// Returns the ID of the account that the stack is deployed to (`AWS::AccountId`).
    account_id: String = "AWS::AccountId";
    /// Returns the ARNs of the SNS topics that receive the events of the stack (`AWS::NotificationARNs`).
    notification_arns: Vec<String> = "AWS::NotificationARNs";
    /// Returns the partition of the region, such as `aws`, `aws-cn` or `aws-us-gov` (`AWS::Partition`).
    partition: String = "AWS::Partition";
    /// Returns the region that the stack is deployed to, such as `us-east-1` (`AWS::Region`).
    region: String = "AWS::Region";
    /// Returns the ARN of the stack (`AWS::StackId`).
    stack_id: String = "AWS::StackId";
    /// Returns the name of the stack (`AWS::StackName`).
    stack_name: String = "AWS::StackName";
    /// Returns the suffix of the domains of the partition, usually `amazonaws.com` (`AWS::URLSuffix`).
    url_suffix: String = "AWS::URLSuffix";
}

/// Returns a value that removes the property which it is set to, for a branch of [`if_else`] (`AWS::NoValue`).
pub fn no_value<T>() -> Value<T> {
    Value::from_expression(Expression::Name("AWS::NoValue".into()))
}

/// Returns the first value if the condition is true, otherwise the second (`Fn::If`).
pub fn if_else<T>(
    condition: &ConditionHandle,
    then: impl IntoValue<T>,
    otherwise: impl IntoValue<T>,
) -> Value<T> {
    let arguments = [condition.name(), then.into().expression, otherwise.into().expression];
    function("Fn::If", list(arguments))
}

/// Joins strings with a delimiter between them (`Fn::Join`).
pub fn join(delimiter: &str, items: impl IntoValue<Vec<String>>) -> Value<String> {
    function("Fn::Join", list([delimiter.to_owned().into_expression(), items.into().expression]))
}

/// Returns one element of a list (`Fn::Select`). The first has the index 0. An index out of bounds is an error of
/// CloudFormation at deployment.
pub fn select<T>(index: impl IntoValue<i64>, items: impl IntoValue<Vec<T>>) -> Value<T> {
    function("Fn::Select", list([index.into().expression, items.into().expression]))
}

/// Splits a string at each delimiter (`Fn::Split`).
pub fn split(delimiter: &str, text: impl IntoValue<String>) -> Value<Vec<String>> {
    function("Fn::Split", list([delimiter.to_owned().into_expression(), text.into().expression]))
}

/// Encodes a string as Base64 (`Fn::Base64`).
pub fn base64(text: impl IntoValue<String>) -> Value<String> {
    function("Fn::Base64", text.into().expression)
}

/// Returns `count` address blocks (1 to 256) with `host_bits` host bits each, taken from a larger block (`Fn::Cidr`).
/// For example, 8 host bits give `/24` blocks in IPv4.
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

/// Returns the names of the Availability Zones of a region (`Fn::GetAZs`). An empty string stands for the stack's
/// region.
pub fn availability_zones(region: impl IntoValue<String>) -> Value<Vec<String>> {
    function("Fn::GetAZs", region.into().expression)
}

/// Returns the value that a stack of another program exports under a name, in the same account and region
/// (`Fn::ImportValue`). Within one app, use the handle of the resource.
pub fn import_value(name: impl IntoValue<String>) -> Value<String> {
    function("Fn::ImportValue", name.into().expression)
}

/// Returns the result of a macro, by its name, such as `AWS::Include`, and its parameters, an object (`Fn::Transform`).
#[track_caller]
pub fn transform<T>(name: &str, parameters: impl IntoValue<Json>) -> Value<T> {
    let entries = vec![Property::new("Name", name), Property::new("Parameters", parameters.into())];
    function("Fn::Transform", Expression::Object(entries))
}

/// Writes a document as a JSON string, after CloudFormation has resolved its references (`Fn::ToJsonString`). The
/// template gets the transform `AWS::LanguageExtensions`, which [`json_text`] does not need.
pub fn to_json_string(document: impl IntoValue<Json>) -> Value<String> {
    function("Fn::ToJsonString", document.into().expression)
}

/// Writes a document as a JSON string, for properties that take a definition as a string. References in it become
/// `Fn::Sub`. The assembly contains an indented copy of it in a separate file.
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

/// Returns the first 16 hexadecimal digits of the SHA-256 hash of a document, as it is written into the template. If it
/// is part of a resource's name, CloudFormation replaces the resource whenever the document changes.
pub fn content_hash(document: impl Into<Value<Json>>) -> Value<String> {
    Value::from_expression(Expression::Digest(Box::new(document.into().expression)))
}

/// Returns the number of elements of a list (`Fn::Length`). The template gets the transform `AWS::LanguageExtensions`.
pub fn length<T>(items: impl IntoValue<Vec<T>>) -> Value<i64> {
    function("Fn::Length", items.into().expression)
}
