//! Intrinsic functions and pseudo parameters.
//!
//! `Ref` and `Fn::GetAtt` come from handles, `Fn::Sub` from [`sub!`](crate::sub), `Fn::FindInMap` from
//! [`MappingHandle::find`](crate::MappingHandle::find), the condition functions from
//! [`Condition`](crate::Condition), `Fn::ForEach` from [`ForEach`](crate::ForEach). The rest is here.

use crate::condition::ConditionHandle;
use crate::value::{Expression, IntoValue, Json, Literal, Property, Value};

fn function<T>(name: &'static str, argument: Expression) -> Value<T> {
    Value::from_expression(Expression::Function(name, Box::new(argument)))
}

fn list<const N: usize>(items: [Expression; N]) -> Expression {
    Expression::List(items.into())
}

macro_rules! pseudo_parameters {
    ($($(#[$doc:meta])* $function:ident: $type:ty = $name:literal;)*) => {$(
        $(#[$doc])*
        pub fn $function() -> Value<$type> {
            Value::from_expression(Expression::Name($name.into()))
        }
    )*};
}

pseudo_parameters! {
    /// `AWS::AccountId`: the account that the stack is deployed into.
    account_id: String = "AWS::AccountId";
    /// `AWS::NotificationARNs`: the topics that stack events go to.
    notification_arns: Vec<String> = "AWS::NotificationARNs";
    /// `AWS::Partition`: `aws`, `aws-cn`, `aws-us-gov`.
    partition: String = "AWS::Partition";
    /// `AWS::Region`: the region that the stack is deployed into.
    region: String = "AWS::Region";
    /// `AWS::StackId`: the stack's ARN.
    stack_id: String = "AWS::StackId";
    /// `AWS::StackName`: the stack's name.
    stack_name: String = "AWS::StackName";
    /// `AWS::URLSuffix`: the domain, `amazonaws.com` mostly.
    url_suffix: String = "AWS::URLSuffix";
}

/// `AWS::NoValue`: as a branch of [`if_else`], leaves the property out.
pub fn no_value<T>() -> Value<T> {
    Value::from_expression(Expression::Name("AWS::NoValue".into()))
}

/// `Fn::If`: one of two values, as a condition decides.
pub fn if_else<T>(
    condition: &ConditionHandle,
    then: impl IntoValue<T>,
    otherwise: impl IntoValue<T>,
) -> Value<T> {
    let arguments = [condition.name(), then.into().expression, otherwise.into().expression];
    function("Fn::If", list(arguments))
}

/// `Fn::Join`: texts with a delimiter between them.
pub fn join(delimiter: &str, items: impl IntoValue<Vec<String>>) -> Value<String> {
    function("Fn::Join", list([delimiter.to_owned().into_expression(), items.into().expression]))
}

/// `Fn::Select`: one element of a list, counted from 0.
pub fn select<T>(index: impl IntoValue<i64>, items: impl IntoValue<Vec<T>>) -> Value<T> {
    function("Fn::Select", list([index.into().expression, items.into().expression]))
}

/// `Fn::Split`: the parts of a text between delimiters.
pub fn split(delimiter: &str, text: impl IntoValue<String>) -> Value<Vec<String>> {
    function("Fn::Split", list([delimiter.to_owned().into_expression(), text.into().expression]))
}

/// `Fn::Base64`: a text in base 64.
pub fn base64(text: impl IntoValue<String>) -> Value<String> {
    function("Fn::Base64", text.into().expression)
}

/// `Fn::Cidr`: `count` address blocks with `host_bits` bits for hosts, out of a larger block.
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

/// `Fn::ImportValue`: what a stack of another program exports under a name. Within one app no import is
/// needed: use the handle.
pub fn import_value(name: impl IntoValue<String>) -> Value<String> {
    function("Fn::ImportValue", name.into().expression)
}

/// `Fn::Transform`: what a macro makes of its parameters.
#[track_caller]
pub fn transform<T>(name: &str, parameters: impl IntoValue<Json>) -> Value<T> {
    let entries = vec![Property::new("Name", name), Property::new("Parameters", parameters.into())];
    function("Fn::Transform", Expression::Object(entries))
}

/// `Fn::ToJsonString`: a document as text. Its references are resolved first.
pub fn to_json_string(document: impl IntoValue<Json>) -> Value<String> {
    function("Fn::ToJsonString", document.into().expression)
}

/// A document as the text of its JSON, for properties that take a definition as a text: references in it become
/// `Fn::Sub`. The assembly holds it a second time, indented, in a file of its own beside the template.
///
/// What is resolved by CloudFormation stands in quotes, unless it is [`unquoted`].
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

/// The same value, which is a number or a boolean: it stands without quotes in a [`json_text`].
pub fn unquoted<T>(value: impl IntoValue<T>) -> Value<T> {
    let mut value = value.into();
    // A document in place of a number, such as a pipeline's `{"Get": …}`, has no quotes anyway.
    if !matches!(value.expression, Expression::Literal(_) | Expression::Object(_) | Expression::Unquoted(_)) {
        value.expression = Expression::Unquoted(Box::new(value.expression));
    }
    value
}

/// The first 16 hexadecimal digits of the SHA-256 hash of a document, as it is written into the template. In a name it
/// makes CloudFormation replace a resource whenever the document changes.
pub fn content_hash(document: impl Into<Value<Json>>) -> Value<String> {
    Value::from_expression(Expression::Digest(Box::new(document.into().expression)))
}

/// `Fn::Length`: how many elements a list has.
pub fn length<T>(items: impl IntoValue<Vec<T>>) -> Value<i64> {
    function("Fn::Length", items.into().expression)
}
