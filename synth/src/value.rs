//! Values: literals and intrinsic functions, typed by their result.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use serde_json::Value as JsonValue;

use crate::stack::StackKey;

/// A location in the user's program, such as the line that set a value, as `#[track_caller]` captures it.
pub type CallerLocation = &'static Location<'static>;

/// The expression of a value, before it is written into a stack.
///
/// Programs need this type only to build free-form documents. Everything else uses [`Value`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Expression {
    /// A number, a string, a boolean, or any JSON without intrinsic functions.
    Literal(JsonValue),
    /// A list.
    List(Vec<Expression>),
    /// An object. Each entry has the location that set it.
    Object(Vec<Property>),
    /// Literals and references that are joined to one string: `Fn::Sub` if a part is not literal, as
    /// [`sub!`](crate::sub) returns it.
    Text(Vec<Expression>),
    /// `Ref` or `Fn::GetAtt`, possibly of a resource in another stack.
    Reference(Reference),
    /// `Ref` of a pseudo parameter, or of the variable of an `Fn::ForEach`.
    Name(Cow<'static, str>),
    /// Any other intrinsic function: its name, such as `Fn::Join`, with its argument.
    Function(&'static str, Box<Expression>),
    /// The name of the bucket that contains the app's assets.
    AssetBucket,
    /// A document as a JSON string, as [`json_text`](crate::intrinsic::json_text) returns it.
    Document(Box<Expression>),
    /// A number or a boolean in a document, which is written without quotes, as
    /// [`unquoted`](crate::intrinsic::unquoted) returns it.
    Unquoted(Box<Expression>),
    /// The first 16 hexadecimal digits of the SHA-256 hash of another expression, as it is written into the template.
    Digest(Box<Expression>),
    /// A value that cannot be used, as [`Value::invalid`] returns it. `App::synth` reports the reason if the value is
    /// used.
    Invalid(Arc<InvalidValue>),
}

/// The reason why a value cannot be used, with the location that set it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InvalidValue {
    /// The stable name of the error, as diagnostics show it, such as `unknown-property-path`.
    pub name: &'static str,
    /// The message, which states the problem.
    pub message: String,
    /// A text that explains how to fix the problem.
    pub help: String,
    /// The line that set the value.
    pub location: CallerLocation,
}

/// A reference to an element of a stack. Handles create it, such as [`Handle::reference`](crate::Handle::reference).
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    pub(crate) stack: StackKey,
    pub(crate) logical_id: Arc<str>,
    /// The attribute of an `Fn::GetAtt`; `None` for `Ref`.
    pub(crate) attribute: Option<Cow<'static, str>>,
    /// Whether the reference returns a list.
    pub(crate) list: bool,
}

/// One entry of an object: a name and a value, with the location that set it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Property {
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: Expression,
    pub(crate) source: CallerLocation,
    /// Whether the location belongs to the value. Then it is the user's line even in a construct of a library.
    pub(crate) from_value: bool,
}

impl PartialEq for Property {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl Property {
    /// Creates an entry with its name and value. Its location is that of the value, or the caller's if the value has
    /// none.
    ///
    /// ```
    /// use stackwright_synth::{Json, Property, Resource};
    ///
    /// let policy = Json::object([Property::new("deadLetterTargetArn", "arn:aws:sqs:us-east-1:123456789012:dead"),
    ///     Property::new("maxReceiveCount", 5)]);
    /// Resource::of("AWS::SQS::Queue").set("RedrivePolicy", policy);
    /// ```
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Untyped) -> Self {
        let (value, source) = value.into_untyped();
        Self {
            name: name.into(),
            source: source.unwrap_or(Location::caller()),
            from_value: source.is_some(),
            value,
        }
    }
}

impl Property {
    /// Changes the value of the entry with a function. The name and the location stay the same.
    pub fn map(self, change: impl FnOnce(Expression) -> Expression) -> Self {
        Self { value: change(self.value), ..self }
    }

    /// Returns the entry's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the entry's value.
    pub fn value(&self) -> &Expression {
        &self.value
    }

