//! The sources of a crate, read line by line, which `cargo fmt` keeps in one form. A type is public if each module of its path
//! is, or if a `pub use` names it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A function without a receiver that returns its own type.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constructor {
    pub type_name: String,
    pub function: String,
}

/// The sources of a crate: each file with the path of its module, such as `check::rules`.
pub struct Sources(pub Vec<(String, String)>);

impl Sources {
    pub fn read(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        let mut files = Vec::new();
        collect(&root, &mut files);
        files.sort();
        let module = |file: &Path| {
            let path = file.strip_prefix(&root).unwrap().with_extension("");
            let steps: Vec<String> = path.iter().map(|step| step.to_string_lossy().into_owned()).collect();
            steps.into_iter().filter(|step| step != "mod" && step != "lib").collect::<Vec<_>>().join("::")
        };
        Self(files.iter().map(|file| (module(file), std::fs::read_to_string(file).unwrap())).collect())
    }

    /// The names of the types that users of the crate can reach.
    pub fn public_types(&self) -> BTreeSet<String> {
        let public_modules = self.public_modules();
        let mut types = BTreeSet::new();
        for (module, text) in &self.0 {
            let text = without_tests(text);
            if public_modules.contains(module) {
                types.extend(text.lines().filter_map(defined_type));
            }
            for list in text.split("\npub use ").skip(1) {
                let list = list.split(';').next().unwrap_or_default();
                types.extend(words(list).filter(|word| starts_upper(word)));
            }
        }
        types
    }

    /// Whether a `pub use` names a function of a private module.
    pub fn exports(&self, function: &str) -> bool {
        self.0.iter().any(|(_, text)| {
            let lists = without_tests(text).split("\npub use ").skip(1);
            lists
                .filter_map(|list| list.split(';').next())
                .any(|list| words(list).any(|word| word == function))
        })
    }

    pub fn public_modules(&self) -> BTreeSet<String> {
        let declared = |module: &str| {
            let (parent, name) = module.rsplit_once("::").unwrap_or(("", module));
            let parent = self.0.iter().find(|(path, _)| path == parent);
            parent.is_some_and(|(_, text)| text.lines().any(|line| line == format!("pub mod {name};")))
        };
        let is_public = |module: &str| {
            let ends = module.match_indices("::").map(|(end, _)| end).chain([module.len()]);
            module.is_empty() || ends.into_iter().all(|end| declared(&module[..end]))
        };
        self.0.iter().map(|(module, _)| module.clone()).filter(|module| is_public(module)).collect()
    }

    pub fn constructors(&self) -> BTreeSet<Constructor> {
        let mut found = BTreeSet::new();
        self.each_constructor(|type_name, function, _| {
            found.insert(Constructor { type_name: type_name.to_owned(), function: function.to_owned() });
        });
        found
    }

    /// Calls a function for each public constructor, with the names of its type and of itself, and the lines that start with its
    /// signature.
    pub fn each_constructor(&self, mut visit: impl FnMut(&str, &str, &[&str])) {
        let public = self.public_types();
        for (_, text) in &self.0 {
            let lines: Vec<&str> = without_tests(text).lines().collect();
            let mut type_name = None;
            for (number, line) in lines.iter().enumerate() {
                if line.starts_with("impl") {
                    type_name = implemented_type(line).filter(|name| public.contains(name));
                }
                let Some(type_name) = &type_name else { continue };
                let hidden = number > 0 && lines[number - 1].contains("#[doc(hidden)]");
                if let Some(function) = constructor(&lines[number..], type_name).filter(|_| !hidden) {
                    visit(type_name, &function, &lines[number..]);
                }
            }
        }
    }

    /// The code blocks of the documentation, with aliases of types replaced by the types.
    pub fn examples(&self) -> String {
        let mut code = String::new();
        let mut aliases = BTreeMap::new();
        for (_, text) in &self.0 {
            let mut in_code = false;
            for line in text.lines() {
                let line = line.trim_start();
                if let Some(alias) = line.strip_prefix("pub type ") {
                    let target = alias.rsplit_once(" = ").map_or("", |(_, target)| target);
                    aliases.extend(words(alias).next().zip(words(target).next()));
                }
                let documentation = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
                match documentation.map(str::trim_start) {
                    Some(text) if text.starts_with("```") => {
                        in_code = !in_code && !["text", "yaml", "json", "toml", "sh"].contains(&&text[3..]);
                    }
                    Some(text) if in_code => {
                        code.push_str(text);
                        code.push('\n');
                    }
                    Some(_) => {}
                    None => in_code = false,
                }
            }
        }
        for (alias, name) in aliases {
            code = code.replace(&format!("{alias}::"), &format!("{name}::"));
        }
        code
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

pub fn without_tests(text: &str) -> &str {
    const TESTS: &str = "\n#[cfg(test)]\nmod ";
    // A module of tests in another file leaves the rest of the text as it is.
    let has_body =
        |at: usize| text[at + TESTS.len()..].lines().next().is_some_and(|line| line.ends_with('{'));
    let end = text.match_indices(TESTS).map(|(at, _)| at).find(|at| has_body(*at));
    &text[..end.unwrap_or(text.len())]
}

pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(move |letter| !is_part(letter)).filter(|word| !word.is_empty()).map(str::to_owned)
}

fn starts_upper(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_uppercase())
}

pub fn defined_type(line: &str) -> Option<String> {
    let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
    words(rest).next()
}

/// The type of an inherent implementation.
fn implemented_type(line: &str) -> Option<String> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|letter| {
            depth += i32::from(letter == '<') - i32::from(letter == '>');
            depth == 0
        })?;
        rest = &rest[end + 1..];
    }
    if rest.contains(" for ") { None } else { words(rest).next() }
}

/// The signature of the function that starts in the first line.
pub fn signature(lines: &[&str]) -> String {
    let mut signature = String::new();
    for line in lines {
        signature.push_str(line.trim());
        signature.push(' ');
        if line.ends_with('{') || line.ends_with('}') {
            break;
        }
    }
    signature
}

/// The name of the function that starts in the first line, if it is a public constructor of the type.
pub fn constructor(lines: &[&str], type_name: &str) -> Option<String> {
    let rest = lines[0].strip_prefix("    pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest).strip_prefix("fn ")?;
    let name = words(rest).next()?;
    let signature = signature(lines);
    let (parameters, result) = signature.split_once(") -> ")?;
    let first = parameters.split_once('(')?.1.split(',').next().unwrap_or_default();
    let has_receiver = words(first).any(|word| word == "self");
    let result = result.split('{').next().unwrap_or_default();
    let returns_itself = words(result).any(|word| word == "Self" || word == type_name);
    (returns_itself && !has_receiver).then_some(name)
}
