//! Markdown: texts of others inside of ours.

use crate::visible::{is_unsafe_character, visible};

/// A text inside a cell of a table, or in a line.
pub(crate) fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // A text from a template neither mentions a person nor links an issue.
            '@' => escaped.push_str("&#64;"),
            '\n' | '\r' => escaped.push(' '),
            other if is_unsafe_character(other) => escaped.extend(other.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text as code inside a cell of a table, whatever it holds.
pub(crate) fn code(text: &str) -> String {
    let text = visible(&text.replace(['\n', '\r'], " ")).replace('|', "\\|");
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // A space keeps a backtick of the text apart from the fence.
    let space = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_stays_text() {
        assert_eq!(cell("a|b\n<img> @all *x*"), "a\\|b &lt;img&gt; &#64;all \\*x\\*");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("\u{1b}[8m\u{202e}"), "`\\u{1b}[8m\\u{202e}`");
    }
}
