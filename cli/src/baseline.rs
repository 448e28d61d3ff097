//! The baseline of `check`: a file with the findings that were there when the check was introduced.
//!
//! Findings are stored by file, so that templates with the same name in different directories are distinguished. A finding is
//! identified by its rule and its path in the template, so that it is the same after lines were moved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value as JsonValue, json};
use stackwright_review::Diagnostic;

use crate::configuration::relative;
use crate::failure::Failure;

/// Increases when the file has another form.
const VERSION: u64 = 2;

/// The findings of each file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Baseline {
    /// The directory of the baseline file, to which the files are relative.
    directory: PathBuf,
    findings: BTreeMap<String, BTreeSet<String>>,
}

impl Baseline {
    /// Creates a baseline without findings for a file.
    pub fn new(file: &Path) -> Self {
        Self { directory: file.parent().map(Path::to_owned).unwrap_or_default(), findings: BTreeMap::new() }
    }

    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        let failed = |message: String| {
            Failure::usage(format!("{}: {message}", file.display()))
                .hint("`check --write-baseline FILE` writes one")
        };
        let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        let document: JsonValue = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let not_one = || failed(format!("this is not a baseline file of version {VERSION}"));
        let findings = document["findings"]
            .as_object()
            .filter(|_| document["version"] == VERSION)
            .ok_or_else(not_one)?;
        let mut baseline = Self::new(file);
        for (name, of_file) in findings {
            let of_file: Option<BTreeSet<String>> = of_file
                .as_array()
                .and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
            baseline.findings.insert(name.clone(), of_file.ok_or_else(not_one)?);
        }
        Ok(baseline)
    }

    /// Writes the file.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        let document = json!({ "version": VERSION, "findings": self.findings });
        std::fs::write(file, format!("{document:#}\n"))
            .map_err(|error| Failure::new(format!("{}: {error}", file.display())))
    }

    /// Returns the findings of an input: a file, a directory, or the stacks of a program.
    pub fn of(&self, input: Option<&Path>) -> BTreeSet<String> {
        self.findings.get(&self.name(input)).cloned().unwrap_or_default()
    }

    /// Adds the findings of an input that are not acknowledged.
    pub fn add<'d>(&mut self, input: Option<&Path>, found: impl Iterator<Item = &'d Diagnostic>) {
        let counting = found.filter(|one| one.acknowledged.is_none());
        let fingerprints: BTreeSet<String> = counting.map(Diagnostic::fingerprint).collect();
        if !fingerprints.is_empty() {
            self.findings.entry(self.name(input)).or_default().extend(fingerprints);
        }
    }

    /// Returns the number of findings.
    pub fn len(&self) -> usize {
        self.findings.values().map(BTreeSet::len).sum()
    }

    fn name(&self, input: Option<&Path>) -> String {
        match input {
            None => ".".to_owned(),
            Some(path) => relative(path, &self.directory)
                .unwrap_or_else(|| path.display().to_string().replace('\\', "/")),
        }
    }
}
