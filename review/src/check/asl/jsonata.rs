//! Expressions of states that use JSONata: their position in strings, and their syntax.

mod parser;
mod tokens;

use tokens::Lexer;

/// Returns the expression in a string: the text between `{%` and `%}`. `None` if the string is not an expression, and an error if
/// only one of the two marks is there.
pub(in crate::check) fn expression(text: &str) -> Option<Result<&str, &'static str>> {
    match (text.strip_prefix("{%"), text.ends_with("%}")) {
        (Some(rest), true) => Some(rest.strip_suffix("%}").ok_or("the expression has no end")),
        (Some(_), false) => Some(Err("the string starts with `{%` and does not end with `%}`")),
        (None, true) if text.trim_start().starts_with("{%") => Some(Err("the string has spaces before `{%`")),
        (None, true) if !text.contains("{%") => {
            Some(Err("the string ends with `%}` and does not start with `{%`"))
        }
        _ => None,
    }
}

/// Returns what is wrong with the syntax of an expression. An expression that is nested deeper than the parser reads is not
/// judged.
pub(in crate::check) fn problem(expression: &str) -> Option<String> {
    match parser::parse(Lexer::new(expression)) {
        Ok(()) | Err(parser::Fault::TooDeep) => None,
        Err(parser::Fault::Syntax(problem)) => Some(problem),
    }
}

#[cfg(test)]
#[path = "jsonata/tests.rs"]
mod tests;
