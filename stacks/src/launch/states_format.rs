//! Variables of the run in the parameters of a state. Step Functions inserts them with intrinsic functions.

use stackwright_synth::{Expression, Property};

use crate::training::RunVariable;

/// Replaces the variables of the run by those of Step Functions: a member that contains one gets the suffix `.$` on
/// its name, and its value becomes a call of `States.Format`.
pub(super) fn with_context(expression: Expression) -> Expression {
    match expression {
        Expression::Object(properties) => Expression::Object(properties.into_iter().map(member).collect()),
        Expression::List(items) => Expression::List(items.into_iter().map(with_context).collect()),
        other => other,
    }
}

fn member(property: Property) -> Property {
    let is_string = |expression: &Expression| {
        RunVariable::of(expression).is_some()
            || !matches!(expression, Expression::Object(_) | Expression::List(_))
    };
    let call = match property.value() {
        value if !RunVariable::is_in(value) => return property,
        value if is_string(value) => Expression::Text(formatted(value)),
        Expression::List(items) if items.iter().all(is_string) => {
            let mut parts = vec![literal("States.Array(")];
            for (index, item) in items.iter().enumerate() {
                parts.extend((index > 0).then(|| literal(", ")));
                parts.extend(formatted(item));
            }
            parts.push(literal(")"));
            Expression::Text(parts)
        }
        _ => return property.map(with_context),
    };
    let name = format!("{}.$", property.name());
    property.renamed(name).map(|_| call)
}

/// A call of `States.Format` that returns a string with its variables replaced.
fn formatted(expression: &Expression) -> Vec<Expression> {
    let mut parts = vec![literal("States.Format('")];
    let mut arguments = Vec::new();
    append(expression, &mut parts, &mut arguments);
    parts.push(literal("'"));
    for path in arguments {
        parts.push(literal(&format!(", {path}")));
    }
    parts.push(literal(")"));
    parts
}

fn append(expression: &Expression, template: &mut Vec<Expression>, arguments: &mut Vec<&'static str>) {
    if let Some(variable) = RunVariable::of(expression) {
        template.push(literal("{}"));
        arguments.push(match variable {
            RunVariable::Id => "$$.Execution.Name",
            RunVariable::StartTime => "$$.Execution.StartTime",
        });
        return;
    }
    match expression {
        Expression::Text(parts) => parts.iter().for_each(|part| append(part, template, arguments)),
        Expression::Literal(serde_json::Value::String(text)) => template.push(literal(&escaped(text))),
        other => template.push(other.clone()),
    }
}

fn literal(text: &str) -> Expression {
    Expression::Literal(text.into())
}

/// Escapes a string for use between the quotes of an intrinsic function.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'").replace('{', "\\{").replace('}', "\\}")
}

#[cfg(test)]
mod tests {
    use stackwright_synth::{Json, Property, Value, sub};

    use super::*;

    #[test]
    fn members_with_variables_are_formatted() {
        let uri = sub!("s3://runs/{}/it's", RunVariable::id());
        let config = Json::object([Property::new("S3Uri", uri), Property::new("LocalPath", "/opt")]);
        let value: Value<Json> =
            Json::object([Property::new("CheckpointConfig", Value::<Json>::from(config))]).into();
        let Expression::Object(properties) = with_context(value.expression().clone()) else { panic!() };
        let Expression::Object(inner) = properties[0].value() else { panic!() };
        assert_eq!((inner[0].name(), inner[1].name()), ("S3Uri.$", "LocalPath"));
        let Expression::Text(parts) = inner[0].value() else { panic!() };
        let text: String = parts
            .iter()
            .map(|part| match part {
                Expression::Literal(text) => text.as_str().unwrap(),
                _ => panic!(),
            })
            .collect();
        assert_eq!(text, r"States.Format('s3://runs/{}/it\'s', $$.Execution.Name)");
    }
}
