//! The external programs that validate this project's output, each at a fixed version, in `.tools/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, root};

/// The Python packages that `tools/requirements.txt` pins, in a virtual environment.
const REQUIREMENTS: &str = "xtask/tools/requirements.txt";
/// Checkov, in a virtual environment of its own.
const CHECKOV: &str = "xtask/tools/checkov.txt";
/// The AWS CLI and an emulator, in a virtual environment of their own.
const AWS: &str = "xtask/tools/aws.txt";
/// The clients of CloudFormation other than the AWS CLI and the CDK CLI, in a virtual environment of their own.
const CLIENTS: &str = "xtask/tools/clients.txt";
/// The package with Ansible's collections, of which only `amazon.aws` is used: the whole package has 60,000 files.
const ANSIBLE: (&str, &str) = ("ansible", "12.3.0");
/// The programs for documentation and releases, in a virtual environment of their own. Their hashes are pinned.
const RELEASE: &str = "xtask/tools/release.txt";
/// DeepSpeed, whose configuration classes read the generated configuration files.
const DEEPSPEED: &str = "deepspeed==0.19.8";
/// What the training scripts of the examples need: PyTorch with the packages of each script.
const TRAINING: [&str; 2] = ["xtask/tools/training.txt", "examples/arr-coc/training/requirements.txt"];
/// DeepSpeed, which is built against the installed PyTorch.
const TRAINING_AFTER_TORCH: &str = "examples/zero3/training/requirements.txt";
/// The installer of Python packages. It takes a fraction of the processor time of pip, and the compiler runs at the same time.
const UV: &str = "uv==0.13.9";
/// The classes that describe jobs of HyperPod's training operator. Its package would overwrite a file of the SageMaker SDK, so it
/// is installed in a directory of its own, without its dependencies.
const HYPERPOD: &str = "sagemaker-hyperpod==3.12.0";
/// The Node packages of `package.json` with its lock file.
const NODE: &str = "xtask/tools";
const NODE_LOCK: &str = "xtask/tools/package-lock.json";

/// Installs missing tools, and returns the directory `.tools`.
pub fn install() -> Result<PathBuf> {
    let tools = root().join(".tools");
    fs::create_dir_all(&tools)?;
    once(&tools, "python", &[REQUIREMENTS], |directory| {
        environment(directory, &[REQUIREMENTS])?;
        // The package is available as source only, and its kernels need a GPU; only its configuration classes are
        // used here.
        run(install_into(directory)?.args(["--no-deps", "--no-build-isolation", DEEPSPEED]))?;
        run(install_into(directory)?
            .args(["--no-deps", HYPERPOD, "--target"])
            .arg(directory.join("hyperpod")))
    })?;
    once(&tools, "checkov", &[CHECKOV], |directory| environment(directory, &[CHECKOV]))?;
    once(&tools, "aws", &[AWS], |directory| environment(directory, &[AWS]))?;
    once(&tools, "clients", &[CLIENTS], |directory| {
        environment(directory, &[CLIENTS])?;
        let extract = "import sys, zipfile\n\
            archive = zipfile.ZipFile(sys.argv[1])\n\
            names = [name for name in archive.namelist() if name.startswith('ansible_collections/amazon/aws/')]\n\
            archive.extractall(sys.argv[2], names)";
        let python = directory.join("bin/python");
        run(Command::new(python)
            .args(["-c", extract])
            .arg(wheel(ANSIBLE.0, ANSIBLE.1)?)
            .arg(directory.join("collections")))
    })?;
    once(&tools, "training", &[TRAINING[0], TRAINING[1], TRAINING_AFTER_TORCH], |directory| {
        environment(directory, &TRAINING)?;
        run(install_into(directory)?
            .args(["--no-build-isolation", "--requirement"])
            .arg(root().join(TRAINING_AFTER_TORCH)))
    })?;
    release()?;
    once(&tools, "node", &[NODE_LOCK], |directory| {
        fs::create_dir_all(directory)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(root().join(NODE).join(file), directory.join(file))?;
        }
        run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(directory))
    })?;
    browser();
    Ok(tools)
}

/// Installs the programs for documentation and releases, and returns their directory.
pub fn release() -> Result<PathBuf> {
    let tools = root().join(".tools");
    fs::create_dir_all(&tools)?;
    once(&tools, "release", &[RELEASE], |directory| environment(directory, &[RELEASE]))?;
    Ok(tools.join("release/bin"))
}

