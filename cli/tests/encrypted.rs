//! Every construct with separate KMS keys: the check finds nothing, local mode deploys it, and a change of the model
//! is an update in place of the endpoint.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use snapshots::encrypted_clusters::KeyOf;
use snapshots::encrypted_endpoints::app;
use stackwright::prelude::*;

fn stackwright(directory: &std::path::Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.env("NO_COLOR", "1").current_dir(directory).args(["--app", "out"]).args(arguments);
    let output = command.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

#[test]
fn encrypted_endpoints_are_deployed_and_updated_in_local_mode() {
    let directory = tempfile::tempdir().unwrap();
    // Synthesizes and checks.
    stackwright::testing::synth(&app(1)).write(&directory.path().join("out")).unwrap();
    let deployed = stackwright(directory.path(), &["deploy", "--local", "--yes"]);
    assert!(deployed.contains("encrypted-Serving: deployed"), "{deployed}");
    stackwright::testing::synth(&app(2)).write(&directory.path().join("out")).unwrap();
    let updated = stackwright(directory.path(), &["deploy", "--local", "--yes"]);
    assert!(updated.contains("encrypted-Serving: deployed"), "{updated}");
    assert!(!updated.contains("- RealTime AWS::SageMaker::Endpoint"), "{updated}");
}

#[test]
fn encrypted_jobs_are_deployed_in_local_mode() {
    let directory = tempfile::tempdir().unwrap();
    let assembly = stackwright::testing::synth(&snapshots::encrypted_jobs::app());
    let found = stackwright::review::check::check(&assembly, &Default::default());
    assert_eq!(stackwright::review::report::text(&found, |_| None, false), "nothing found\n");
    assembly.write(&directory.path().join("out")).unwrap();
    let deployed = stackwright(directory.path(), &["deploy", "--local", "--yes"]);
    assert!(deployed.contains("jobs-Jobs: deployed"), "{deployed}");
}

#[test]
fn encrypted_clusters_and_fleets_are_deployed_in_local_mode() {
    for key_of in [KeyOf::Setters, KeyOf::Stack] {
        let directory = tempfile::tempdir().unwrap();
        let assembly = stackwright::testing::synth(&snapshots::encrypted_clusters::app(key_of));
        let found = stackwright::review::check::check(&assembly, &Default::default());
        // The end of support of a Kubernetes version depends on the date of the test.
        let found: Vec<_> =
            found.diagnostics.iter().filter(|one| one.id != "extended-kubernetes-version").collect();
        assert!(found.is_empty(), "{found:#?}");
        assembly.write(&directory.path().join("out")).unwrap();
        let deployed = stackwright(directory.path(), &["deploy", "--local", "--yes"]);
        for stack in ["Shared", "Clusters", "Fleets"] {
            assert!(deployed.contains(&format!("encrypted-{stack}: deployed")), "{deployed}");
        }
        let again = stackwright(directory.path(), &["deploy", "--local", "--yes"]);
        assert_eq!(again.matches("nothing changed").count(), 3, "{again}");
    }
}

#[test]
fn a_role_without_the_permission_for_a_key_is_found() {
    let app = App::new("encrypted");
    let stack = app.stack("Serving").region("us-east-1");
    let models = stack.add("Models", PrivateBucket::new().own_kms_key());
    let objects = stackwright::sub!("{}/*", models.arn());
    stack.add("Role", ExecutionRole::new([Statement::allow(["s3:GetObject"]).on(objects)]));
    let assembly = app.synth().unwrap();
    let found = stackwright::review::check::check(&assembly, &Default::default());
    let report = stackwright::review::report::text(&found, |_| None, false);
    assert!(report.contains("reader-without-key-permission") && report.contains("encrypted.rs:"), "{report}");
}
