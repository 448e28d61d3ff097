//! Patterns for names and paths.

/// Returns whether a pattern matches a whole name: `*` matches any characters, `?` matches one.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[position] => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((back, start)) = star else { return false };
                star = Some((back, start + 1));
                at = back + 1;
                position = start + 1;
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_characters() {
        assert!(
            matches("legacy/*.yaml", "legacy/a/b.yaml") && matches("S?rving", "Serving") && matches("*", "")
        );
        assert!(!matches("legacy/*.yaml", "new/a.yaml") && !matches("a", "ab"));
    }
}
