//! No public function takes two arguments of one kind beside each other that a program can swap without an error.
//!
//! All string types are one kind, all integer types are one kind, and all floating-point types are one kind, because the same
//! literals can have each of these types. Every other type is a kind of its own. In the generated types (`resources/`), no
//! function takes two arguments; a test there finds functions that do.

use super::CRATES;
use super::sources::{Sources, without_tests};

/// The types of parameters that accept every string.
const STRINGS: [&str; 9] = [
    "&str",
    "&'static str",
    "String",
    "impl AsRef<str>",
    "impl Into<Cow<'static, str>>",
    "impl Into<String>",
    "impl IntoValue<String>",
    "impl ToString",
    "Value<String>",
];

/// The types of parameters that accept every integer literal.
const INTEGERS: [&str; 9] =
    ["u8", "u16", "u32", "u64", "usize", "i32", "i64", "impl IntoValue<i64>", "Value<i64>"];

/// The types of parameters that accept every literal with a decimal point.
const NUMBERS: [&str; 4] = ["f32", "f64", "impl IntoValue<f64>", "Value<f64>"];

/// Names of parameters that are written in this order everywhere: a name and what it is the name of, the start and the end of a
/// range, two versions, two sides.
const ORDERED: [(&str, &str); 11] = [
    ("before", "after"),
    ("from", "to"),
    ("key", "value"),
    ("least", "most"),
    ("left", "right"),
    ("line", "column"),
    ("name", "value"),
    ("numerator", "denominator"),
    ("old", "new"),
    ("rule", "reason"),
    ("then", "otherwise"),
];

/// Functions whose arguments have different forms, so that arguments in the wrong order are errors at the caller's line.
const PARSED: &[(&str, &str)] = &[
    ("AccountingDatabase::new", "a host name, the ARN of a secret, and a name"),
    ("Ami::from_parameter", "the name of a parameter, and a device below `/dev`"),
    ("Ami::id", "the ID of an AMI, and a device"),
    ("ApprovedModel::new", "a name, a name that starts with a slash, and the URI of a location in S3"),
    ("ClusterInstanceGroup::new", "a name, and an instance type"),
    ("ClusterInstanceGroup::planned", "a name, and an instance type"),
    ("ClusterInstanceGroup::spot", "a name, and an instance type"),
    ("ContainerImage::aws", "the family and the version of an image that AWS publishes"),
    ("ContainerImage::ecr", "a URI, and an ARN"),
    ("ContainerImage::for_instances", "the family and the version of an image that AWS publishes"),
    ("EksClusterHandle::existing", "a name, and an ARN"),
    ("EksJob::claim", "a name, and an absolute path"),
    ("EnsembleStep::input", "names of tensors that the model and the ensemble have"),
    ("EnsembleStep::output", "names of tensors that the model and the ensemble have"),
    ("HyperPodCluster::mount_lustre", "a DNS name, and a name without dots"),
    ("Input::efs", "the ID of a file system, and an absolute path"),
    ("Input::fsx_lustre", "the ID of a file system, and an absolute path"),
    ("InstanceGroup::new", "a name, and an instance type"),
    ("KarpenterGroup::new", "a name, and an instance type"),
    ("KarpenterGroup::spot", "a name, and an instance type"),
    ("LifecycleScripts::step", "a name of letters, digits and hyphens, and a script"),
    ("MappingHandle::find", "keys of the two levels of the mapping"),
    ("Observability::grafana", "a name, and an ARN"),
    ("Observability::workspace", "a URL, and an ARN"),
    ("ProcessingHandle::measure", "the name of a property file of the step, and a path"),
    ("ProcessingJob::pytorch", "a version, and an instance type"),
    ("RestrictedGroup::new", "a name, and an instance type"),
    ("RestrictedGroup::planned", "a name, and an instance type"),
    ("S3Location::new", "the name of a bucket, and a key"),
    ("ScheduledSize::new", "an ID, and five fields of a cron expression"),
    ("ServiceNodes::new", "a name, and an instance type"),
    ("SharedStorage::lustre", "a DNS name, and a name"),
    ("TrainingJob::recipe", "the path of a script in the directory, and a YAML document"),
    ("VpcConfig::new", "IDs of subnets, and IDs of security groups"),
];

