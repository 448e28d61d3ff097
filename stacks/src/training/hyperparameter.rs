//! Hyperparameters, typed here and texts of JSON to SageMaker.

use serde_json::Value as JsonValue;
use stackwright_synth::{Expression, Json, Property, Value, sub};

/// A hyperparameter's value. SageMaker takes texts only; its training toolkit reads each as JSON, so `32` reaches
/// the script as a number and `"cosine"` as a text.
#[derive(Clone, Debug)]
pub struct Hyperparameter(pub(super) Value<String>);

impl From<JsonValue> for Hyperparameter {
    #[track_caller]
    fn from(value: JsonValue) -> Self {
        Self(Value::from(value.to_string()).with_caller_location())
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
literals!(&str, String, bool, i32, i64, f64);

impl From<Value<String>> for Hyperparameter {
    #[track_caller]
    fn from(text: Value<String>) -> Self {
        let text = text.with_caller_location();
        let source = text.location();
        Self(match text.expression() {
            Expression::Literal(JsonValue::String(literal)) => {
                Value::from(JsonValue::from(literal.as_str()).to_string()).with_location(source)
            }
            // What the run of a pipeline fills in comes as it is: the toolkit takes what is no JSON for a text.
            Expression::Object(_) | Expression::Literal(JsonValue::Object(_)) => text,
            _ => sub!("\"{}\"", text).with_location(source),
        })
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
                let source = number.location();
                Self(match number.expression() {
                    Expression::Literal(literal) if !literal.is_object() => {
                        Value::from(literal.to_string()).with_location(source)
                    }
                    Expression::Object(_) | Expression::Literal(_) => as_text(number.cast()),
                    _ => number.cast(),
                })
            }
        }
    )*};
}
numbers!(i64, f64, bool);

/// A number that the run of a pipeline fills in, as a text.
fn as_text(value: Value<String>) -> Value<String> {
    let parts: Value<Vec<String>> = vec![value].into();
    let join = [Property::new("On", ""), Property::new("Values", parts)];
    Value::<Json>::from(Json::object([Property::new("Std:Join", Value::<Json>::from(Json::object(join)))]))
        .cast()
}