    /// Changes the name of the entry. The value and the location stay the same.
    pub fn renamed(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..self }
    }
}

/// Sets a property. A second call for the same name replaces the first.
pub(crate) fn set(properties: &mut Vec<Property>, property: Property) {
    match properties.iter_mut().find(|existing| existing.name == property.name) {
        Some(existing) => *existing = property,
        None => properties.push(property),
    }
}

/// Properties of an object, in the order in which they were set. Generated property types wrap it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties(pub(crate) Vec<Property>);

impl Properties {
    /// Sets a property by its CloudFormation name, such as `DelaySeconds`. A second call replaces the value.
    #[track_caller]
    pub fn put(&mut self, name: impl Into<Cow<'static, str>>, value: impl Untyped) {
        set(&mut self.0, Property::new(name, value));
    }

    /// Sets a nested property by its JSON pointer, such as `/ProductionVariants/0/InstanceType`. Objects in the path
    /// that do not exist are created. In a list, the index can be its length, which adds an element; any other step that
    /// is not the index of an element is an error at the caller's line.
    #[track_caller]
    pub fn put_at(&mut self, pointer: &str, value: impl Untyped) {
        let steps: Vec<String> = pointer
            .trim_start_matches('/')
            .split('/')
            .map(|step| crate::pointer::unescape(step).into_owned())
            .collect();
        let mut property = Property::new("", value);
        property.from_value = true;
        if let [name, inner @ ..] = steps.as_slice() {
            put_below(&mut self.0, name, inner, property);
        }
    }

    /// Removes a property by its CloudFormation name. Nothing happens if it is not set.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|property| property.name != name);
    }
}

/// Sets a property of an object, or a property somewhere below it.
fn put_below(properties: &mut Vec<Property>, name: &str, inner: &[String], property: Property) {
    if inner.is_empty() {
        return set(properties, Property { name: name.to_owned().into(), ..property });
    }
    let index = properties.iter().position(|existing| existing.name == name).unwrap_or_else(|| {
        let value = Expression::Object(Vec::new());
        properties.push(Property { name: name.to_owned().into(), value, ..property.clone() });
        properties.len() - 1
    });
    put_within(&mut properties[index].value, inner, property);
}

/// Sets the value at a path within a value.
fn put_within(expression: &mut Expression, steps: &[String], property: Property) {
    let [step, inner @ ..] = steps else {
        *expression = property.value;
        return;
    };
    if let Expression::Literal(literal) = expression {
        *expression = opened(std::mem::take(literal), property.source);
    }
    match expression {
        Expression::Object(properties) => put_below(properties, step, inner, property),
        Expression::List(items) => match step.parse::<usize>() {
            Ok(index) if index < items.len() => put_within(&mut items[index], inner, property),
            Ok(index) if index == items.len() => {
                items.push(Expression::Object(Vec::new()));
                put_within(&mut items[index], inner, property);
            }
            _ => {
                let message = format!("the list has {} elements, and the path names `{step}`", items.len());
                *expression = Expression::Invalid(Arc::new(InvalidValue {
                    name: "unknown-property-path",
                    message,
                    help: "use the index of an element, counted from 0, or the length to add one".into(),
                    location: property.source,
                }));
            }
        },
        other => {
            *other = Expression::Object(Vec::new());
            put_within(other, steps, property);
        }
    }
}

/// A literal document one level deep as an expression, so that a part of it can be replaced.
fn opened(literal: JsonValue, source: CallerLocation) -> Expression {
    match literal {
        JsonValue::Object(map) => Expression::Object(
            map.into_iter()
                .map(|(name, value)| Property {
                    name: name.into(),
                    value: Expression::Literal(value),
                    source,
                    from_value: false,
                })
                .collect(),
        ),
        JsonValue::Array(items) => Expression::List(items.into_iter().map(Expression::Literal).collect()),
        scalar => Expression::Literal(scalar),
    }
}

impl Literal for Properties {
    fn into_expression(self) -> Expression {
        Expression::Object(self.0)
    }
}

