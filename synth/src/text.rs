//! The formatting macro [`sub!`](crate::sub): strings with literals and references.

use serde_json::Value as JsonValue;

use crate::value::{Expression, Literal, Untyped, Value};

/// Formats a string from literals and values, and returns a [`Value<String>`](crate::Value). It becomes `Fn::Sub` if
/// CloudFormation has to resolve a part, otherwise a plain string.
///
/// `{}` is replaced with the next argument; `{{` and `}}` are literal braces. Arguments are strings, numbers, booleans
/// and values of them. A wrong number of arguments does not compile.
///
/// ```
/// use stackwright_synth::{intrinsic::{partition, region}, sub};
/// let prefix = sub!("arn:{}:s3:::models-{}/v{}/*", partition(), region(), 2);
/// assert_eq!(sub!("{}-{}", "a", 1).as_literal().unwrap(), "a-1");
/// ```
///
/// ```compile_fail
/// stackwright_synth::sub!("{} and {}", "only one");
/// ```
#[macro_export]
macro_rules! sub {
    ($format:literal $(, $argument:expr)* $(,)?) => {{
        const _: () = assert!(
            $crate::count_placeholders($format) == {
                const ARGUMENTS: &[&str] = &[$(stringify!($argument)),*];
                ARGUMENTS.len()
            },
            "sub! needs one argument for each pair of braces in its text"
        );
        $crate::text($format, $crate::Parts::default()$(.with($argument))*)
    }};
}

/// Returns the number of `{}` in a format.
#[doc(hidden)]
pub const fn count_placeholders(format: &str) -> usize {
    let bytes = format.as_bytes();
    let (mut count, mut at) = (0, 0);
    while at + 1 < bytes.len() {
        if (bytes[at] == b'{' || bytes[at] == b'}') && bytes[at + 1] == bytes[at] {
            at += 2;
        } else if bytes[at] == b'{' && bytes[at + 1] == b'}' {
            count += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    count
}

/// The arguments of [`sub!`](crate::sub).
#[derive(Default)]
#[must_use]
pub struct Parts(Vec<Expression>);

impl Parts {
    /// Adds an argument.
    pub fn with(mut self, part: impl Untyped) -> Self {
        self.0.push(part.into_untyped().0);
        self
    }
}

/// Returns the format in which the arguments are inserted.
#[doc(hidden)]
pub fn text(format: &str, parts: Parts) -> Value<String> {
    let mut pieces: Vec<Expression> = Vec::new();
    let mut literal = String::new();
    let mut parts = parts.0.into_iter();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('{', Some('{')) | ('}', Some('}')) => literal.extend(characters.next()),
            ('{', Some('}')) => {
                characters.next();
                for piece in parts.next().map(flattened).into_iter().flatten() {
                    match scalar_text(&piece) {
                        Some(text) => literal.push_str(&text),
                        None => {
                            if !literal.is_empty() {
                                pieces.push(std::mem::take(&mut literal).into_expression());
                            }
                            pieces.push(piece);
                        }
                    }
                }
            }
            (other, _) => literal.push(other),
        }
    }
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(literal.into_expression());
    }
    Value::from_expression(match pieces.len() {
        1 => pieces.remove(0),
        _ => Expression::Text(pieces),
    })
}

/// Returns the text of a scalar literal.
fn scalar_text(piece: &Expression) -> Option<String> {
    match piece {
        Expression::Literal(scalar @ (JsonValue::String(_) | JsonValue::Number(_) | JsonValue::Bool(_))) => {
            Some(crate::function::scalar_text(scalar).into_owned())
        }
        _ => None,
    }
}

/// Appends a part. A formatted string inside another one is merged into it.
fn flattened(part: Expression) -> Vec<Expression> {
    match part {
        Expression::Text(pieces) => pieces,
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use crate::intrinsic::region;

    #[test]
    fn literals_fold_and_texts_flatten() {
        assert_eq!(sub!("{{{}}}-{}", "a", 3).as_literal().unwrap(), "{a}-3");
        let inner = sub!("x-{}", region());
        assert_eq!(sub!("s3://{}/y", inner), sub!("s3://x-{}/y", region()));
        assert_eq!(sub!(""), "".into());
    }
}
