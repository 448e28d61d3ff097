//! The source of the stacks: the running program, the program in the current directory, an assembly or a template.

use std::fs;
#[cfg(feature = "deploy")]
use std::path::PathBuf;

use stackwright_review::{Diagnostic, Report, check, report};
use stackwright_synth::secret::SecretValues;
use stackwright_synth::{App, Assembly, Errors};

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::input::Input;
#[cfg(feature = "deploy")]
use crate::program::{self, Workspace};

/// The source of the stacks.
pub(crate) enum Origin {
    /// The running program.
    Program(App),
    /// The assembly or the template that `--app` names.
    #[cfg(feature = "deploy")]
    Path(PathBuf),
    /// The program in the current directory, or the package of the workspace that `--package` names.
    #[cfg(feature = "deploy")]
    CurrentDirectory(Option<String>),
}

impl Origin {
    /// Synthesizes or reads the stacks. With `checked`, also checks them, with the settings of `stackwright.toml`; diagnostics are
    /// printed to stderr.
    pub fn stacks(&self, checked: bool) -> Result<Stacks, Failure> {
        let stacks = self.unchecked(App::synth)?;
        if checked {
            let found = check::check(&stacks.assembly, &Configuration::read(None)?.options_of_stacks()?);
            if !found.diagnostics.is_empty() {
                print(&found, &secrets(&stacks.assembly));
            }
            if found.errors() > 0 {
                return Err(Failure::reported());
            }
        }
        Ok(stacks)
    }

    /// Synthesizes or reads the stacks for a command that hardly reads their sections. See [`App::synth_text`].
    pub fn texts(&self) -> Result<Stacks, Failure> {
        self.unchecked(App::synth_text)
    }

    fn unchecked(&self, synth: fn(&App) -> Result<Assembly, Errors>) -> Result<Stacks, Failure> {
        match self {
            Self::Program(app) => synth(app).map(Stacks::from).map_err(|errors| {
                print(&Diagnostic::from_errors(&errors).into(), &SecretValues::default());
                Failure::reported()
            }),
            #[cfg(feature = "deploy")]
            Self::Path(path) => crate::base::stored(path),
            #[cfg(feature = "deploy")]
            Self::CurrentDirectory(package) => in_current_directory(package.as_deref()),
        }
    }

    /// Returns the package of the workspace that was named, if one was.
    pub fn package(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "deploy")]
            Self::CurrentDirectory(package) => package.as_deref(),
            _ => None,
        }
    }

    /// Returns whether an option names the source.
    pub fn is_named(&self) -> bool {
        match self {
            #[cfg(feature = "deploy")]
            Self::Path(_) | Self::CurrentDirectory(Some(_)) => true,
            _ => false,
        }
    }

    /// Refuses an option that names the source if the command reads files, because the option would have no effect.
    pub fn refuse_with_files(&self, reads_files: bool) -> Result<(), Failure> {
        match reads_files && self.is_named() {
            true => Err(Failure::usage("`--app` and `--package` have no effect, because files are given")
                .hint("leave out the option or the files")),
            false => Ok(()),
        }
    }

    /// Returns the options that name the source, as words of a command line.
    #[cfg(feature = "deploy")]
    pub fn options(&self) -> Vec<String> {
        match self {
            Self::Path(path) => vec!["--app".into(), path.display().to_string()],
            Self::CurrentDirectory(Some(package)) => vec!["--package".into(), package.clone()],
            Self::CurrentDirectory(None) | Self::Program(_) => Vec::new(),
        }
    }

    /// Returns whether the stacks are those of the program in the current directory, which cargo can build.
    pub fn is_program_here(&self) -> bool {
        match self {
            Self::Program(_) => true,
            #[cfg(feature = "deploy")]
            Self::CurrentDirectory(_) => true,
            #[cfg(feature = "deploy")]
            Self::Path(_) => false,
        }
    }

    /// Returns the stacks to check, with the errors that were found while they were read.
    pub fn input(&self) -> Result<Input, Failure> {
        match self {
            Self::Program(app) => Ok(match app.synth() {
                Ok(assembly) => assembly.into(),
                Err(errors) => {
                    let mut input = Input::from(Assembly::new(Vec::new()));
                    input.unreadable = Diagnostic::from_errors(&errors);
                    input
                }
            }),
            #[cfg(feature = "deploy")]
            Self::Path(path) => Ok(crate::input::read(std::slice::from_ref(path))),
            #[cfg(feature = "deploy")]
            Self::CurrentDirectory(package) => Ok(in_current_directory(package.as_deref())?.assembly.into()),
        }
    }
}

#[cfg(feature = "deploy")]
fn in_current_directory(package: Option<&str>) -> Result<Stacks, Failure> {
    let directory = std::env::current_dir()?;
    program::synthesize(&Workspace { directory: &directory, target: None }, package)
}

/// The stacks that a command works on.
pub(crate) struct Stacks {
    pub assembly: Assembly,
    /// The directory of the asset files, which is deleted when this value is dropped.
    pub directory: Option<tempfile::TempDir>,
}

impl From<Assembly> for Stacks {
    fn from(assembly: Assembly) -> Self {
        Self { assembly, directory: None }
    }
}

fn print(found: &Report, secrets: &SecretValues) {
    let masked = |file: &str| Some(secrets.mask(&source(file)?));
    anstream::eprint!("{}", report::text(found, masked, true));
}

/// Returns the defaults of parameters with `NoEcho`, which are not shown in lines of the source either.
pub(crate) fn secrets(assembly: &Assembly) -> SecretValues {
    let of_stacks = assembly.stacks.iter().map(|stack| SecretValues::of_defaults(&stack.template));
    of_stacks.fold(SecretValues::default(), SecretValues::and)
}

/// Masks secrets in a JSON document.
pub(crate) fn masked_json(secrets: &SecretValues, document: String) -> String {
    if secrets.is_empty() {
        return document;
    }
    let Ok(mut value) = serde_json::from_str(&document) else { return secrets.mask(&document) };
    secrets.mask_json(&mut value);
    format!("{value:#}\n")
}

/// Returns the text of a source file. The compiler names files relative to the root of the workspace, and a program
/// may run in any directory below it.
pub(crate) fn source(file: &str) -> Option<String> {
    let current = std::env::current_dir().ok()?;
    current.ancestors().find_map(|directory| fs::read_to_string(directory.join(file)).ok())
}