/// A literal of type `T`, or an intrinsic function that returns one.
///
/// Every setter of a property accepts `impl IntoValue<T>`: a literal, a parameter, an attribute of a resource in this
/// or another stack, or the result of [`sub!`](crate::sub!) and the functions of [`intrinsic`](crate::intrinsic).
pub struct Value<T> {
    pub(crate) expression: Expression,
    pub(crate) source: Option<CallerLocation>,
    yields: PhantomData<fn() -> T>,
}

// The traits are not derived, because a value can be cloned and printed for every type `T`.
impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self { expression: self.expression.clone(), source: self.source, yields: PhantomData }
    }
}

impl<T> std::fmt::Debug for Value<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.expression.fmt(formatter)
    }
}

impl<T> PartialEq for Value<T> {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl<T> Value<T> {
    /// Creates a value from an expression, without a location. The caller ensures that the expression returns a `T`.
    ///
    /// ```
    /// use stackwright_synth::{Expression, Value};
    ///
    /// let region: Value<String> = Value::from_expression(Expression::Name("AWS::Region".into()));
    /// let zones = Expression::Function("Fn::GetAZs", Box::new(region.expression().clone()));
    /// let zones: Value<Vec<String>> = Value::from_expression(zones);
    /// ```
    pub fn from_expression(expression: Expression) -> Self {
        Self { expression, source: None, yields: PhantomData }
    }

    /// Creates a value that cannot be used, such as a malformed ARN: with the stable name of the error, the message, and
    /// a text that explains how to fix the problem. `App::synth` reports the error at the caller's line if the value is
    /// used.
    ///
    /// ```
    /// use stackwright_synth::{App, Resource, Value};
    ///
    /// fn queue_name(text: &str) -> Value<String> {
    ///     if text.len() > 80 {
    ///         return Value::invalid("queue-name", format!("`{text}` is too long"), "use at most 80 characters");
    ///     }
    ///     text.into()
    /// }
    ///
    /// let app = App::new("shop");
    /// let queue = Resource::of("AWS::SQS::Queue").set("QueueName", queue_name(&"q".repeat(81)));
    /// app.stack("Queues").add("Jobs", queue);
    /// assert!(app.synth().is_err());
    /// ```
    #[track_caller]
    pub fn invalid(name: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let location = Location::caller();
        let invalid = InvalidValue { name, message: message.into(), help: help.into(), location };
        Self { source: Some(location), ..Self::from_expression(Expression::Invalid(Arc::new(invalid))) }
    }

    /// Records the caller's location as the one that set this value, unless the value has a location already.
    ///
    /// Constructs call it in their `#[track_caller]` setters, so that an error shows the user's line instead of a
    /// line in the construct.
    #[track_caller]
    pub fn with_caller_location(mut self) -> Self {
        self.source.get_or_insert(Location::caller());
        self
    }

    /// Sets the recorded location, or removes it with `None`, for a value that is derived from another one.
    #[must_use]
    pub fn with_location(mut self, source: Option<CallerLocation>) -> Self {
        self.source = source;
        self
    }

    /// Returns the location that set this value; `None` if it is not known.
    pub fn location(&self) -> Option<CallerLocation> {
        self.source
    }

