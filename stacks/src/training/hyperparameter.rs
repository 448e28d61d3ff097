//! Hyperparameters: typed in the program, strings in the request.

use serde_json::Value as JsonValue;
use stackwright_synth::{Expression, IntoValue, Json, Property, Value, sub};

/// The format of the values of hyperparameters in the request of a training job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HyperparameterFormat {
    /// JSON: the string `cosine` is written as `"cosine"`, with quotation marks. The SageMaker training toolkit in the
    /// framework containers decodes the value. The SageMaker Python SDK does the same for every estimator with an entry point.
    Json,
    /// Unquoted strings: the string `reg:squarederror` is written without quotation marks. SageMaker's built-in
    /// algorithms, the algorithms of AWS Marketplace and most images without the training toolkit read values in this format.
    Plain,
}

/// The value of a hyperparameter of a training job. Strings, numbers, booleans, JSON values and references convert into it.
///
/// SageMaker accepts strings only. The string for a value depends on the job's [`HyperparameterFormat`];
/// [`Hyperparameter::plain`] is written unchanged in every job.
///
/// ```
/// use stackwright_stacks::training::Hyperparameter;
///
/// let number = Hyperparameter::from(32);
/// let objective = Hyperparameter::plain("reg:squarederror");
/// ```
#[derive(Clone, Debug)]
pub struct Hyperparameter {
    json: Value<String>,
    plain: Value<String>,
}

impl Hyperparameter {
    /// Creates a value from a string that is written into the request as it is, without quotation marks, in jobs of
    /// either format.
    #[track_caller]
    pub fn plain(text: impl IntoValue<String>) -> Self {
        let text = text.into().with_caller_location();
        Self { json: text.clone(), plain: text }
    }

    /// The string that is written to the request.
    pub(super) fn written(self, format: HyperparameterFormat) -> Value<String> {
        match format {
            HyperparameterFormat::Json => self.json,
            HyperparameterFormat::Plain => self.plain,
        }
    }

    #[track_caller]
    pub(super) fn with_caller_location(mut self) -> Self {
        self.json = self.json.with_caller_location();
        self.plain = self.plain.with_caller_location();
        self
    }
}

impl From<JsonValue> for Hyperparameter {
    #[track_caller]
    fn from(value: JsonValue) -> Self {
        let json = Value::from(value.to_string()).with_caller_location();
        let plain = match value {
            JsonValue::String(text) => Value::from(text).with_caller_location(),
            _ => json.clone(),
        };
        Self { json, plain }
    }
}

macro_rules! literals {
    ($($type:ty),*) => {$(
        impl From<$type> for Hyperparameter {
            #[track_caller]
            fn from(value: $type) -> Self {
                JsonValue::from(value).into()
            }
        }
    )*};
}
literals!(&str, String, bool, i32, i64, u32, f64);

impl From<Value<String>> for Hyperparameter {
    #[track_caller]
    fn from(text: Value<String>) -> Self {
        let plain = text.with_caller_location();
        let location = plain.location();
        let json = match plain.expression() {
            Expression::Literal(JsonValue::String(literal)) => {
                Value::from(JsonValue::from(literal.as_str()).to_string()).with_location(location)
            }
            // A value that a pipeline resolves cannot be quoted here. The toolkit reads a value that is not JSON as a
            // string.
            Expression::Object(_) | Expression::Literal(JsonValue::Object(_)) => plain.clone(),
            _ => sub!("\"{}\"", &plain).with_location(location),
        };
        Self { json, plain }
    }
}

impl From<&Value<String>> for Hyperparameter {
    #[track_caller]
    fn from(text: &Value<String>) -> Self {
        text.clone().into()
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl From<Value<$type>> for Hyperparameter {
            #[track_caller]
            fn from(number: Value<$type>) -> Self {
                let number = number.with_caller_location();
                let location = number.location();
                let text = match number.expression() {
                    Expression::Literal(literal) if !literal.is_object() => {
                        Value::from(literal.to_string()).with_location(location)
                    }
                    Expression::Object(_) | Expression::Literal(_) => as_string(number.cast()),
                    _ => number.cast(),
                };
                Self { json: text.clone(), plain: text }
            }
        }
    )*};
}
numbers!(i64, f64, bool);

/// Converts a number that a pipeline resolves when it runs to a string.
fn as_string(value: Value<String>) -> Value<String> {
    let parts: Value<Vec<String>> = vec![value].into();
    let join = [Property::new("On", ""), Property::new("Values", parts)];
    Value::<Json>::from(Json::object([Property::new("Std:Join", Value::<Json>::from(Json::object(join)))]))
        .cast()
}

#[cfg(test)]
mod tests {
    use super::{Hyperparameter, HyperparameterFormat::*};

    fn written(value: impl Into<Hyperparameter>) -> (String, String) {
        let value = value.into();
        let text = |format| {
            let written = value.clone().written(format);
            written.as_literal().and_then(|text| text.as_str()).map(str::to_owned).unwrap()
        };
        (text(Json), text(Plain))
    }

    #[test]
    fn strings_are_quoted_for_the_training_toolkit_only() {
        assert_eq!(written("reg:squarederror"), ("\"reg:squarederror\"".into(), "reg:squarederror".into()));
        assert_eq!(written(0.2), ("0.2".into(), "0.2".into()));
        assert_eq!(written(true), ("true".into(), "true".into()));
        assert_eq!(written(Hyperparameter::plain("x")), ("x".into(), "x".into()));
    }
}