/// Installs the programs that `bench --peers` measures, and returns their directory.
pub fn peers() -> Result<PathBuf> {
    const PEERS: &str = "xtask/tools/peers";
    let tools = root().join(".tools/peers");
    fs::create_dir_all(&tools)?;
    let requirements = format!("{PEERS}/requirements.txt");
    once(&tools, "python", &[&requirements], |directory| environment(directory, &[&requirements]))?;
    let lock = format!("{PEERS}/package-lock.json");
    once(&tools, "node", &[&lock], |directory| {
        fs::create_dir_all(directory)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(root().join(PEERS).join(file), directory.join(file))?;
        }
        run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(directory))
    })?;
    // The program finds its packages beside itself.
    fs::copy(root().join(PEERS).join("app.js"), tools.join("node/app.js"))?;
    Ok(tools)
}

/// Installs the browser with which the HTML report is tested, if Debian's package manager can install packages.
/// Without the browser, that test is skipped with a message.
fn browser() {
    let is_there =
        |name: &str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    if ["chromium", "chromium-browser", "google-chrome"].into_iter().any(is_there) {
        return;
    }
    let installed =
        run(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", "chromium"]));
    if let Err(error) = installed {
        eprintln!("no browser is installed, so that the test of the HTML report is skipped: {error}");
    }
}

/// Creates a virtual environment with the packages that files pin.
fn environment(directory: &Path, requirements: &[&str]) -> Result<()> {
    run(uv()?.args(["venv", "--quiet", "--clear", "--python", "python3"]).arg(directory))?;
    let mut install = install_into(directory)?;
    for file in requirements {
        install.arg("--requirement").arg(root().join(file));
    }
    run(&mut install)
}

/// Returns the command that installs packages into a virtual environment.
fn install_into(environment: &Path) -> Result<Command> {
    let mut command = uv()?;
    command.env("DS_BUILD_OPS", "0");
    command.args(["pip", "install", "--quiet", "--python"]).arg(environment.join("bin/python"));
    Ok(command)
}

/// Returns the command of uv, which is installed if it is missing.
fn uv() -> Result<Command> {
    let directory = root().join(".tools/uv");
    let program = directory.join("bin/uv");
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
        run(Command::new(directory.join("bin/pip")).args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            UV,
        ]))?;
    }
    let mut command = Command::new(program);
    command.env("UV_CACHE_DIR", uv_cache()).env("UV_PYTHON_DOWNLOADS", "never");
    Ok(command)
}

/// Returns the directory from which uv links files, which has to be on the file system of the environments.
fn uv_cache() -> PathBuf {
    root().join(".tools/cache")
}

/// Runs `make` for `tools/name`, unless it has run with the same content of the files `pins` before.
fn once(tools: &Path, name: &str, pins: &[&str], make: impl Fn(&Path) -> Result<()>) -> Result<()> {
    let mut wanted = String::new();
    for file in pins {
        wanted += &fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    let stamp = tools.join(format!("{name}.installed"));
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    eprintln!("installing {name} tools into {}", tools.join(name).display());
    make(&tools.join(name))?;
    // Files that are linked from the cache remain in the environments.
    let cache = uv_cache();
    if cache.exists() {
        fs::remove_dir_all(cache)?;
    }
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Returns the variables for all builds of one run. In CI, where everything is built once, Cargo keeps nothing for the next build
/// and writes no debug information: both take time.
pub fn build_settings() -> Vec<(&'static str, &'static str)> {
    match std::env::var_os("CI") {
        Some(_) => vec![("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")],
        None => Vec::new(),
    }
}

/// Runs a command to its end. The error of a failure names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}

/// Downloads one wheel by name and version, without its dependencies, and returns its path.
pub fn wheel(package: &str, version: &str) -> Result<PathBuf> {
    let directory = root().join("target/wheels");
    fs::create_dir_all(&directory)?;
    let file = directory.join(format!("{}-{version}-py3-none-any.whl", package.replace('-', "_")));
    if !file.exists() {
        run(Command::new("python3")
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest"])
            .arg(&directory)
            .arg(format!("{package}=={version}")))?;
    }
    Ok(file)
}
