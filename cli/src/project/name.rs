//! The name of a project: it is the name of the package and, with the ID of a stack, of its stacks in CloudFormation.

use std::str::FromStr;

/// A valid name: a letter, then letters, digits and hyphens, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// The reason why a name was rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error(
        "`{0}` is not a valid project name: use a letter, then letters, digits and hyphens, at most 64 characters"
    )]
    Characters(String),
    #[error("`{0}` cannot be the name of a Rust package: choose another name")]
    Reserved(String),
}

/// Names that Cargo or the compiler rejects, and the crates on which the project depends.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
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
    "override",
    "priv",
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

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let valid = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && !text.ends_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !valid {
            return Err(NameError::Characters(text.to_owned()));
        }
        if RESERVED.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(NameError::Reserved(text.to_owned()));
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
            assert_eq!(name.parse::<Name>(), Err(NameError::Characters(name.to_owned())), "{name}");
        }
        for name in ["fn", "test", "stackwright", "insta", "deps", "While"] {
            assert_eq!(name.parse::<Name>(), Err(NameError::Reserved(name.to_owned())), "{name}");
        }
    }
}
