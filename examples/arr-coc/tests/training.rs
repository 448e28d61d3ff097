//! The training scripts, run on tiny shapes.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// The interpreter whose packages the scripts need: of `STACKWRIGHT_TORCH_PYTHON`, or that of `cargo xtask tools`.
fn python() -> Option<String> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/training/bin/python");
    let named = std::env::var("STACKWRIGHT_TORCH_PYTHON").ok();
    let python = named.unwrap_or_else(|| tools.to_string_lossy().into_owned());
    // Importing the packages would take several seconds.
    let find = "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))";
    let packages = ["accelerate", "onnx", "onnxruntime", "torch", "transformers"];
    let has_packages = Command::new(&python).args(["-c", find]).args(packages).output();
    has_packages.is_ok_and(|output| output.status.success()).then_some(python)
}

#[test]
fn the_scorers_are_trained_and_what_is_trained_is_served() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with torch: run `cargo xtask tools`");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/training.py");
    let output = Command::new(python)
        .arg(script)
        .arg(directory.path())
        // Without cached bytecode, each process would compile the modules of PyTorch again. The cache is not beside the scripts.
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .env("PYTHONPYCACHEPREFIX", Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/pycache"))
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains(r#"{"arr-coc": "trained"}"#), "{text}");
}