/// Functions whose arguments have no form that could be verified, and why they are in this order.
const EXPLAINED: &[(&str, &str)] = &[
    ("Asset::file", "the name of a file, and its content"),
    ("Assembly::of_template", "the name of a file as `&str`, and its text as `String`"),
    ("Assembly::of_template_with_errors", "the name of a file as `&str`, and its text as `String`"),
    ("Document::new", "the name of a file, and its content"),
    ("Mapping::set", "the levels of `Fn::FindInMap`, from the top"),
    (
        "MappingHandle::find_or",
        "the levels of `Fn::FindInMap`, from the top; with a default, missing keys are valid",
    ),
    ("MarkdownPart::new", "the name of a part, and its text"),
    ("PredictionDifference::new", "the commands create differences; programs do not"),
    ("PriceBook::insert_instance", "tests and the commands fill price books; programs do not"),
    ("PriceBook::insert_unit", "tests and the commands fill price books; programs do not"),
    ("PriceBook::instance", "the commands read price books; programs do not"),
    ("PriceBook::unit", "the commands read price books; programs do not"),
    ("Scope::error", "the name, the message and the help of an error, as a diagnostic prints them"),
    ("TrainingJob::metric", "a name, and the expression that it is the name of"),
    ("Value::invalid", "the name, the message and the help of an error, as a diagnostic prints them"),
    ("apply_fixes", "the name of a file, and its text"),
    ("cidr", "the order of `Fn::Cidr`"),
    ("fix", "the name of a file, and its text"),
    ("inference_statement", "rules of the check call it with members of a resource; programs do not"),
    ("is_same", "the order does not matter"),
    ("matches", "a pattern, and the name that it is compared with"),
    ("of_template", "the commands estimate templates; programs estimate assemblies"),
    ("property_lines", "the commands print properties; programs print differences"),
    ("split", "the order of `Fn::Split`"),
    ("training_statements", "rules of the check call it with members of a resource; programs do not"),
];

/// A public function with the names and types of its parameters.
struct Signature {
    function: String,
    parameters: Vec<(String, String)>,
}

impl Signature {
    /// Whether two parameters beside each other are of one kind and have names without an order.
    fn is_swappable(&self) -> bool {
        self.parameters.windows(2).any(|pair| {
            let [(first, first_type), (second, second_type)] = pair else { return false };
            kind(first_type) == kind(second_type) && !ORDERED.contains(&(first.as_str(), second.as_str()))
        })
    }
}

/// The kind of a type: types of one kind accept the same arguments.
fn kind(type_name: &str) -> &str {
    let kinds = [("string", &STRINGS[..]), ("integer", &INTEGERS), ("number", &NUMBERS)];
    kinds.into_iter().find(|(_, types)| types.contains(&type_name)).map_or(type_name, |(kind, _)| kind)
}

/// The public functions of a file: those of types, of public traits, and free ones.
fn signatures(text: &str) -> Vec<Signature> {
    let lines: Vec<&str> = without_tests(text).lines().collect();
    let mut owner = String::new();
    let mut is_public_trait = false;
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let is_free = line.starts_with("pub fn ") || line.starts_with("pub async fn ");
        if line.starts_with("impl") || line.starts_with("pub trait ") {
            is_public_trait = line.starts_with("pub trait ");
            let is_of_trait = line.starts_with("impl") && line.contains(" for ");
            owner = if is_of_trait { String::new() } else { type_name(line) };
        }
        let inner = line.strip_prefix("    ").unwrap_or_default();
        let is_method = !owner.is_empty()
            && (inner.starts_with("pub fn ")
                || inner.starts_with("pub const fn ")
                || is_public_trait && inner.starts_with("fn "));
        let is_hidden = number > 0 && lines[number - 1].contains("#[doc(hidden)]");
        if (is_free || is_method) && !is_hidden {
            let owner = if is_free { "" } else { owner.as_str() };
            found.extend(signature(&lines[number..], owner));
        }
    }
    found
}

/// The name in `impl<T: Into<u8>> Name<T> {` or `pub trait Name: Sized {`.
fn type_name(line: &str) -> String {
    let mut depth = 0;
    let rest = line.trim_start_matches("pub trait ").trim_start_matches("impl");
    let start = rest
        .char_indices()
        .find(|(_, letter)| {
            depth += i32::from(*letter == '<') - i32::from(*letter == '>');
            depth == 0 && letter.is_ascii_uppercase()
        })
        .map_or(rest.len(), |(at, _)| at);
    rest[start..].chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn signature(lines: &[&str], owner: &str) -> Option<Signature> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim());
        text.push(' ');
        if line.ends_with(['{', '}', ';']) {
            break;
        }
    }
    let (_, rest) = text.split_once("fn ")?;
    let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let mut rest = &rest[name.len()..];
    let mut generics = Vec::new();
    if let Some(inner) = rest.strip_prefix('<') {
        let end = end_of(inner, '>')?;
        generics = split(&inner[..end]);
        rest = &inner[end + 1..];
    }
    let inner = rest.strip_prefix('(')?;
    let parameters = split(&inner[..end_of(inner, ')')?])
        .iter()
        .filter_map(|one| one.split_once(": "))
        .map(|(name, type_name)| {
            let bound =
                generics.iter().filter_map(|one| one.split_once(": ")).find(|(name, _)| *name == type_name);
            let type_name = bound.map_or(type_name.to_owned(), |(_, bound)| format!("impl {bound}"));
            (name.trim_start_matches("mut ").to_owned(), type_name)
        })
        .collect();
    let function = if owner.is_empty() { name } else { format!("{owner}::{name}") };
    Some(Signature { function, parameters })
}

