//! The result of the check of an input. Each file is read, checked and dropped before the next one, so that many files take
//! little more memory than one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use stackwright_review::Report;
use stackwright_review::check::{self, Options};
use stackwright_synth::secret::SecretValues;

use crate::baseline::Baseline;
use crate::configuration::Configuration;
use crate::input::{self, Input};
use crate::origin;

/// The findings of a check, and what a report needs of the inputs.
#[derive(Default)]
pub(crate) struct Checked {
    pub report: Report,
    /// The IDs of the stacks, in the order of the inputs.
    pub stacks: Vec<String>,
    /// The defaults of parameters with `NoEcho`, which the lines of a source may contain.
    pub secrets: SecretValues,
    /// The contents of inputs that cannot be read a second time, by name.
    texts: HashMap<String, String>,
    /// The findings of each input with its path, if they are collected for a baseline.
    pub baseline: Option<Baseline>,
}

/// What inputs are checked for.
pub(crate) struct Request<'c> {
    pub options: Options,
    pub configuration: &'c Configuration,
    /// The findings to ignore.
    pub baseline: Option<Baseline>,
    /// The baseline to add all findings to.
    pub collected: Option<Baseline>,
}

impl Request<'_> {
    /// Returns the options for one input.
    pub fn options_of(&self, path: Option<&Path>) -> Cow<'_, Options> {
        let options = self.configuration.options_of(&self.options, path);
        let known = self.baseline.as_ref().map(|baseline| baseline.of(path)).unwrap_or_default();
        if known.is_empty() {
            return options;
        }
        let mut options = options.into_owned();
        options.baseline = known;
        Cow::Owned(options)
    }
}

impl Checked {
    /// Reads and checks files and directories, on as many threads as there are processors. The result does not depend on
    /// the number of threads.
    pub fn of_paths(paths: &[PathBuf], request: &Request<'_>) -> Self {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut parts = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = paths.get(number) else { return parts };
                parts.push((number, Self::unsorted(input::read_path(path), Some(path), request)));
            }
        };
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let mut parts = std::thread::scope(|scope| {
            let others: Vec<_> = (1..processors.min(paths.len())).map(|_| scope.spawn(work)).collect();
            let mut parts = work();
            for other in others {
                parts.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            parts
        });
        parts.sort_by_key(|(number, _)| *number);
        let mut all = Self { baseline: request.collected.clone(), ..Self::default() };
        for (number, part) in parts {
            if let Some(baseline) = &mut all.baseline {
                baseline.add(Some(&paths[number]), part.report.diagnostics.iter());
            }
            all.report.diagnostics.extend(part.report.diagnostics);
            all.stacks.extend(part.stacks);
            all.secrets = if part.secrets.is_empty() { all.secrets } else { all.secrets.and(part.secrets) };
            all.texts.extend(part.texts);
        }
        all.report.sort();
        all
    }

    /// Checks an input that was read or synthesized.
    pub fn of_input(input: Input, request: &Request<'_>) -> Self {
        let mut checked = Self::unsorted(input, None, request);
        checked.baseline = request.collected.clone();
        if let Some(baseline) = &mut checked.baseline {
            baseline.add(None, checked.report.diagnostics.iter());
        }
        checked.report.sort();
        checked
    }

    fn unsorted(input: Input, path: Option<&Path>, request: &Request<'_>) -> Self {
        let options = request.options_of(path);
        let mut report = check::check(&input.assembly, &options);
        let mut unreadable = input.unreadable;
        options.apply(&mut unreadable);
        report.diagnostics.extend(unreadable);
        Self {
            report,
            stacks: input.assembly.stacks.iter().map(|stack| stack.id.clone()).collect(),
            secrets: origin::secrets(&input.assembly),
            texts: input.texts,
            baseline: None,
        }
    }

    /// Returns the text of a source file, with secrets masked.
    pub fn source(&self, file: &str) -> Option<String> {
        let text = self.texts.get(file).cloned().or_else(|| origin::source(file))?;
        Some(self.secrets.mask(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_have_the_findings_that_they_have_together() {
        let directory = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> =
            (0..40).map(|number| directory.path().join(format!("{number}.yaml"))).collect();
        for (number, path) in paths.iter().enumerate() {
            let text = match number % 3 {
                0 => "Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicNam: x}}}",
                1 => {
                    "Parameters: {P: {Type: String, NoEcho: true, Default: hunter2}}\nResources: {T: {Type: AWS::SNS::Topc}}"
                }
                _ => "Resources: [",
            };
            std::fs::write(path, text).unwrap();
        }
        let configuration = Configuration::default();
        let request = Request {
            options: Options::default(),
            configuration: &configuration,
            baseline: None,
            collected: None,
        };
        let together = Checked::of_input(input::read(&paths), &request);
        let each = Checked::of_paths(&paths, &request);
        assert!(each.report.errors() >= 40, "{}", each.report.errors());
        assert_eq!(each.report, together.report);
        assert_eq!(each.stacks, together.stacks);
        assert_eq!(each.source(&paths[1].display().to_string()).unwrap().matches("hunter2").count(), 0);
    }
}
