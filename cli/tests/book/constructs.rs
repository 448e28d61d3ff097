//! The page of constructs, which is made from the sources of the libraries.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::{is_current, repository};

/// A public item of a source file: its kind, its name, the first paragraph of its documentation, and its methods.
#[derive(Default)]
struct Item {
    summary: String,
    constructors: Vec<String>,
    setters: Vec<String>,
}

/// Returns a text without links to items, which only rustdoc can follow.
fn without_links(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, link)) = rest.split_once("](") {
        let (target, after) = link.split_once(')').unwrap_or((link, ""));
        let start = before.rfind('[').unwrap_or(before.len());
        plain.push_str(&before[..start]);
        match target.contains("://") {
            true => plain.push_str(&format!("{}]({target})", &before[start..])),
            false => plain.push_str(&before[(start + 1).min(before.len())..]),
        }
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("[`", "`").replace("`]", "`")
}

/// Finds an item in the sources of the libraries.
fn item(name: &str, sources: &[String]) -> Option<Item> {
    let is_name = |rest: &str| {
        rest.strip_prefix(name)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let mut item: Option<Item> = None;
    for source in sources {
        let lines: Vec<&str> = source.lines().collect();
        // The depth of the `impl` block that is open.
        let mut of_item = false;
        // The methods of a trait are public without `pub`.
        let mut is_trait = false;
        for (number, line) in lines.iter().enumerate() {
            let declared = ["pub struct ", "pub enum ", "pub trait ", "pub type ", "macro_rules! "]
                .iter()
                .any(|keyword| line.strip_prefix(keyword).is_some_and(is_name))
                || ["pub fn ", "pub const fn "]
                    .iter()
                    .any(|keyword| line.strip_prefix(keyword).is_some_and(is_name));
            if declared {
                let mut documentation: Vec<&str> = lines[..number]
                    .iter()
                    .rev()
                    .take_while(|line| {
                        line.starts_with("///")
                            || line.starts_with('#')
                            || line.starts_with(')')
                            || line.starts_with("    ")
                    })
                    .copied()
                    .collect();
                documentation.reverse();
                let text = documentation.iter().filter_map(|line| line.strip_prefix("///")).map(str::trim);
                let summary = text.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
                item.get_or_insert_default().summary = without_links(&summary);
            }
            if line.starts_with("impl") && line.ends_with('{') {
                // The type of an inherent `impl`, without its parameters.
                let rest = line.trim_start_matches("impl");
                let rest = if rest.starts_with('<') {
                    rest.split_once("> ").map_or("", |(_, rest)| rest)
                } else {
                    rest.trim_start()
                };
                of_item = is_name(rest) && !line.contains(" for ");
                is_trait = false;
            } else if line.strip_prefix("pub trait ").is_some_and(is_name) {
                of_item = true;
                is_trait = true;
            } else if *line == "}" {
                of_item = false;
            }
            let method = line
                .strip_prefix("    pub fn ")
                .or_else(|| line.strip_prefix("    pub const fn "))
                .or_else(|| line.strip_prefix("    fn ").filter(|_| is_trait));
            if let Some(method) = method.filter(|_| of_item) {
                let signature = lines[number..].iter().take(3).copied().collect::<Vec<_>>().join(" ");
                let method = method.split(['(', '<']).next().unwrap().to_owned();
                let arguments = signature.split_once('(').map_or("", |(_, rest)| rest.trim_start());
                let is_hidden = number > 0
                    && lines[..number]
                        .iter()
                        .rev()
                        .take_while(|line| line.starts_with("    #") || line.starts_with("    ///"))
                        .any(|line| line.contains("doc(hidden)"));
                let item = item.get_or_insert_default();
                let methods = if ["self", "mut self", "&self", "&mut self"]
                    .iter()
                    .any(|own| arguments.starts_with(own))
                {
                    &mut item.setters
                } else {
                    &mut item.constructors
                };
                if !is_hidden && !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
    }
    item.filter(|item| !item.summary.is_empty())
}

/// Reads the sources below a directory, in the order of their paths.
fn sources(directory: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn the_page_of_constructs_is_current() {
    let library = fs::read_to_string(repository().join("cli/src/lib.rs")).unwrap();
    let (_, prelude) = library.split_once("pub mod prelude {").unwrap();
    let mut page = "# Constructs\n\nThe types of the prelude, `use stackwright::prelude::*;`, with the first paragraph of their \
                    documentation, their constructors, and their methods. Setters that several constructs share are in traits, \
                    which the prelude has too. `cargo doc --open -p stackwright` shows types, units and defaults.\n"
        .to_owned();
    for uses in prelude.split("pub use ").skip(1) {
        let uses = uses.split(';').next().unwrap();
        let (module, names) = uses.split_once("::{").or_else(|| uses.rsplit_once("::")).unwrap();
        let crate_name = module.split("::").next().unwrap().trim_start_matches("stackwright_");
        let mut found = Vec::new();
        let directory = repository().join(crate_name).join("src");
        let own = module.split("::").nth(1).map(|name| directory.join(name));
        sources(&directory, &mut found);
        found.sort();
        // The sources of the module come first, because another module may have a type of the same name.
        found.sort_by_key(|(path, _)| own.as_ref().is_some_and(|own| !path.starts_with(own)));
        let only_own = own.is_some_and(|own| own.is_dir());
        let texts: Vec<String> = found
            .iter()
            .filter(|(path, _)| {
                !only_own || path.starts_with(directory.join(module.split("::").nth(1).unwrap()))
            })
            .map(|(_, text)| text.clone())
            .collect();
        let public = module.replace("stackwright_", "stackwright::");
        let _ = writeln!(page, "\n## `{public}`");
        let _ = writeln!(page, "\n[Documentation](../doc/{}/index.html)", module.replace("::", "/"));
        // `Processor` comes from another crate, and `intrinsic` is a module.
        for name in names.trim_end_matches('}').split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let Some(item) = item(name, &texts) else {
                assert!(
                    ["Processor", "intrinsic"].contains(&name),
                    "{name} has no declaration with documentation"
                );
                continue;
            };
            let _ = writeln!(page, "\n**`{name}`** — {}", item.summary);
            let list = |names: &[String]| {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            };
            if !item.constructors.is_empty() {
                let names: Vec<_> = item.constructors.iter().map(|one| format!("{name}::{one}")).collect();
                let _ = writeln!(page, "\n- Constructors: {}", list(&names));
            }
            if !item.setters.is_empty() {
                let start = if item.constructors.is_empty() { "\n" } else { "" };
                let _ = writeln!(page, "{start}- Methods: {}", list(&item.setters));
            }
        }
    }
    is_current("constructs.md", &page);
}
