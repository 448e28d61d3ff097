//! Every public constructor has an example: a code block in the documentation of its crate that calls it. Generated types
//! (`resources/`) have examples in the documentation of their module.

use super::CRATES;
use super::sources::{Constructor, Sources, constructor};

/// Whether the code calls `Type::function` or `Type::<T>::function`.
fn calls(code: &str, constructor: &Constructor) -> bool {
    let Constructor { type_name, function } = constructor;
    code.match_indices(&format!("{type_name}::")).any(|(start, name)| {
        let before = code[..start].chars().next_back();
        let rest = &code[start + name.len()..];
        let rest = match rest.strip_prefix('<') {
            Some(_) => rest.split_once(">::").map_or("", |(_, rest)| rest),
            None => rest,
        };
        let follows = rest.strip_prefix(function.as_str()).and_then(|rest| rest.chars().next());
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
            && follows.is_some_and(|letter| !letter.is_alphanumeric() && letter != '_')
    })
}

#[test]
fn every_public_constructor_has_an_example() {
    let mut missing = Vec::new();
    for name in CRATES {
        let sources = Sources::read(name);
        let constructors = sources.constructors();
        assert!(!constructors.is_empty(), "no constructor was found in {name}");
        let code = sources.examples();
        let without = constructors.iter().filter(|constructor| !calls(&code, constructor));
        missing.extend(without.map(|one| format!("{name}: {}::{}", one.type_name, one.function)));
    }
    assert!(
        missing.is_empty(),
        "no example in the documentation of the crate calls:\n{}",
        missing.join("\n")
    );
}

/// The test above reads no expansions of macros, so that a macro must not define a constructor.
#[test]
fn no_macro_defines_a_constructor() {
    let mut found = Vec::new();
    for name in CRATES {
        for (module, text) in &Sources::read(name).0 {
            found
                .extend(constructors_in_macros(text).map(|function| format!("{name}: {module}: {function}")));
        }
    }
    assert!(found.is_empty(), "write these constructors outside of the macros:\n{}", found.join("\n"));
}

/// The names of the constructors in the bodies of `macro_rules!`.
fn constructors_in_macros(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("\nmacro_rules! ").skip(1).flat_map(|rest| {
        let body = rest.split("\n}").next().unwrap_or_default();
        let lines: Vec<String> = body.lines().map(|line| format!("    {}", line.trim_start())).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        (0..lines.len()).filter_map(|start| constructor(&lines[start..], "Self")).collect::<Vec<_>>()
    })
}

#[test]
fn constructors_in_macros_are_recognized() {
    let text = "//! Text.\nmacro_rules! policy {\n    ($name:ident) => {\n        impl $name {\n            pub fn new() -> Self {\n            }\n            \
                pub fn set(self) -> Self {\n            }\n        }\n    };\n}\nimpl Other {\n    pub fn of() -> Self {\n    }\n}\n";
    assert_eq!(constructors_in_macros(text).collect::<Vec<_>>(), ["new"]);
}

#[test]
fn constructors_are_recognized() {
    let sources = Sources(vec![
        (String::new(), "mod private;\npub mod public;\npub use private::Exported;\n".into()),
        (
            "private".into(),
            "pub struct Exported;\npub struct Hidden;\nimpl Exported {\n    /// ```\n    /// Exported::new();\n    /// ```\n    \
             pub fn new() -> Self {\n    }\n    pub fn other(self) -> Self {\n    }\n}\n\
             impl Hidden {\n    pub fn new() -> Self {\n    }\n}\n"
                .into(),
        ),
        (
            "public".into(),
            "pub struct Open<T>(T);\npub type Alias = Open<u8>;\nimpl<T: Into<u8>> Open<T> {\n    pub fn of(\n        \
             text: &str,\n    ) -> Result<Self, String> {\n    }\n}\n"
                .into(),
        ),
    ]);
    let names: Vec<_> = sources.constructors().into_iter().map(|one| (one.type_name, one.function)).collect();
    let expected = [("Exported", "new"), ("Open", "of")];
    assert_eq!(names, expected.map(|(type_name, function)| (type_name.to_owned(), function.to_owned())));

    let open = Constructor { type_name: "Open".into(), function: "of".into() };
    assert!(!calls(&sources.examples(), &open));
    assert!(calls("let open = Open::<u8>::of(\"text\");", &open));
    assert!(
        calls("Open::of(1)", &open) && !calls("Open::of_text(1)", &open) && !calls("Reopen::of(1)", &open)
    );
}
