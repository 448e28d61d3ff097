//! The page of constructs, which is generated from the sources of the libraries.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::{is_current, repository};

/// A public item of a source file: what it is, the first paragraph of its documentation, and its methods.
#[derive(Default)]
struct Item {
    /// The keyword of its declaration, such as `struct`.
    kind: &'static str,
    summary: String,
    /// The names of constructors, with their parameters.
    constructors: Vec<String>,
    /// The variants of an enumeration.
    variants: Vec<String>,
    setters: Vec<String>,
}

/// The keywords of declarations.
const KINDS: [&str; 7] =
    ["pub struct ", "pub enum ", "pub trait ", "pub type ", "macro_rules! ", "pub fn ", "pub const fn "];

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

/// Returns whether the text starts with a name.
fn is_name(rest: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_part))
}

/// Returns the first paragraph of the documentation of the item that the line with this number declares.
fn summary(lines: &[&str], number: usize) -> String {
    let is_before = |line: &&&str| {
        line.starts_with("///") || line.starts_with('#') || line.starts_with(')') || line.starts_with("    ")
    };
    let mut before: Vec<&str> = lines[..number].iter().rev().take_while(is_before).copied().collect();
    before.reverse();
    let text = before.iter().filter_map(|line| line.strip_prefix("///")).map(str::trim);
    without_links(&text.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

/// Returns the variants of an enumeration, whose lines follow its declaration, with their values.
fn variants(lines: &[&str]) -> Vec<String> {
    let lines = lines.iter().take_while(|line| **line != "}").filter_map(|line| line.strip_prefix("    "));
    let declared = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    declared.map(|line| line.trim_end_matches(',').trim_end_matches(" {").to_owned()).collect()
}

/// Returns the type of an inherent `impl`, without its parameters.
fn implemented(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl").filter(|rest| rest.ends_with('{') && !rest.contains(" for "))?;
    match rest.starts_with('<') {
        true => rest.split_once("> ").map(|(_, rest)| rest),
        false => Some(rest.trim_start()),
    }
}

/// Splits a text at the bracket that closes the one before the text.
fn split_at_close(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    let end = text.char_indices().find(|(at, letter)| {
        match letter {
            '(' | '<' | '[' => depth += 1,
            // The `>` of an arrow closes nothing.
            '>' if text[..*at].ends_with('-') => {}
            ')' | '>' | ']' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((&text[..end.0], &text[end.0 + 1..]))
}

/// Returns parameters with the types that users pass: `impl IntoValue<i64>` is shown as `i64`, and an iterator as a list.
fn shown_parameters(parameters: &str) -> String {
    let mut shown = parameters.split_whitespace().collect::<Vec<_>>().join(" ");
    shown = shown.trim_end_matches(',').replace("'static ", "");
    for (conversion, open, close) in [
        ("impl Into<", "", ""),
        ("impl IntoValue<", "", ""),
        ("impl Borrow<", "", ""),
        ("impl IntoIterator<Item = ", "[", "]"),
    ] {
        while let Some((before, rest)) = shown.split_once(conversion) {
            let Some((inner, after)) = split_at_close(rest) else { break };
            shown = format!("{before}{open}{inner}{close}{after}");
        }
    }
    shown.replace(", )", ")").replace("( ", "(")
}

impl Item {
    /// Adds the method that starts in the first line.
    fn add_method(&mut self, method: &str, lines: &[&str]) {
        let signature = lines.iter().take(12).map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let name = method.split(['(', '<']).next().unwrap().to_owned();
        // The parameters follow the type parameters.
        let rest = signature.split_once(&format!("fn {name}")).map_or("", |(_, rest)| rest);
        let rest = match rest.strip_prefix('<') {
            Some(rest) => split_at_close(rest).map_or("", |(_, rest)| rest),
            None => rest,
        };
        let rest = rest.strip_prefix('(').unwrap_or_default();
        let parameters = split_at_close(rest).map_or("", |(inside, _)| inside).trim();
        if ["self", "mut self", "&self", "&mut self"].iter().any(|own| parameters.starts_with(own)) {
            if !self.setters.contains(&name) {
                self.setters.push(name);
            }
        } else {
            let shown = format!("{name}({})", shown_parameters(parameters));
            if !self.constructors.contains(&shown) {
                self.constructors.push(shown);
            }
        }
    }
}

/// Finds an item in the sources of the libraries.
fn item(name: &str, sources: &[String]) -> Option<Item> {
    let alias = format!("pub type {name}");
    let alias = sources.iter().flat_map(|text| text.lines()).find(|line| is_name(line, &alias));
    // The constructors of an alias are those of its type.
    let own = alias.and_then(|line| line.rsplit_once(" = ")?.1.split(['<', ';']).next()).unwrap_or(name);
    let mut item: Option<Item> = None;
    for source in sources {
        let lines: Vec<&str> = source.lines().collect();
        // Whether the line is in an `impl` of the item, and whether it is in the item as a trait.
        let (mut of_item, mut is_trait) = (false, false);
        for (number, line) in lines.iter().enumerate() {
            let declares = |kind: &&&str| line.strip_prefix(**kind).is_some_and(|rest| is_name(rest, name));
            if let Some(kind) = KINDS.iter().find(declares) {
                let item = item.get_or_insert_default();
                item.summary = summary(&lines, number);
                item.kind = kind.trim_start_matches("pub ").trim_end();
                item.variants = if item.kind == "enum" { variants(&lines[number + 1..]) } else { Vec::new() };
            }
            if line.starts_with("impl") && line.ends_with('{') {
                of_item = implemented(line).is_some_and(|rest| is_name(rest, own));
                is_trait = false;
            } else if line.strip_prefix("pub trait ").is_some_and(|rest| is_name(rest, own)) {
                (of_item, is_trait) = (true, true);
            } else if *line == "}" {
                of_item = false;
            }
            // The methods of a trait are public without `pub`.
            let method = line
                .strip_prefix("    pub fn ")
                .or_else(|| line.strip_prefix("    pub const fn "))
                .or_else(|| line.strip_prefix("    fn ").filter(|_| is_trait));
            let mut attributes = lines[..number].iter().rev();
            let is_hidden = attributes
                .by_ref()
                .take_while(|line| line.starts_with("    #") || line.starts_with("    ///"))
                .any(|line| line.contains("doc(hidden)"));
            if let Some(method) = method.filter(|_| of_item && !is_hidden) {
                item.get_or_insert_default().add_method(method, &lines[number..]);
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
                    documentation, their constructors with their parameters, their variants, and \
                    their methods. Setters that several constructs share are in traits, which the prelude has too. `cargo doc --open -p stackwright` shows types, units and defaults.\n"
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
        let package = format!("stackwright-{crate_name}/{}", env!("CARGO_PKG_VERSION"));
        let path = module.replace("::", "/");
        let _ = writeln!(page, "\n[Documentation](https://docs.rs/{package}/{path}/index.html)");
        // `Processor` comes from another crate, and `intrinsic` is a module.
        for name in names.trim_end_matches('}').split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let Some(item) = item(name, &texts) else {
                assert!(
                    ["Processor", "intrinsic"].contains(&name),
                    "{name} has no declaration with documentation"
                );
                continue;
            };
            let kind = match item.kind {
                "trait" => " (trait)",
                "macro_rules!" => " (macro)",
                _ => "",
            };
            let _ = writeln!(page, "\n**`{name}`**{kind} — {}", item.summary);
            let list = |names: &[String]| {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            };
            if !item.constructors.is_empty() {
                let names: Vec<_> = item.constructors.iter().map(|one| format!("{name}::{one}")).collect();
                let _ = writeln!(page, "\n- Constructors: {}", list(&names));
            }
            if !item.variants.is_empty() {
                let start = if item.constructors.is_empty() { "\n" } else { "" };
                let _ = writeln!(page, "{start}- Variants: {}", list(&item.variants));
            }
            if !item.setters.is_empty() {
                let start = if item.constructors.is_empty() && item.variants.is_empty() { "\n" } else { "" };
                let _ = writeln!(page, "{start}- Methods: {}", list(&item.setters));
            }
        }
    }
    is_current("constructs.md", &page);
}
