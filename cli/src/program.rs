//! The program of a directory: finds the package that defines the stacks, builds it with Cargo and runs it, as the CDK CLI
//! runs an app.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use stackwright_synth::Assembly;

use crate::failure::Failure;
use crate::origin::Stacks;

/// The crate that a program of stacks depends on.
const LIBRARY: &str = "stackwright";

/// How long the first build of a program takes.
pub(crate) const FIRST_BUILD: &str = "one to two minutes on two cores";

/// A directory of programs, and where Cargo builds them.
pub(crate) struct Workspace<'a> {
    /// The directory in which Cargo and the program run.
    pub directory: &'a Path,
    /// The target directory. Default: Cargo's.
    pub target: Option<&'a Path>,
}

/// Builds and runs the program of a directory, and reads the assembly that it wrote. Cargo's progress goes to stderr.
pub(crate) fn synthesize(workspace: &Workspace<'_>, package: Option<&str>) -> Result<Stacks, Failure> {
    let (program, metadata) = find(workspace, package)?;
    if !executable(workspace, &program, &metadata).exists() {
        anstream::eprintln!(
            "building the program `{}`; a first build compiles its dependencies, which takes {FIRST_BUILD}",
            program.name
        );
    }
    let executable = build(workspace, &program)?;
    let directory = tempfile::tempdir()?;
    let out = directory.path().join("assembly");
    let status = Command::new(&executable)
        .args(["synth", "--quiet", "--no-check", "--out"])
        .arg(&out)
        .current_dir(workspace.directory)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| Failure::new(format!("cannot run {}: {error}", executable.display())))?;
    if !status.success() {
        return Err(Failure::new(format!("the program `{}` did not synthesize its stacks", program.name)));
    }
    if !out.is_dir() {
        return Err(Failure::new(format!("the program `{}` did not write a cloud assembly", program.name))
            .hint("its `main` function must return `stackwright::run(app())`"));
    }
    Ok(Stacks { assembly: Assembly::read(&out)?, directory: Some(directory) })
}

/// A package with an executable that depends on the library.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    name: String,
    /// The directory of the package.
    directory: PathBuf,
    /// The executable to run.
    target: String,
    /// The other executables of the package, if neither `default-run` nor the name of the package determines which one to run;
    /// otherwise empty.
    others: Vec<String>,
}

/// Returns what the program is built from: directories and files, and the file in which Cargo lists its sources after a build.
#[cfg(feature = "deploy")]
pub(crate) fn inputs(
    workspace: &Workspace<'_>,
    package: Option<&str>,
) -> Result<(Vec<PathBuf>, PathBuf), Failure> {
    let (program, metadata) = find(workspace, package)?;
    let root = Path::new(metadata["workspace_root"].as_str().unwrap_or_default());
    let sources = executable(workspace, &program, &metadata).with_extension("d");
    Ok((vec![program.directory, root.join("Cargo.toml"), root.join(".cargo/config.toml")], sources))
}

/// Returns the path that Cargo gives to the executable: below a directory of the platform, if the configuration of Cargo sets
/// `build.target`.
fn executable(workspace: &Workspace<'_>, program: &Program, metadata: &Json) -> PathBuf {
    let default = || Path::new(metadata["target_directory"].as_str().unwrap_or_default());
    let target = workspace.target.unwrap_or_else(default);
    let file = Path::new("debug").join(format!("{}{}", program.target, std::env::consts::EXE_SUFFIX));
    let platforms = fs::read_dir(target).into_iter().flatten().flatten().map(|entry| entry.path());
    let paths = std::iter::once(target.to_owned()).chain(platforms).map(|directory| directory.join(&file));
    let built = paths.filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)));
    built.max().map_or_else(|| target.join(&file), |(_, newest)| newest)
}

/// Returns the program, and what `cargo metadata` prints about the workspace.
fn find(workspace: &Workspace<'_>, package: Option<&str>) -> Result<(Program, Json), Failure> {
    // Cargo names directories without links.
    let current = workspace.directory.canonicalize()?;
    if !current.ancestors().any(|directory| directory.join("Cargo.toml").is_file()) {
        return Err(Failure::new("there is no Cargo.toml in this directory or above it")
            .hint("run the command in the directory of a program, or create one with `stackwright new NAME`")
            .hint("or name an assembly or a template with `--app PATH`"));
    }
    let output = cargo(workspace)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_cargo(&error))?;
    let metadata: Json = serde_json::from_slice(&output.stdout)
        .map_err(|_| Failure::new("cargo cannot read the manifest of this directory"))?;
    let program = choose(&metadata, &current, package)?;
    match program.others.is_empty() {
        true => Ok((program, metadata)),
        false => Err(several_executables(&program)),
    }
}

