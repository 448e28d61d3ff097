//! Errors of regular expressions that are errors in every syntax of regular expressions.

/// Returns why a regular expression cannot be compiled: a group or a character class is not closed, a quantifier has nothing to
/// repeat, or the pattern ends in a backslash. CloudFormation uses the syntax of Java, which differs from that of Rust; what
/// only one of them refuses is not reported.
pub(super) fn fault(pattern: &str) -> Option<String> {
    let mut letters = pattern.chars().peekable();
    let mut open_groups = 0_usize;
    // Whether there is something before the position that a quantifier can repeat.
    let mut has_operand = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let Some(escaped) = letters.next() else { return Some("it ends in a backslash".into()) };
                if escaped == 'Q' {
                    // Everything up to `\\E` is literal.
                    return None;
                }
                has_operand = true;
            }
            '[' => {
                if !skip_class(&mut letters) {
                    return Some("a `[` is not closed".into());
                }
                has_operand = true;
            }
            '(' => {
                open_groups += 1;
                has_operand = false;
                if letters.next_if_eq(&'?').is_some() {
                    // The marks of a group that does not capture, of a look-around or of flags.
                    while letters.next_if(|mark| ":=!<>imsux-".contains(*mark)).is_some() {}
                    has_operand = letters.peek() == Some(&')');
                }
            }
            ')' => {
                let Some(rest) = open_groups.checked_sub(1) else {
                    return Some("a `)` closes no group".into());
                };
                open_groups = rest;
                has_operand = true;
            }
            '*' | '+' | '?' => {
                if !has_operand {
                    return Some(format!("the quantifier `{letter}` has nothing to repeat"));
                }
                // Behind a quantifier, `?` and `+` change how it repeats.
                letters.next_if(|mark| "?+".contains(*mark));
                has_operand = false;
            }
            '|' => has_operand = false,
            _ => has_operand = true,
        }
    }
    (open_groups > 0).then(|| "a `(` is not closed".into())
}

/// Reads to the end of a character class; returns whether it has one. A `]` directly behind the start is a member.
fn skip_class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    letters.next_if_eq(&'^');
    letters.next_if_eq(&']');
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            ']' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn faults_of_every_syntax_are_found() {
        for pattern in ["[a-z", "(a|b", "a)", "*.example.com", "a|+b", "(?:*a)", "a\\", "[^]"] {
            assert!(fault(pattern).is_some(), "{pattern}");
        }
    }

    #[test]
    fn regular_expressions_of_templates_are_fine() {
        let patterns = [
            "",
            "[a-zA-Z][a-zA-Z0-9]*",
            "^(?=.*[A-Z])(?!.*[/@\" ])[a-zA-Z0-9]{8,}$",
            "(\\d{1,3})\\.(\\d{1,3})/(\\d{1,2})",
            "^$|(?:[0-9]+,)*[0-9]+",
            "[]a]+",
            "[a-z&&[^bc]]+",
            "\\Q[a\\E",
            "a++b*?c??",
            "(?i)ab|()",
            "[\\]\\[]+\\(",
            "[\\w+=,.@-]+",
            "(?<year>[0-9]{4})?",
        ];
        for pattern in patterns {
            assert_eq!(fault(pattern), None, "{pattern}");
        }
    }
}
