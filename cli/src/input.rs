//! The input of `check`: any number of templates and assemblies, and standard input. A file that cannot be read is
//! reported as a diagnostic, and the other files are still checked, as is the rest of a file after an error that leaves its
//! structure clear.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use stackwright_review::{Diagnostic, check};
use stackwright_synth::{Assembly, AssemblyError, Recovered, TemplateError};

use crate::failure::Failure;

/// The maximum size of a file to read. CloudFormation's quota for templates is far below it.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The name of standard input in reports.
const STANDARD_INPUT: &str = "<stdin>";

/// The stacks to check, and diagnostics for the files that could not be read.
pub(crate) struct Input {
    pub assembly: Assembly,
    pub unreadable: Vec<Diagnostic>,
    /// The contents of inputs that cannot be read a second time, by name.
    pub texts: HashMap<String, String>,
}

impl From<Assembly> for Input {
    fn from(assembly: Assembly) -> Self {
        Self { assembly, unreadable: Vec::new(), texts: HashMap::new() }
    }
}

impl Input {
    /// Returns an error for the first file that could not be read, with its name.
    pub fn readable(&self) -> Result<(), Failure> {
        let Some(first) = self.unreadable.first() else { return Ok(()) };
        let at = first.location.as_ref().map_or_else(|| first.stack.clone(), ToString::to_string);
        Err(Failure::new(format!("{at}: {}", first.message)))
    }
}

/// Reads all files and directories.
pub(crate) fn read(paths: &[PathBuf]) -> Input {
    let mut input = Input::from(Assembly::new(Vec::new()));
    for one in paths.iter().map(|path| read_path(path)) {
        input.assembly.stacks.extend(one.assembly.stacks);
        input.unreadable.extend(one.unreadable);
        input.texts.extend(one.texts);
    }
    input
}

/// Reads one file or directory, or standard input.
pub(crate) fn read_path(path: &Path) -> Input {
    let mut input = Input::from(Assembly::new(Vec::new()));
    let name = path.display().to_string();
    let read = match name.as_str() {
        "-" => template(STANDARD_INPUT, io::stdin().lock(), Some(&mut input.texts)),
        _ if path.is_dir() => assembly(path).map(|assembly| (assembly, Vec::new())),
        _ => match File::open(path) {
            Ok(file) => template(&name, file, None),
            Err(error) => Err(unreadable(&name, error.to_string())),
        },
    };
    match read {
        Ok((assembly, errors)) => {
            input.assembly = assembly;
            input.unreadable = errors;
        }
        Err(diagnostic) => input.unreadable.push(*diagnostic),
    }
    input
}

fn unreadable(file: &str, message: String) -> Box<Diagnostic> {
    Box::new(check::unreadable(file, &TemplateError::new(message)))
}

/// The diagnostic for a text of which nothing can be checked.
fn not_checked(file: &str, error: &TemplateError) -> Box<Diagnostic> {
    let mut diagnostic = check::unreadable(file, error);
    diagnostic.help = Some("nothing in this file was checked: correct this error first".to_owned());
    Box::new(diagnostic)
}

fn assembly(directory: &Path) -> Result<Assembly, Box<Diagnostic>> {
    let name = directory.display().to_string();
    if !directory.join("manifest.json").exists() {
        let message = "the directory is not an assembly, because it has no manifest.json: name the templates in it, such as \
                       `DIRECTORY/*.yaml`"
            .replace("DIRECTORY", name.trim_end_matches('/'));
        return Err(unreadable(&name, message));
    }
    Assembly::read(directory).map_err(|error| match error {
        AssemblyError::Template { path, error } => {
            Box::new(check::unreadable(&path.display().to_string(), &error))
        }
        other => unreadable(&name, other.to_string()),
    })
}

fn template(
    name: &str,
    source: impl Read,
    keep: Option<&mut HashMap<String, String>>,
) -> Result<(Assembly, Vec<Diagnostic>), Box<Diagnostic>> {
    let mut bytes = Vec::new();
    let failed = |error: io::Error| unreadable(name, error.to_string());
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!(
            "the file is larger than {MAX_BYTES} bytes; CloudFormation accepts templates of at most 1 MB"
        );
        return Err(unreadable(name, message));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let message = "the file is not valid UTF-8 at this byte: save it in that encoding".to_owned();
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        not_checked(name, &TemplateError::new(message).at(line, column))
    })?;
    if let Some(texts) = keep {
        texts.insert(name.to_owned(), text.clone());
    }
    let Recovered { value: assembly, errors, .. } =
        Assembly::of_template_with_errors(name, text).map_err(|error| not_checked(name, &error))?;
    Ok((assembly, errors.iter().map(|error| check::unreadable(name, error)).collect()))
}