/// Returns the error for a package with several executables and without `default-run`; `cargo run` reports it as well.
fn several_executables(program: &Program) -> Failure {
    let names = std::iter::once(&program.target).chain(&program.others);
    let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Failure::new(format!("the package `{}` has several executables: {names}", program.name)).hint(format!(
        "in `[package]` of its Cargo.toml, set the executable that defines the stacks: `default-run = {:?}`",
        program.target
    ))
}

/// Chooses the program: the named package, the package of the current directory, or the only one of the workspace.
fn choose(metadata: &Json, current: &Path, package: Option<&str>) -> Result<Program, Failure> {
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let programs: Vec<Program> = packages().filter_map(program).collect();
    let names = || programs.iter().map(|program| program.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) = package {
        return programs.iter().find(|program| program.name == name).cloned().ok_or_else(|| {
            let failure = match packages().find(|package| package["name"] == name) {
                Some(package) => not_a_program(package),
                None => Failure::usage(format!("the workspace has no package `{name}`")),
            };
            match programs.is_empty() {
                true => failure,
                false => failure.hint(format!("the packages with stacks are {}", names())),
            }
        });
    }
    // The innermost package whose directory holds the current one.
    let innermost = packages()
        .filter(|package| directory(package).is_some_and(|directory| current.starts_with(directory)))
        .max_by_key(|package| directory(package).map_or(0, |directory| directory.components().count()));
    if let Some(package) = innermost {
        if let Some(program) = program(package) {
            return Ok(program);
        }
        if programs.is_empty() || directory(package).is_some_and(|directory| directory == current) {
            return Err(not_a_program(package));
        }
    }
    match programs.as_slice() {
        [program] => Ok(program.clone()),
        [] => Err(Failure::new(format!(
            "no package of this workspace is a program that depends on `{LIBRARY}`"
        ))
        .hint("create a program with `stackwright new NAME`, or name a template with `--app PATH`")),
        several => {
            // As for `cargo run`, `default-members` in the manifest of the workspace can select the package.
            let is_default = |program: &&Program| default_members(metadata).any(|name| name == program.name);
            match several.iter().filter(is_default).collect::<Vec<_>>().as_slice() {
                [program] => Ok((*program).clone()),
                _ => Err(Failure::usage("several packages of this workspace define stacks")
                    .hint(format!("choose one with `--package NAME`: {}", names()))),
            }
        }
    }
}

