//! Public types can get fields and variants without breaking programs: they are `#[non_exhaustive]`. Builders are `#[must_use]`, and
//! public fields have no tuples, whose parts have no names.

use super::CRATES;
use super::sources::{Sources, defined_type, without_tests};

/// Types without `#[non_exhaustive]`, and why.
const COMPLETE: &[(&str, &str)] = &[
    ("ActivationFormula", "the symbols of a paper, which programs write by name"),
    ("AsynchronousInstanceCount", "an enumeration without variants, which is only a type parameter"),
    ("CopyCount", "an enumeration without variants, which is only a type parameter"),
    ("InstanceCount", "an enumeration without variants, which is only a type parameter"),
    ("OneVariant", "an enumeration without variants, which is only a type parameter"),
    ("Order", "the two directions of a dependency"),
    ("Part", "the grammar of `Fn::Sub`"),
    ("ProvisionedConcurrency", "an enumeration without variants, which is only a type parameter"),
    ("QuotaId", "the code of a service and that of a quota, which programs write by name"),
    ("ResourceLocation", "the name of a stack and a logical ID, which programs write by name"),
    ("RollingUpdate", "an enumeration without variants, which is only a type parameter"),
    ("SeveralVariants", "an enumeration without variants, which is only a type parameter"),
    ("Stage1", "an enumeration without variants, which is only a type parameter"),
    ("Stage2", "an enumeration without variants, which is only a type parameter"),
    ("Stage3", "an enumeration without variants, which is only a type parameter"),
    ("StatesFormula", "the symbols of a paper, which programs write by name"),
    ("TensorRtLlm", "an enumeration without variants, which is only a type parameter"),
    ("Vllm", "an enumeration without variants, which is only a type parameter"),
    ("WithShadow", "an enumeration without variants, which is only a type parameter"),
];

/// A type with its attributes and the lines of its body.
struct Definition {
    name: String,
    attributes: Vec<String>,
    fields: Vec<String>,
    is_enum: bool,
}

impl Definition {
    fn can_grow(&self) -> bool {
        self.has("#[non_exhaustive]") || !self.is_enum && self.fields.is_empty()
    }

    fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|line| line.starts_with(attribute))
    }
}

/// The types that a file defines, with their public fields.
fn definitions(text: &str) -> Vec<Definition> {
    let lines: Vec<&str> = without_tests(text).lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(at, line)| Some((at, defined_type(line)?)));
    starts
        .map(|(at, name)| {
            let before = lines[..at].iter().rev();
            let attributes = before.take_while(|line| line.starts_with("#[") || line.starts_with("///"));
            let body = lines[at + 1..].iter().take_while(|line| line.starts_with("    ") || line.is_empty());
            let body = body.take(if lines[at].ends_with('{') { usize::MAX } else { 0 });
            Definition {
                name,
                attributes: attributes.map(|line| (*line).to_owned()).collect(),
                fields: body
                    .filter(|line| line.starts_with("    pub "))
                    .map(|line| line.trim().to_owned())
                    .collect(),
                is_enum: lines[at].starts_with("pub enum "),
            }
        })
        .collect()
}

/// The types that have a method without `#[must_use]` which consumes a value and returns another one of the type.
fn builders(text: &str) -> Vec<String> {
    let mut owner = None;
    let mut found = Vec::new();
    let mut is_marked = false;
    for line in without_tests(text).lines() {
        if line.starts_with("impl") {
            let rest = line.trim_start_matches("impl").trim_start();
            let rest =
                if rest.starts_with('<') { rest.split_once("> ").map_or("", |(_, rest)| rest) } else { rest };
            let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            owner = (!line.contains(" for ")).then_some(name);
        }
        let is_setter =
            line.starts_with("    pub fn ") && line.contains("(mut self, ") && line.ends_with("-> Self {");
        if let Some(owner) = owner.as_ref().filter(|_| is_setter && !is_marked) {
            found.push(owner.clone());
        }
        is_marked = line.starts_with("    #[") && (is_marked || line.starts_with("    #[must_use"));
    }
    found
}

/// Calls a function with each crate, each of its files, and the public types of the crate that the file defines.
fn each(mut work: impl FnMut(&str, &str, Vec<Definition>)) {
    for name in CRATES {
        let sources = Sources::read(name);
        let public = sources.public_types();
        for (_, text) in &sources.0 {
            let mut found = definitions(text);
            found.retain(|one| public.contains(&one.name));
            work(name, text, found);
        }
    }
}

#[test]
fn public_types_can_grow() {
    let (mut all, mut complete) = (0, Vec::new());
    each(|_, _, found| {
        all += found.len();
        complete.extend(found.into_iter().filter(|one| !one.can_grow()).map(|one| one.name));
    });
    assert!(all > 400, "only {all} public types were found");
    let unexplained: Vec<_> =
        complete.iter().filter(|name| !COMPLETE.iter().any(|(known, _)| known == name)).collect();
    assert!(unexplained.is_empty(), "add `#[non_exhaustive]` to: {unexplained:?}");
    let outdated: Vec<_> =
        COMPLETE.iter().filter(|(known, _)| !complete.iter().any(|name| name == known)).collect();
    assert!(outdated.is_empty(), "these types can grow: {outdated:?}");
}

#[test]
fn builders_must_be_used() {
    let mut unused = Vec::new();
    let mut all = 0;
    each(|name, text, found| {
        let builders = builders(text);
        let found: Vec<_> = found.into_iter().filter(|one| builders.contains(&one.name)).collect();
        all += found.len();
        let found = found.into_iter().filter(|one| !one.has("#[must_use"));
        unused.extend(found.map(|one| format!("{name}: {}", one.name)));
    });
    assert!(all > 80, "only {all} builders were found");
    assert!(unused.is_empty(), "add `#[must_use]` to:\n{}", unused.join("\n"));
}

#[test]
fn public_fields_have_no_tuples() {
    let mut tuples = Vec::new();
    each(|name, _, found| {
        for one in found {
            let of_type = one.fields.iter().filter(|field| field.contains("<(") || field.contains(": ("));
            tuples.extend(of_type.map(|field| format!("{name}: {}: {field}", one.name)));
        }
    });
    assert!(tuples.is_empty(), "use structs with named fields in:\n{}", tuples.join("\n"));
}

#[test]
fn types_without_the_attributes_are_found() {
    let text = "#[non_exhaustive]\n/// Text.\n#[must_use]\npub struct Open {\n    pub one: u8,\n}\npub struct Closed {\n    pub pair: (u8, u8),\n}\n\
                pub struct Hidden {\n    one: u8,\n}\npub enum Kind {\n    One,\n}\nimpl<T: Into<u8>> Open<T> {\n    \
                pub fn one(mut self, one: u8) -> Self {\n    }\n}\n";
    let found = definitions(text);
    let grows: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.can_grow())).collect();
    assert_eq!(grows, [("Open", true), ("Closed", false), ("Hidden", true), ("Kind", false)]);
    assert!(found[0].has("#[must_use") && !found[1].has("#[must_use"));
    assert_eq!(
        (found[1].fields.as_slice(), builders(text)),
        (&["pub pair: (u8, u8),".to_owned()][..], vec!["Open".to_owned()])
    );
}
