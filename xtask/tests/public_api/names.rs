//! No two public types of the crates that a program uses together have one name.
//!
//! Generated types (`resources/`) are not read: they have the names of CloudFormation, in the module of their service. The prelude
//! needs no test: the compiler refuses two imports of one name.

use std::collections::BTreeMap;

use super::CRATES;
use super::sources::{Sources, defined_type, without_tests};

/// Names that are public twice, and why a program does not need both.
const EXPLAINED: &[(&str, &str)] = &[(
    "Options",
    "each belongs to the functions of its module and is written with it: `check::Options`, `cost::Options`",
)];

/// The public types by their names, each with the modules that define it.
fn definitions(crates: &[(&str, Sources)]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, sources) in crates {
        let public = sources.public_types();
        for (module, text) in &sources.0 {
            for type_name in
                without_tests(text).lines().filter_map(defined_type).filter(|one| public.contains(one))
            {
                found.entry(type_name).or_default().push(format!("{name}::{module}"));
            }
        }
    }
    found
}

#[test]
fn no_two_public_types_have_one_name() {
    let crates: Vec<_> = CRATES.iter().map(|name| (*name, Sources::read(name))).collect();
    let all = definitions(&crates);
    assert!(all.len() > 200, "only {} public types were found", all.len());
    let twice: Vec<_> = all.iter().filter(|(_, modules)| modules.len() > 1).collect();
    let unexplained: Vec<_> = twice
        .iter()
        .filter(|(name, _)| !EXPLAINED.iter().any(|(explained, _)| explained == name))
        .map(|(name, modules)| format!("{name}: {}", modules.join(", ")))
        .collect();
    assert!(unexplained.is_empty(), "give these types different names:\n{}", unexplained.join("\n"));
    for (name, why) in EXPLAINED {
        assert!(twice.iter().any(|(twice, _)| twice == name), "{name} is public once: {why}");
    }
}

#[test]
fn two_definitions_of_one_name_are_found() {
    let sources = |text: &str| Sources(vec![(String::new(), text.into())]);
    let crates = [
        ("one", sources("pub struct Plan;\nstruct Hidden;\n")),
        ("two", sources("pub enum Plan {\n}\npub struct Hidden;\n")),
    ];
    let all = definitions(&crates);
    assert_eq!(all["Plan"], ["one::", "two::"]);
    assert_eq!(all["Hidden"], ["two::"]);
}
