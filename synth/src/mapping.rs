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
#[must_use]
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
        let keys = self.rows.iter().map(|(top, row)| (top.clone(), row.keys().cloned().collect())).collect();
        let id = scope.insert(self, |contents| &mut contents.mappings).logical_id;
        MappingHandle { id, keys: Arc::new(keys) }
    }
}

/// A [`Mapping`] that was added to a stack, in which values can be looked up.
#[derive(Clone, Debug)]
pub struct MappingHandle {
    id: Arc<str>,
    /// The keys of the top level, each with its keys of the second level.
    keys: Arc<IndexMap<String, Vec<String>>>,
}

impl MappingHandle {
    /// Returns the value for two keys (`Fn::FindInMap`). The caller ensures that the value is a `T`. If a key is
    /// missing, CloudFormation refuses the deployment.
    #[track_caller]
    pub fn find<T>(&self, top: impl IntoValue<String>, second: impl IntoValue<String>) -> Value<T> {
        let (top, second) = (top.into(), second.into());
        match self.missing_key(&top, &second) {
            Some(key) => Value::invalid(
                "unknown-key",
                format!("the mapping `{}` has no value for the key `{key}`", self.id),
                "use a key of the top level, and a key of the second level",
            ),
            None => self.look_up(top, second, None),
        }
    }

    /// Returns a key that is known when the program runs, and that the mapping does not have.
    fn missing_key(&self, top: &Value<String>, second: &Value<String>) -> Option<String> {
        fn known(value: &Value<String>) -> Option<&str> {
            value.as_literal()?.as_str()
        }
        if let Some(key) = known(top).filter(|key| !self.keys.contains_key(*key)) {
            return Some(key.to_owned());
        }
        let mut rows = self.keys.iter().filter(|(name, _)| known(top).is_none_or(|key| key == name.as_str()));
        let key = known(second)?;
        (!rows.any(|(_, row)| row.iter().any(|one| one == key))).then(|| key.to_owned())
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
        let name = Expression::Literal(self.id.as_ref().into());
        let mut arguments = vec![name, top.into().expression, second.into().expression];
        arguments.extend(default);
        Value::from_expression(Expression::Function("Fn::FindInMap", Box::new(Expression::List(arguments))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intrinsic::region;
    use crate::{App, Resource};

    #[test]
    fn keys_that_the_mapping_does_not_have_are_errors_at_their_line() {
        let errors = |find: fn(&MappingHandle) -> Value<i64>| {
            let app = App::new("shop");
            let stack = app.stack("Queues");
            let delays = stack.add("Delays", Mapping::new().set("us-east-1", "Seconds", 5));
            stack.add("Jobs", Resource::of("AWS::SQS::Queue").set("DelaySeconds", find(&delays)));
            app.synth().map(drop)
        };
        assert!(errors(|delays| delays.find(region(), "Seconds")).is_ok());
        assert!(errors(|delays| delays.find("us-east-1", "Seconds")).is_ok());
        assert!(errors(|delays| delays.find_or("eu-west-1", "Seconds", 9)).is_ok());
        for find in [
            |delays: &MappingHandle| delays.find("Seconds", "us-east-1"),
            |delays: &MappingHandle| delays.find(region(), "seconds"),
            |delays: &MappingHandle| delays.find("eu-west-1", "Seconds"),
        ] {
            let found = errors(find).unwrap_err();
            let error = found.iter().next().unwrap();
            assert_eq!(error.kind.name(), "unknown-key", "{error:?}");
            assert!(error.location.as_ref().is_some_and(|at| at.file.ends_with("mapping.rs")), "{error:?}");
        }
    }
}