/// Returns the names of the packages in `default-members` of the workspace; Cargo lists all packages if there is no such list.
fn default_members(metadata: &Json) -> impl Iterator<Item = &str> {
    let ids = metadata["workspace_default_members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter(|package| ids.contains(&package["id"])).filter_map(|package| package["name"].as_str())
}

fn not_a_program(package: &Json) -> Failure {
    let name = package["name"].as_str().unwrap_or_default();
    let failure = Failure::new(format!(
        "the package `{name}` defines no stacks: it has no executable that depends on `{LIBRARY}`"
    ));
    if depends_on_library(package) {
        return failure.hint("add `src/main.rs`, whose `main` function returns `stackwright::run(app())`");
    }
    failure.hint(
        "create a program with `stackwright new NAME`, or name an assembly or a template with `--app PATH`",
    )
}

fn depends_on_library(package: &Json) -> bool {
    let mut dependencies = package["dependencies"].as_array().into_iter().flatten();
    dependencies.any(|dependency| dependency["name"] == LIBRARY && dependency["kind"].is_null())
}

fn directory(package: &Json) -> Option<&Path> {
    Path::new(package["manifest_path"].as_str()?).parent()
}

fn program(package: &Json) -> Option<Program> {
    if !depends_on_library(package) {
        return None;
    }
    let targets: Vec<&str> = package["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|target| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"bin".into())))
        .filter_map(|target| target["name"].as_str())
        .collect();
    let name = package["name"].as_str()?;
    let default = package["default_run"].as_str();
    let main = default.or_else(|| targets.iter().copied().find(|target| *target == name));
    let (target, others) = match main {
        Some(main) => (main, &[][..]),
        None => targets.split_first().map(|(first, others)| (*first, others))?,
    };
    Some(Program {
        name: name.to_owned(),
        directory: directory(package)?.to_owned(),
        target: target.to_owned(),
        others: others.iter().map(|other| (*other).to_owned()).collect(),
    })
}

/// Builds the program where something changed, and returns its executable.
fn build(workspace: &Workspace<'_>, program: &Program) -> Result<PathBuf, Failure> {
    let output = cargo(workspace)
        .args(["build", "--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(program.directory.join("Cargo.toml"))
        .args(["--bin", &program.target])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        return Err(Failure::new(format!("the program `{}` could not be built", program.name)));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Json>(line).ok())
        .filter(|message| message["target"]["name"] == program.target.as_str())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Failure::new(format!("cargo built no executable for `{}`", program.name)))
}

fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start cargo: {error}"))
        .hint("install Rust: https://rust-lang.org/tools/install")
        .hint("or name an assembly or a template with `--app PATH`, which is not built")
}

fn cargo(workspace: &Workspace<'_>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace.directory);
    if let Some(target) = workspace.target {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, library: bool, executables: &[&str]) -> Json {
        let dependencies = if library { json!([{ "name": LIBRARY, "kind": null }]) } else { json!([]) };
        let targets: Vec<Json> =
            executables.iter().map(|name| json!({ "kind": ["bin"], "name": name })).collect();
        json!({
            "name": name, "id": name, "manifest_path": format!("/w/{name}/Cargo.toml"), "default_run": null,
            "dependencies": dependencies, "targets": targets,
        })
    }

    fn chosen(packages: Vec<Json>, current: &str, package: Option<&str>) -> Result<String, String> {
        choose(&json!({ "packages": packages }), Path::new(current), package)
            .map(|program| program.name)
            .map_err(|failure| failure.message)
    }

    #[test]
    fn the_package_of_the_current_directory_is_run() {
        let packages = || vec![package("one", true, &["one"]), package("two", true, &["two"])];
        assert_eq!(chosen(packages(), "/w/two/src", None), Ok("two".into()));
        assert_eq!(chosen(packages(), "/w/two", Some("one")), Ok("one".into()));
        assert_eq!(
            chosen(packages(), "/w", None),
            Err("several packages of this workspace define stacks".into())
        );
        assert_eq!(
            chosen(packages(), "/w", Some("three")),
            Err("the workspace has no package `three`".into())
        );
    }

    #[test]
    fn the_only_program_of_a_workspace_is_run_from_its_root() {
        let packages = || vec![package("tool", false, &["tool"]), package("infra", true, &["infra"])];
        assert_eq!(chosen(packages(), "/w", None), Ok("infra".into()));
        assert!(chosen(packages(), "/w/tool", None).unwrap_err().contains("defines no stacks"));
    }

    #[test]
    fn the_only_program_among_the_default_members_is_run() {
        let of = |members: Json| {
            let packages = vec![package("one", true, &["one"]), package("two", true, &["two"])];
            let metadata = json!({ "packages": packages, "workspace_default_members": members });
            choose(&metadata, Path::new("/w"), None).map(|program| program.name).ok()
        };
        assert_eq!(of(json!(["two"])), Some("two".into()));
        assert_eq!(of(json!(["one", "two"])), None);
    }

    #[test]
    fn an_executable_is_chosen_by_its_name_or_by_the_manifest_and_never_by_chance() {
        let of = |package: Json| program(&package).unwrap();
        let main = of(package("app", true, &["migrate", "app"]));
        assert_eq!((main.target.as_str(), main.others.len()), ("app", 0));
        let mut two = package("app", true, &["one", "two"]);
        let failure = several_executables(&of(two.clone()));
        assert_eq!(failure.message, "the package `app` has several executables: `one`, `two`");
        assert!(failure.hints[0].ends_with("`default-run = \"one\"`"), "{failure:?}");
        two["default_run"] = "two".into();
        let chosen = of(two);
        assert_eq!((chosen.target.as_str(), chosen.others.len()), ("two", 0));
    }

    #[test]
    fn an_executable_is_found_below_the_directory_of_its_platform() {
        let target = tempfile::tempdir().unwrap();
        let built = target.path().join("x86_64-unknown-linux-musl/debug");
        let workspace = Workspace { directory: Path::new("."), target: Some(target.path()) };
        let app = program(&package("app", true, &["app"])).unwrap();
        assert!(!executable(&workspace, &app, &Json::Null).exists());
        fs::create_dir_all(&built).unwrap();
        let file = built.join(format!("app{}", std::env::consts::EXE_SUFFIX));
        fs::write(&file, "").unwrap();
        assert_eq!(executable(&workspace, &app, &Json::Null), file);
    }

    #[test]
    fn a_package_without_the_library_or_without_an_executable_defines_no_stacks() {
        for (package, hint) in [
            (package("app", false, &["app"]), "create a program with `stackwright new NAME`"),
            (package("app", true, &[]), "add `src/main.rs`"),
        ] {
            let failure = choose(&json!({ "packages": [package] }), Path::new("/w/app"), None).unwrap_err();
            assert!(failure.message.contains("`app` defines no stacks"), "{failure:?}");
            assert!(failure.hints.iter().any(|one| one.starts_with(hint)), "{failure:?}");
        }
    }
}
