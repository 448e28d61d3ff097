//! CloudFormation's names in Rust's spelling.

use std::collections::BTreeSet;

use heck::{ToSnakeCase, ToUpperCamelCase};

const KEYWORDS: [&str; 22] = [
    "as", "async", "box", "continue", "default", "enum", "extern", "fn", "for", "in", "let", "loop", "match",
    "mod", "move", "new", "override", "ref", "self", "static", "type", "use",
];

/// `EndpointConfig` → `endpoint_config`.
pub fn snake(name: &str) -> String {
    let name = words(name).to_snake_case();
    match name.as_str() {
        "where" | "while" | "yield" | "virtual" | "try" | "trait" | "struct" | "return" | "pub" | "priv"
        | "macro" | "impl" | "if" | "else" | "dyn" | "do" | "crate" | "const" | "break" | "await"
        | "abstract" | "super" | "unsafe" | "final" | "true" | "false" | "gen" => format!("{name}_"),
        name if KEYWORDS.contains(&name) => format!("{name}_"),
        name if name.starts_with(|first: char| first.is_ascii_digit()) => format!("n{name}"),
        _ => name,
    }
}

/// `DBInstance` → `DbInstance`.
pub fn upper_camel(name: &str) -> String {
    let name = words(name).to_upper_camel_case();
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("N{name}") } else { name }
}

/// `ml.g5.2xlarge` → `MlG5_2xlarge`: an underscore separates two numbers.
pub fn variant(value: &str) -> String {
    let mut name = String::new();
    for part in
        value.replace('*', " star ").replace('+', " plus ").split(|c: char| !c.is_ascii_alphanumeric())
    {
        let Some(first) = part.chars().next() else { continue };
        let shouted = part.len() > 1 && !part.chars().any(|c| c.is_ascii_lowercase());
        let rest = if shouted { part[1..].to_ascii_lowercase() } else { part[1..].to_owned() };
        if first.is_ascii_digit() && name.ends_with(|last: char| last.is_ascii_digit()) {
            name.push('_');
        }
        name.push(first.to_ascii_uppercase());
        name.push_str(&rest);
    }
    match name.chars().next() {
        None => "Empty".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("N{name}"),
        _ if name == "Self" => "Self_".to_owned(),
        _ => name,
    }
}

/// A name that nothing else has: the first one, or that with a number behind it.
pub fn unique(name: String, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}{number}");
        number += 1;
    }
    candidate
}

/// Prepares acronyms that the usual rules tear apart: `SubnetIDs`, `IPv6`.
fn words(name: &str) -> String {
    let characters: Vec<char> = name.replace("IPv", "Ipv").chars().collect();
    let mut spelt = String::new();
    let mut at = 0;
    while at < characters.len() {
        let run = characters[at..].iter().take_while(|c| c.is_ascii_uppercase()).count();
        let plural = characters.get(at + run) == Some(&'s')
            && characters.get(at + run + 1).is_none_or(|next| !next.is_ascii_lowercase());
        if run >= 2 && plural {
            spelt.push(characters[at]);
            spelt.extend(characters[at + 1..at + run].iter().map(char::to_ascii_lowercase));
            at += run;
        } else {
            spelt.push(characters[at]);
            at += 1;
        }
    }
    spelt
}