/// Where the bracket is closed that was opened before the text.
fn end_of(text: &str, close: char) -> Option<usize> {
    let mut depth = 0;
    let mut before = ' ';
    text.char_indices().find_map(|(at, letter)| {
        // The `>` of `->` closes nothing.
        let is_arrow = letter == '>' && before == '-';
        before = letter;
        if depth == 0 && letter == close && !is_arrow {
            return Some(at);
        }
        depth += i32::from("(<[".contains(letter)) - i32::from(")>]".contains(letter) && !is_arrow);
        None
    })
}

/// The parts between the commas that are in no bracket.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for letter in text.chars() {
        depth += i32::from("(<[".contains(letter)) - i32::from(")>]".contains(letter));
        match parts.last_mut() {
            Some(last) if letter != ',' || depth > 0 => last.push(letter),
            _ => parts.push(String::new()),
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[test]
fn no_two_arguments_beside_each_other_can_be_swapped() {
    let mut swappable = Vec::new();
    let mut functions = 0;
    for name in CRATES {
        let sources = Sources::read(name);
        let (types, modules) = (sources.public_types(), sources.public_modules());
        for (module, text) in &sources.0 {
            for signature in signatures(text) {
                let owner = signature.function.split_once("::").map(|(owner, _)| owner);
                let is_trait = owner.is_some_and(|owner| text.contains(&format!("\npub trait {owner}")));
                let is_public = match owner {
                    Some(owner) => is_trait || types.contains(owner),
                    None => modules.contains(module) || sources.exports(&signature.function),
                };
                functions += usize::from(is_public);
                if is_public && signature.is_swappable() {
                    swappable.push(signature.function);
                }
            }
        }
    }
    assert!(functions > 1000, "only {functions} public functions were found");
    let known = || PARSED.iter().chain(EXPLAINED);
    let unexplained: Vec<_> =
        swappable.iter().filter(|one| !known().any(|(explained, _)| explained == one)).collect();
    assert!(
        unexplained.is_empty(),
        "parse one of the arguments, or set one by name, in:\n{}",
        unexplained.iter().map(|one| one.as_str()).collect::<Vec<_>>().join("\n")
    );
    let outdated: Vec<_> = known().filter(|(name, _)| !swappable.iter().any(|one| one == name)).collect();
    assert!(
        outdated.is_empty(),
        "these functions take no two such arguments beside each other: {outdated:?}"
    );
}

#[test]
fn arguments_of_one_kind_beside_each_other_are_found() {
    let text = "impl<T: Into<u8>> Open<T> {\n    pub fn new(namespace: &str, name: impl IntoValue<String>) -> Self {\n    }\n    \
                pub fn tag(mut self, key: &str, value: &str) -> Self {\n    }\n    fn private(one: &str, two: &str) {\n    }\n    \
                pub fn of<S: Into<String>>(\n        count: Option<(u8, u8)>,\n        one: S,\n        two: String,\n    ) {\n    }\n}\n\
                impl From<u8> for Open<u8> {\n    fn from(one: &str, two: &str) -> Self {\n    }\n}\npub trait Settings: Sized {\n    \
                fn set(mut self, one: &str, two: &str) -> Self {\n    }\n    fn resize(self, size: u32, count: impl IntoValue<i64>) -> Self {\n    }\n    \
                fn range(self, least: f64, most: f64) -> Self {\n    }\n    fn weigh(self, size: u32, share: f64) -> Self {\n    }\n}\n\
                pub fn join(input: impl Into<Location>, output: impl Into<Location>) {\n}\n\
                pub fn free(call: impl Fn(&str, &str) -> u8, one: &str) {\n}\n";
    let found: Vec<_> = signatures(text).into_iter().map(|one| (one.is_swappable(), one.function)).collect();
    let expected = [
        (true, "Open::new"),
        (false, "Open::tag"),
        (true, "Open::of"),
        (true, "Settings::set"),
        (true, "Settings::resize"),
        (false, "Settings::range"),
        (false, "Settings::weigh"),
        (true, "join"),
        (false, "free"),
    ];
    assert_eq!(found, expected.map(|(is_swappable, function)| (is_swappable, function.to_owned())));
}
