//! The script of `RepackStep` packs code beside a model.
#![allow(clippy::unwrap_used)]

#[test]
fn the_repack_step_packs_the_code_beside_the_model() {
    snapshots::needs!("python/bin/python");
    let directory = tempfile::tempdir().unwrap();
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/repack.py");
    let reported = snapshots::run(
        std::process::Command::new(snapshots::tool("python/bin/python")).arg(judge).arg(directory.path()),
    );
    assert!(reported.contains("model.pt, code/inference.py"), "{reported}");
}