    /// Returns the expression of the value.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Returns the literal of a value without intrinsic functions; `None` for any other, and for a list or an object
    /// that was not created from JSON.
    pub fn as_literal(&self) -> Option<&JsonValue> {
        match &self.expression {
            Expression::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// Changes the type of the value, for conversions that the types do not express. The caller ensures that the value is
    /// a `U`.
    pub fn cast<U>(self) -> Value<U> {
        Value { expression: self.expression, source: self.source, yields: PhantomData }
    }
}

/// A type whose values are literals that can be written into a template, such as `String` or an enumeration.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a literal nor a value",
    label = "expected a literal such as a string, or a `Value` such as a parameter or an attribute of a resource",
    note = "a handle is not a value: a method such as `reference()`, `name()` or `arn()` returns one",
    note = "an `Output` with a description or an export is added with `stack.add(id, Output::new(value))`"
)]
pub trait Literal {
    /// Returns the expression that is written into a template.
    fn into_expression(self) -> Expression;
}

/// A literal or an intrinsic function that can be the value of a property of type `T`.
///
/// Setters accept `impl IntoValue<T>`: a `T`, a [`Value<T>`](Value) such as a parameter or an attribute of another
/// resource, a `&str` where `T` is a `String`, and arrays, vectors and maps of them. For an enumeration, a
/// `Value<String>` is accepted as well. To pass a type of your own to setters, implement `From<YourType> for
/// Value<T>` and this trait.
#[diagnostic::on_unimplemented(
    message = "a property of type `{T}` does not take a value of type `{Self}`",
    label = "expected `{T}`, or a `Value<{T}>` such as a parameter or an attribute of a resource",
    note = "an enumeration takes one of its variants (`InstanceType::MlG5Xlarge`), `Unlisted(\"…\".into())` for a value that is newer than the data, or a `Value<String>`",
    note = "an integer property takes an `i64`, a number an `f64`, a list an array or a `Vec`",
    note = "a property type with required properties takes them in the documented order: `Type<2>` means that two are still missing",
    note = "a handle, a location or a key is not a value: a method such as `reference()`, `name()`, `arn()` or `uri()` returns one"
)]
pub trait IntoValue<T>: Into<Value<T>> {}

impl<T: Literal> IntoValue<T> for T {}
impl<T> IntoValue<T> for Value<T> {}
impl<T> IntoValue<T> for &Value<T> {}
impl IntoValue<String> for &str {}
impl IntoValue<f64> for i64 {}
impl<T, U: IntoValue<T>> IntoValue<Vec<T>> for Vec<U> {}
impl<T, U: IntoValue<T>, const N: usize> IntoValue<Vec<T>> for [U; N] {}
impl<E: StringEnum> IntoValue<E> for Value<String> {}
impl<E: StringEnum> IntoValue<E> for &Value<String> {}
impl IntoValue<Json> for JsonValue {}
impl IntoValue<Json> for &str {}
impl IntoValue<Json> for Value<String> {}
impl IntoValue<Json> for &Value<String> {}
impl<T> IntoValue<Json> for Map<T> {}
impl<T, K: Into<String>, V: IntoValue<T>, const N: usize> IntoValue<Map<T>> for [(K, V); N] {}
impl<T, V: IntoValue<T>> IntoValue<Map<T>> for BTreeMap<String, V> {}

impl<T: Literal> From<T> for Value<T> {
    fn from(literal: T) -> Self {
        Self::from_expression(literal.into_expression())
    }
}

impl<T> From<&Value<T>> for Value<T> {
    fn from(value: &Self) -> Self {
        value.clone()
    }
}

/// A literal or a value of any type, for positions without an expected type: arguments of [`sub!`](crate::sub), outputs,
/// and properties that are set by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a literal nor a value",
    label = "expected a literal such as a string, or a `Value` such as a parameter or an attribute of a resource",
    note = "a handle is not a value: a method such as `reference()`, `name()` or `arn()` returns one",
    note = "an `Output` with a description or an export is added with `stack.add(id, Output::new(value))`"
)]
pub trait Untyped {
    /// Returns the expression, and the location that set it if it is known.
    fn into_untyped(self) -> (Expression, Option<CallerLocation>);
}

impl<T> Untyped for Value<T> {
    fn into_untyped(self) -> (Expression, Option<CallerLocation>) {
        (self.expression, self.source)
    }
}

impl<T> Untyped for &Value<T> {
    fn into_untyped(self) -> (Expression, Option<CallerLocation>) {
        self.clone().into_untyped()
    }
}

impl Untyped for &String {
    fn into_untyped(self) -> (Expression, Option<CallerLocation>) {
        self.as_str().into_untyped()
    }
}

impl<L: Literal> Untyped for L {
    fn into_untyped(self) -> (Expression, Option<CallerLocation>) {
        (self.into_expression(), None)
    }
}

