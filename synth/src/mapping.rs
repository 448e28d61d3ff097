//! Mappings: constant tables in a template.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as JsonValue;

use crate::construct::{Construct, Scope};
use crate::value::{Expression, IntoValue, Property, Value};

/// A constant table with two keys, such as the region and the name of a setting (the section `Mappings` of the
/// template).
///
/// ```
/// use stackwright_synth::{App, Mapping, Resource, Value, intrinsic};
///
/// let app = App::new("shop");
/// let stack = app.stack("Queues");
/// let delays = stack.add("Delays", Mapping::new().set("us-east-1", "Seconds", 5).set("eu-west-1", "Seconds", 9));
/// let delay: Value<i64> = delays.find(intrinsic::region(), "Seconds");
/// stack.add("Jobs", Resource::of("AWS::SQS::Queue").set("DelaySeconds", delay));
/// # assert!(app.synth()?.stacks[0].template.json().contains("Fn::FindInMap"));
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    pub(crate) rows: IndexMap<String, IndexMap<String, JsonValue>>,
}

impl Mapping {
    /// Creates an empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value for two keys: a string, a number, a boolean or a list of them. A second call for the same keys
    /// replaces the value.
    pub fn set(
        mut self,
        top: impl Into<String>,
        second: impl Into<String>,
        value: impl Into<JsonValue>,
    ) -> Self {
        self.rows.entry(top.into()).or_default().insert(second.into(), value.into());
        self
    }
}

impl Construct for Mapping {
    type Handle = MappingHandle;

    fn build(self, scope: &mut Scope<'_>) -> MappingHandle {
        MappingHandle(scope.insert(self, |contents| &mut contents.mappings).logical_id)
    }
}

/// A [`Mapping`] that was added to a stack, in which values can be looked up.
#[derive(Clone, Debug)]
pub struct MappingHandle(Arc<str>);

impl MappingHandle {
    /// Returns the value for two keys (`Fn::FindInMap`). The caller ensures that the value is a `T`. If a key is
    /// missing, CloudFormation refuses the deployment.
    pub fn find<T>(&self, top: impl IntoValue<String>, second: impl IntoValue<String>) -> Value<T> {
        self.look_up(top, second, None)
    }

    /// Returns the value for two keys, or the default value if one of them is missing (`Fn::FindInMap` with
    /// `DefaultValue`). The template gets the transform `AWS::LanguageExtensions`.
    #[track_caller]
    pub fn find_or<T>(
        &self,
        top: impl IntoValue<String>,
        second: impl IntoValue<String>,
        default: impl IntoValue<T>,
    ) -> Value<T> {
        self.look_up(
            top,
            second,
            Some(Expression::Object(vec![Property::new("DefaultValue", default.into())])),
        )
    }

    fn look_up<T>(
        &self,
        top: impl IntoValue<String>,
        second: impl IntoValue<String>,
        default: Option<Expression>,
    ) -> Value<T> {
        let name = Expression::Literal(self.0.as_ref().into());
        let mut arguments = vec![name, top.into().expression, second.into().expression];
        arguments.extend(default);
        Value::from_expression(Expression::Function("Fn::FindInMap", Box::new(Expression::List(arguments))))
    }
}
