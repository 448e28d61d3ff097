//! A program that creates a type of the prelude needs no other import: the types that its constructors take are in the prelude.

use std::collections::BTreeSet;

use super::sources::{Sources, signature, words};

/// Types that a program gets from methods of other types, or that other types convert into, and does not have to name.
const NOT_NAMED: &[(&str, &str)] = &[
    ("BucketReference", "a handle of a bucket is one"),
    ("Comparison", "methods of measures and parameters return it"),
    ("ComponentHost", "the handle of an endpoint converts into it"),
    ("ConditionExpression", "`Condition` and its handle convert into it"),
    ("Eks", "a type parameter of the handle of a cluster"),
    ("EksClusterHandle", "`stack.add` returns it"),
    ("Estimate", "a function returns it"),
    ("Expression", "only for constructs that build intrinsic functions"),
    ("HyperPodHandle", "`stack.add` returns it"),
    ("InferenceComponentHandle", "`stack.add` returns it"),
    ("ModelHandle", "`pipeline.step` returns it"),
    ("ScheduleTarget", "a job and handles convert into it"),
    ("Seconds", "a `Duration` converts into it"),
    ("Untyped", "literals and values convert into it"),
];

/// The names in the prelude.
fn prelude() -> BTreeSet<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/src/lib.rs");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, prelude) = text.split_once("pub mod prelude {").unwrap();
    words(prelude.split("\n}").next().unwrap()).collect()
}

/// The types of parameters of constructors in the prelude that are not in the prelude, each with a constructor.
fn missing(sources: &[Sources], prelude: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    let public: BTreeSet<String> = sources.iter().flat_map(Sources::public_types).collect();
    let mut found = BTreeSet::new();
    for sources in sources {
        sources.each_constructor(|type_name, function, lines| {
            if !prelude.contains(type_name) {
                return;
            }
            let signature = signature(lines);
            let parameters = signature.split(") -> ").next().unwrap_or_default();
            for used in words(parameters).filter(|name| public.contains(name) && !prelude.contains(name)) {
                found.insert((used, format!("{type_name}::{function}")));
            }
        });
    }
    found
}

#[test]
fn the_prelude_has_what_its_constructors_take() {
    let sources = ["synth", "stacks", "estimate"].map(Sources::read);
    let missing = missing(&sources, &prelude());
    let unexplained: Vec<_> =
        missing.iter().filter(|(name, _)| !NOT_NAMED.iter().any(|(known, _)| known == name)).collect();
    assert!(unexplained.is_empty(), "add these types to the prelude: {unexplained:#?}");
    for (name, why) in NOT_NAMED {
        assert!(missing.iter().any(|(missing, _)| missing == name), "{name} is not missing: {why}");
    }
}

#[test]
fn a_type_that_the_prelude_lacks_is_found() {
    let text = "pub enum Size {\n}\npub struct Fleet;\nimpl Fleet {\n    pub fn new(\n        name: &str,\n        size: Size,\n    ) -> \
                Self {\n    }\n}\n";
    let sources = [Sources(vec![(String::new(), text.into())])];
    let of = |names: &[&str]| missing(&sources, &names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(of(&["Fleet"]), BTreeSet::from([("Size".to_owned(), "Fleet::new".to_owned())]));
    assert!(of(&["Fleet", "Size"]).is_empty() && of(&["Size"]).is_empty());
}
