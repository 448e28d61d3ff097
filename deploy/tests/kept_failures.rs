//! Operations that CloudFormation does not roll back (`keep_failed`): which operations can follow them, and which changes they
//! refuse.
#![allow(clippy::unwrap_used)]

mod simulation;

use serde_json::json;
use simulation::{STACK, Simulation, stack, topics};
use stackwright_deploy::{
    ChangeSet, ContinueMode, DeployError, Options, Outcome, Prepared, RecoveryAction, condition, execute,
    prepare,
};
use stackwright_synth::StackArtifact;

async fn planned(
    simulation: &Simulation,
    stack: &StackArtifact,
    options: &Options,
) -> Result<ChangeSet, DeployError> {
    match prepare(&simulation.connection, stack, options, &|_| {}).await? {
        Prepared::Ready(change_set) => Ok(*change_set),
        other => panic!("{other:?}"),
    }
}

async fn deployed(
    simulation: &Simulation,
    stack: &StackArtifact,
    options: &Options,
) -> Result<Outcome, DeployError> {
    let change_set = planned(simulation, stack, options).await?;
    execute(&simulation.connection, stack, &change_set, &|_| {}).await
}

/// CloudFormation refuses to update a stack that was not rolled back if the new operation would be rolled back. After an operation
/// in express mode, it also refuses an operation in the other mode. The deployer returns an error before it creates a change set.
#[tokio::test]
async fn a_deployment_continues_from_what_was_not_rolled_back() {
    for (on, status) in [("create", "CREATE_FAILED"), ("update", "UPDATE_FAILED")] {
        for express in [false, true] {
            let simulation = Simulation::start().await;
            if on == "update" {
                simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
            }
            simulation.fail(
                json!({ "resources": [{ "resource": "Second", "on": on, "reason": "no capacity", "times": 1 }] }),
            );
            let options = Options::new().keep_failed(true).express(express);
            let wanted = stack(&topics("", "two"));
            deployed(&simulation, &wanted, &options).await.unwrap_err();
            assert_eq!(simulation.status().await, status);

            let mode = if express { ContinueMode::ExpressKeepFailed } else { ContinueMode::KeepFailed };
            let found = condition(&simulation.connection, STACK).await.unwrap();
            assert_eq!(found.continue_with, Some(mode));
            let can_roll_back = found.options.iter().any(|one| one.action == RecoveryAction::Rollback);
            assert_eq!(can_roll_back, !express, "RollbackStack does not support express mode");
            let mut refused = vec![Options::new(), Options::new().express(true)];
            if express {
                refused.push(Options::new().keep_failed(true));
            }
            for options in refused {
                let error = planned(&simulation, &wanted, &options).await.unwrap_err().to_string();
                assert!(error.contains(status) && error.contains(&format!("`{mode}`")), "{error}");
            }
            assert!(deployed(&simulation, &wanted, &options).await.unwrap().changed);
            assert_eq!(simulation.status().await, "UPDATE_COMPLETE");
        }
    }
}

/// Without a rollback, CloudFormation replaces no resource: the change set names those that it would have to replace.
#[tokio::test]
async fn a_replacement_that_will_be_refused_is_known_before() {
    let simulation = Simulation::start().await;
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    let replacing = stack(&topics("-other", "two"));
    let change_set = planned(&simulation, &replacing, &Options::new().keep_failed(true)).await.unwrap();
    let refused: Vec<&str> = change_set.refused_replacements().map(|one| one.logical_id.as_str()).collect();
    assert_eq!(refused, ["First"]);
    let error = execute(&simulation.connection, &replacing, &change_set, &|_| {}).await.unwrap_err();
    let DeployError::Failed { diagnosis: Some(found), .. } = error else { panic!("{error}") };
    assert!(found.cause.reason.unwrap().contains("Replacement type updates not supported"));

    let other = planned(&simulation, &replacing, &Options::new()).await.unwrap_err();
    assert!(matches!(other, DeployError::State { .. }), "{other}");
}

/// Where the first resource failed, the template from before changes nothing: the stack keeps its status, which is no success.
#[tokio::test]
async fn an_empty_change_set_is_not_a_success_while_the_stack_has_failed() {
    let simulation = Simulation::start().await;
    let before = stack(&topics("", "one"));
    simulation.deploy(&before).await.unwrap();
    let options = Options::new().keep_failed(true);
    simulation
        .fail(json!({ "resources": [{ "resource": "First", "on": "update", "reason": "no capacity" }] }));
    deployed(&simulation, &stack(&topics("", "two")), &options).await.unwrap_err();
    simulation.heal();
    let error = planned(&simulation, &before, &options).await.unwrap_err().to_string();
    assert!(error.contains("UPDATE_FAILED") && error.contains("finds no change"), "{error}");
}
