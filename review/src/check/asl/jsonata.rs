//! Expressions of states that use JSONata, as far as their tokens show what is wrong.

/// The expression in a string: what stands between `{%` and `%}`. `None` if the string is no expression, and an error if only
/// one of the two marks is there.
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

/// Returns what is wrong with an expression: it is empty, a bracket, quote or comment is not closed, or an operator has no
/// operand.
pub(in crate::check) fn problem(expression: &str) -> Option<String> {
    let mut open: Vec<char> = Vec::new();
    let mut letters = expression.char_indices().peekable();
    // Whether a value ends where the reader is: a slash divides there, and starts a regular expression elsewhere.
    let mut is_behind_value = false;
    let mut is_empty = true;
    let mut operator = None;
    while let Some((at, letter)) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        if letter == '/' && letters.peek().is_some_and(|(_, next)| *next == '*') {
            let end = expression[at + 2..].find("*/");
            let Some(end) = end.map(|end| at + 2 + end + 2) else {
                return Some("a comment is not closed".to_owned());
            };
            while letters.next_if(|(at, _)| *at < end).is_some() {}
            continue;
        }
        is_empty = false;
        operator = None;
        match letter {
            '"' | '\'' | '`' => {
                if !skip_to(&mut letters, letter) {
                    return Some(format!("the quote {letter} is not closed"));
                }
                is_behind_value = true;
            }
            '/' if !is_behind_value => {
                if !skip_to(&mut letters, '/') {
                    return Some("a regular expression is not closed".to_owned());
                }
                while letters.next_if(|(_, flag)| "im".contains(*flag)).is_some() {}
                is_behind_value = true;
            }
            '(' | '[' | '{' => {
                open.push(letter);
                is_behind_value = false;
            }
            ')' | ']' | '}' => {
                let wanted = match letter {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                match open.pop() {
                    Some(opened) if opened == wanted => is_behind_value = true,
                    Some(opened) => return Some(format!("`{opened}` is closed by `{letter}`")),
                    None => return Some(format!("`{letter}` closes nothing")),
                }
            }
            _ if letter.is_alphanumeric() || "$_".contains(letter) => {
                let is_part = |part: &(usize, char)| part.1.is_alphanumeric() || "$_".contains(part.1);
                let mut end = at + letter.len_utf8();
                while let Some((more, part)) = letters.next_if(is_part) {
                    end = more + part.len_utf8();
                }
                // Behind a word of these an operand follows.
                let word = &expression[at..end];
                is_behind_value = !["and", "or", "in"].contains(&word);
            }
            // `*` and `%` are values too: every field, and the parent.
            '*' | '%' => is_behind_value = true,
            _ => {
                operator = Some(letter);
                is_behind_value = false;
            }
        }
    }
    match (is_empty, open.last(), operator) {
        (true, ..) => Some("the expression is empty".to_owned()),
        (_, Some(opened), _) => Some(format!("`{opened}` is not closed")),
        (_, _, Some(last)) if "+-/&=<>.,:?^~@#!".contains(last) => {
            Some(format!("an operand is missing behind `{last}`"))
        }
        _ => None,
    }
}

/// Skips to the end of a quoted part; `false` if it has none.
fn skip_to(letters: &mut std::iter::Peekable<std::str::CharIndices<'_>>, end: char) -> bool {
    let mut escaped = false;
    for (_, letter) in letters.by_ref() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if end != '`' => escaped = true,
            _ if letter == end => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_with_both_marks_are_expressions() {
        assert_eq!(expression("{% $states.input.a %}"), Some(Ok(" $states.input.a ")));
        assert_eq!(expression("plain"), None);
        assert_eq!(expression("50 {% in the middle %}"), None);
        assert!(matches!(expression("{% a"), Some(Err(_))));
        assert!(matches!(expression(" {% a %}"), Some(Err(_))));
        assert!(matches!(expression("$a %}"), Some(Err(_))));
        assert!(matches!(expression("{%}"), Some(Err(_))));
    }

    #[test]
    fn tokens_show_what_is_wrong() {
        for good in [
            " $states.input ",
            "$map($states.input.items, function($v, $i) { $v.price * $i })",
            "'it''s' & \"a ) \\\" b\" & `a b`.c",
            "$match(a, /a[)]b/i) /* a comment ) */",
            "a / b / c",
            "items[price > 10 and name in ['a', 'b']].%.name",
            "(a := 1; $a + 2;)",
            "{ 'a': 1, 'b': [1..3] }",
            "*",
            "$x ~> |$|{}, 'a'|",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["", "  ", "(a", "a)", "[a}", "'a", "a & ", "/* a", "$match(a, /b", "a +", "{ 'a': 1"] {
            assert!(problem(bad).is_some(), "{bad}");
        }
    }
}