macro_rules! untyped {
    ($($type:ty),*) => {$(
        impl Untyped for $type {
            fn into_untyped(self) -> (Expression, Option<CallerLocation>) {
                (Expression::Literal(self.into()), None)
            }
        }
    )*};
}
untyped!(&str, i32, u32, u64, usize, JsonValue);

macro_rules! scalars {
    ($($scalar:ty),*) => {$(
        impl Literal for $scalar {
            fn into_expression(self) -> Expression {
                Expression::Literal(self.into())
            }
        }
    )*};
}
scalars!(String, bool, i64, f64);

impl From<&str> for Value<String> {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<i64> for Value<f64> {
    fn from(number: i64) -> Self {
        Self::from_expression(Expression::Literal(number.into()))
    }
}

impl<T, U: IntoValue<T>> From<Vec<U>> for Value<Vec<T>> {
    fn from(items: Vec<U>) -> Self {
        Self::from_expression(Expression::List(
            items.into_iter().map(|item| item.into().expression).collect(),
        ))
    }
}

impl<T, U: IntoValue<T>, const N: usize> From<[U; N]> for Value<Vec<T>> {
    fn from(items: [U; N]) -> Self {
        Vec::from(items).into()
    }
}

/// Marks an enumeration of strings: a `Value<String>`, such as a parameter, can be used in its place.
pub trait StringEnum {}

impl<E: StringEnum> From<Value<String>> for Value<E> {
    fn from(text: Value<String>) -> Self {
        text.cast()
    }
}

impl<E: StringEnum> From<&Value<String>> for Value<E> {
    fn from(text: &Value<String>) -> Self {
        text.clone().cast()
    }
}

/// A free-form JSON document that can contain values.
///
/// ```
/// use stackwright_synth::{Json, Value};
///
/// let document: Value<Json> = serde_json::json!({ "maxReceiveCount": 3 }).into();
/// # let _ = document;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Json(Expression);

impl Json {
    /// Creates an object from properties, which are written in their order.
    pub fn object(entries: impl IntoIterator<Item = Property>) -> Self {
        Self(Expression::Object(entries.into_iter().collect()))
    }
}

impl Literal for Json {
    fn into_expression(self) -> Expression {
        self.0
    }
}

impl From<JsonValue> for Value<Json> {
    fn from(document: JsonValue) -> Self {
        Self::from_expression(Expression::Literal(document))
    }
}

impl From<&str> for Value<Json> {
    fn from(text: &str) -> Self {
        JsonValue::from(text).into()
    }
}

impl From<Value<String>> for Value<Json> {
    fn from(text: Value<String>) -> Self {
        text.cast()
    }
}

impl From<&Value<String>> for Value<Json> {
    fn from(text: &Value<String>) -> Self {
        text.clone().into()
    }
}

/// A map from names to values, such as environment variables.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Map<T> {
    entries: Vec<Property>,
    values: PhantomData<fn() -> T>,
}

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), values: PhantomData }
    }
}

impl<T> Map<T> {
    /// Sets the value for a name. A second call for the same name replaces the value.
    #[track_caller]
    pub fn set(mut self, name: impl Into<String>, value: impl IntoValue<T>) -> Self {
        set(&mut self.entries, Property::new(name.into(), value.into()));
        self
    }

    /// Returns whether the map has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T> Literal for Map<T> {
    fn into_expression(self) -> Expression {
        Expression::Object(self.entries)
    }
}

impl<T> From<Map<T>> for Value<Json> {
    fn from(map: Map<T>) -> Self {
        Self::from_expression(map.into_expression())
    }
}

impl<T, K: Into<String>, V: IntoValue<T>, const N: usize> From<[(K, V); N]> for Value<Map<T>> {
    #[track_caller]
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().fold(Map::default(), |map, (name, value)| map.set(name, value)).into()
    }
}

impl<T, V: IntoValue<T>> From<BTreeMap<String, V>> for Value<Map<T>> {
    #[track_caller]
    fn from(entries: BTreeMap<String, V>) -> Self {
        entries.into_iter().fold(Map::default(), |map, (name, value)| map.set(name, value)).into()
    }
}
