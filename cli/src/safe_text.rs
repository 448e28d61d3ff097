//! Escapes strings from outside for the output that they are printed to.
//!
//! Reasons, outputs and names come from AWS, from hooks and from templates of other people. In a terminal, control
//! characters can move the cursor or change the title; in the log of a CI system, some strings are commands; in
//! Markdown, some are markup.

use std::fmt::Write as _;

use stackwright_review::is_unsafe_character as is_unsafe;

/// Escapes a string that is printed within a line: line breaks and tabs become spaces, other control characters are
/// escaped.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    without_commands(&safe)
}

/// Escapes a string of several lines, so that no line is a command of a CI system.
pub(crate) fn block(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (number, one) in text.split('\n').enumerate() {
        if number > 0 {
            safe.push('\n');
        }
        let one = one.strip_suffix('\r').unwrap_or(one);
        if one.trim_start().starts_with("::") {
            safe.push_str("| ");
        }
        for c in one.chars() {
            if c != '\t' && is_unsafe(c) {
                safe.extend(c.escape_unicode());
            } else {
                safe.push(c);
            }
        }
    }
    without_commands(&safe)
}

/// GitHub Actions and Azure Pipelines read `##[name]` and `##vso[name]` as commands anywhere in a line.
fn without_commands(text: &str) -> String {
    text.replace("##[", "# #[").replace("##vso[", "# #vso[")
}

/// Escapes a JSON document without changing its value, with the escapes of JSON.
pub(crate) fn json(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    for c in document.chars() {
        if c != '\n' && is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    // These characters can only occur in a string.
    safe.replace("##[", "#\\u0023[").replace("##vso[", "#\\u0023vso[")
}

/// Escapes a string for Markdown, also within a table: it is shown literally, without markup or mentions.
pub(crate) fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in line(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // A mention would notify a user.
            '@' => safe.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Returns a string as inline code of Markdown, also for use in a table.
pub(crate) fn markdown_code(text: &str) -> String {
    let text = line(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\r\nc"), "a\\u{1b}[2Jb  c");
        assert_eq!(block("a\u{1b}]0;title\u{7}\nb\r\n"), "a\\u{1b}]0;title\\u{7}\nb\n");
        assert_eq!(line("abc\u{202e}cba"), "abc\\u{202e}cba");
    }

    #[test]
    fn no_line_is_a_command_of_a_ci_system() {
        assert_eq!(
            block("reason\n  ::error::fake\n::stop-commands::x"),
            "reason\n|   ::error::fake\n| ::stop-commands::x"
        );
        assert_eq!(line("x ##[error]fake ##vso[task.complete]"), "x # #[error]fake # #vso[task.complete]");
    }

    #[test]
    fn a_json_document_keeps_its_value() {
        let value = serde_json::json!({ "a": "##[error]\u{9b}31m\u{202e}", "b": "x\n::error::" });
        let safe = json(&format!("{value:#}"));
        assert!(!safe.contains("##[") && !safe.contains('\u{9b}') && !safe.contains('\u{202e}'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }

    #[test]
    fn markdown_shows_the_text_and_no_markup() {
        assert_eq!(markdown("<b>|*x*| @team\n# y"), "&lt;b&gt;\\|\\*x\\*\\| &#64;team \\# y");
        assert_eq!(markdown_code("a`b|c"), "`` a`b\\|c ``");
        assert_eq!(markdown_code("plain"), "`plain`");
    }
}
