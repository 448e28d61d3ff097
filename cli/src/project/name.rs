//! The name of a project: it is the name of the package and, with the ID of a stack, of its stacks in CloudFormation.

use std::str::FromStr;

/// A valid name: a letter, then letters, digits and hyphens, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// The reason why a name was rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error(
        "`{name}` is not a valid project name: use a letter, then letters, digits and hyphens, at most 64 \
         characters, such as `{}`",
        similar(name)
    )]
    Characters { name: String },
    #[error(
        "`{name}` cannot be the name of a Rust package: choose another name, such as `{}`",
        similar(name)
    )]
    Reserved { name: String },
}

/// Returns a valid name that is similar to an invalid one.
fn similar(name: &str) -> String {
    let is_valid = |c: char| c.is_ascii_alphanumeric();
    // A word with letters outside of ASCII is left out, because the rest of the word would have no meaning.
    let is_foreign = |word: &&str| word.is_empty() || !word.is_ascii();
    let words = name.split(|c: char| c.is_ascii() && !is_valid(c)).filter(|word| !is_foreign(word));
    let name = words.collect::<Vec<_>>().join("-");
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let name: String = name.chars().take(58).collect();
    let name = name.trim_end_matches('-');
    match name {
        "" => "my-stacks".to_owned(),
        name if is_reserved(name) => format!("{name}-stacks"),
        name => name.to_owned(),
    }
}

/// Names that Cargo, the compiler or the file systems of Windows reject, and the crates on which the project depends.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "aux",
    "await",
    "become",
    "box",
    "break",
    "build",
    "con",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "insta",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "nul",
    "override",
    "priv",
    "prn",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "stackwright",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Windows reserves the names of devices, such as `COM1` and `LPT9`.
    let device = name.strip_prefix("com").or_else(|| name.strip_prefix("lpt"));
    let is_device =
        device.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()));
    is_device || RESERVED.contains(&name.as_str())
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let valid = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && !text.ends_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !valid {
            return Err(NameError::Characters { name: text.to_owned() });
        }
        if is_reserved(text) {
            return Err(NameError::Reserved { name: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl Name {
    /// Returns the name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the package: in lower case, because the compiler warns about crates with capital letters.
    pub fn package(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Returns the name of the library crate, as it is written in Rust code.
    pub fn crate_name(&self) -> String {
        self.package().replace('-', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_cargo_and_cloudformation() {
        for name in ["arr-coc", "Serving2", "a"] {
            assert_eq!(name.parse::<Name>().map(|name| name.0), Ok(name.to_owned()));
        }
        let name: Name = "My-Stacks".parse().unwrap();
        assert_eq!((name.as_str(), name.package().as_str()), ("My-Stacks", "my-stacks"));
        assert_eq!(name.crate_name(), "my_stacks");
        for name in ["", "2fast", "my_app", "über", "a b", "a-", "../up", &"a".repeat(65)] {
            assert_eq!(name.parse::<Name>(), Err(NameError::Characters { name: name.to_owned() }), "{name}");
        }
        for name in ["fn", "test", "stackwright", "insta", "deps", "While", "CON", "lpt1"] {
            assert_eq!(name.parse::<Name>(), Err(NameError::Reserved { name: name.to_owned() }), "{name}");
        }
    }

    #[test]
    fn an_invalid_name_is_reported_with_a_similar_valid_one() {
        for (name, expected) in [
            ("my app", "my-app"),
            ("my_app.v2", "my-app-v2"),
            ("2fast", "fast"),
            ("fn", "fn-stacks"),
            ("über", "my-stacks"),
            ("café shop", "shop"),
            ("..", "my-stacks"),
            (&"a".repeat(65), &"a".repeat(58)),
        ] {
            let message = name.parse::<Name>().unwrap_err().to_string();
            assert!(message.ends_with(&format!("such as `{expected}`")), "{message}");
            assert!(expected.parse::<Name>().is_ok());
        }
    }
}
