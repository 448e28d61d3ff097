//! Characters of a template that would change what a reviewer sees.

use std::borrow::Cow;

/// Returns whether a character can change how other text is displayed: control characters, such as those that start an
/// escape sequence of a terminal, and characters that change the direction of the text.
pub fn is_unsafe_character(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Returns the text with an escape, such as `\u{1b}`, instead of each such character.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe_character) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe_character(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}
