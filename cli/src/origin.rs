//! Where the stacks come from: the program itself, the program in the current folder, an assembly, a template.

use std::fs;
#[cfg(feature = "deploy")]
use std::path::{Path, PathBuf};

use stackwright_review::{Diagnostic, Report, check, report};
use stackwright_synth::{App, Assembly};

use crate::failure::Failure;
use crate::input::Input;

/// Where the stacks come from.
pub(crate) enum Origin {
    /// The program that runs.
    Program(App),
    /// The program in the current folder, or what `--app` names.
    #[cfg(feature = "deploy")]
    Elsewhere(Option<PathBuf>),
}

impl Origin {
    /// The stacks, checked unless told not to. What is wrong is printed.
    pub fn stacks(&self, checked: bool) -> Result<Stacks, Failure> {
        let stacks = match self {
            Self::Program(app) => app.synth().map(Stacks::from).map_err(|errors| {
                print(&Diagnostic::from_errors(&errors).into());
                Failure::reported()
            })?,
            #[cfg(feature = "deploy")]
            Self::Elsewhere(path) => elsewhere(path.as_deref())?,
        };
        if checked {
            let found = check::check(&stacks.assembly, &check::Options::default());
            if !found.diagnostics.is_empty() {
                print(&found);
            }
            if found.errors() > 0 {
                return Err(Failure::reported());
            }
        }
        Ok(stacks)
    }

    /// The stacks to check, with what is wrong with them so far.
    pub fn input(&self) -> Result<Input, Failure> {
        match self {
            Self::Program(app) => Ok(match app.synth() {
                Ok(assembly) => assembly.into(),
                Err(errors) => {
                    let mut input = Input::from(Assembly { stacks: Vec::new() });
                    input.unreadable = Diagnostic::from_errors(&errors);
                    input
                }
            }),
            #[cfg(feature = "deploy")]
            Self::Elsewhere(Some(path)) => Ok(crate::input::read(std::slice::from_ref(path))),
            #[cfg(feature = "deploy")]
            Self::Elsewhere(None) => Ok(program()?.assembly.into()),
        }
    }
}

/// The stacks to work on.
pub(crate) struct Stacks {
    pub assembly: Assembly,
    /// Where the files of assets lie as long as they are needed.
    pub folder: Option<tempfile::TempDir>,
}

impl From<Assembly> for Stacks {
    fn from(assembly: Assembly) -> Self {
        Self { assembly, folder: None }
    }
}

fn print(found: &Report) {
    anstream::eprint!("{}", report::text(found, source, true));
}

/// The text of a source file. The compiler names files from the root of the workspace, a program runs anywhere
/// below it.
pub(crate) fn source(file: &str) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find_map(|folder| fs::read_to_string(folder.join(file)).ok())
}

#[cfg(feature = "deploy")]
fn elsewhere(path: Option<&Path>) -> Result<Stacks, Failure> {
    match path {
        None => program(),
        Some(path) if path.is_dir() => Ok(Assembly::read(path)?.into()),
        Some(path) => Ok(template(path)?.into()),
    }
}

/// Runs the program of the current folder and reads what it made.
#[cfg(feature = "deploy")]
fn program() -> Result<Stacks, Failure> {
    if !PathBuf::from("Cargo.toml").is_file() {
        return Err(Failure::new("there is no Cargo.toml in this folder")
            .hint("run it in the folder of a program, or name an assembly or a template with `--app PATH`"));
    }
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("assembly");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo)
        .args(["run", "--quiet", "--", "synth", "--quiet", "--no-check", "--out"])
        .arg(&out)
        .status()
        .map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
    if !status.success() {
        return Err(Failure::new("the program in this folder did not synthesize"));
    }
    Ok(Stacks { assembly: Assembly::read(&out)?, folder: Some(folder) })
}

/// A template by anyone, as a stack that is called like the file.
#[cfg(feature = "deploy")]
fn template(path: &Path) -> Result<Assembly, Failure> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    Assembly::of_template(&path.to_string_lossy(), text).map_err(|error| {
        Failure::new(format!("{}:{}:{}: {}", path.display(), error.line, error.column, error.message))
    })
}
