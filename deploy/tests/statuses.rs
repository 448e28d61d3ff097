//! What the deployer does in each of CloudFormation's 23 stack statuses.
#![allow(clippy::unwrap_used)]

mod simulation;

use aws_sdk_cloudformation::types::{ChangeSetType, StackStatus};
use serde_json::{Value as Json, json};
use simulation::{STACK, Simulation, stack, topics};
use stackwright_deploy::{DeployError, Prepared, condition, deletion_preview, destroy, recover};

/// The time of an operation that a test observes while it is running, in milliseconds.
const SLOW: u64 = 600;

fn fault(resource: &str, on: &str, reason: Option<&str>, milliseconds: Option<u64>) -> Json {
    json!({ "resource": resource, "on": on, "reason": reason, "milliseconds": milliseconds })
}

fn fails(resource: &str, on: &str) -> Json {
    fault(resource, on, Some("no capacity"), None)
}

fn slow(resource: &str, on: &str) -> Json {
    fault(resource, on, None, Some(SLOW))
}

/// Two buckets that are retained when their stack is deleted.
fn buckets() -> Json {
    let bucket = |name| json!({ "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": { "BucketName": name } });
    json!({ "Resources": { "First": bucket("first-bucket"), "Second": bucket("second-bucket") } })
}

/// The operation that brings a stack into a status.
enum Operation {
    /// Only a change set is created.
    Plan,
    /// The stack is created. `keeps_failed`: failed resources are kept.
    Create { keeps_failed: bool },
    /// Properties are changed in place. `keeps_failed`: failed resources are kept.
    Change { keeps_failed: bool },
    /// A resource is replaced.
    Replace,
    /// Two buckets are imported.
    Import,
    /// The stack is deleted.
    Delete,
}

const CREATE: Operation = Operation::Create { keeps_failed: false };
const CHANGE: Operation = Operation::Change { keeps_failed: false };

/// Returns the faults and the operation that bring a stack into a status.
fn steps(status: &str) -> (Vec<Json>, Operation) {
    use Operation::{Change, Create, Delete, Import, Plan, Replace};
    match status {
        "REVIEW_IN_PROGRESS" => (vec![], Plan),
        "CREATE_IN_PROGRESS" => (vec![slow("Second", "create")], CREATE),
        "CREATE_FAILED" => (vec![fails("Second", "create")], Create { keeps_failed: true }),
        "CREATE_COMPLETE" => (vec![], CREATE),
        "ROLLBACK_IN_PROGRESS" => (vec![fails("Second", "create"), slow("First", "delete")], CREATE),
        "ROLLBACK_FAILED" => (vec![fails("Second", "create"), fails("First", "delete")], CREATE),
        "ROLLBACK_COMPLETE" => (vec![fails("Second", "create")], CREATE),
        "DELETE_IN_PROGRESS" => (vec![slow("First", "delete")], Delete),
        "DELETE_FAILED" => (vec![fails("First", "delete")], Delete),
        "DELETE_COMPLETE" => (vec![], Delete),
        "UPDATE_IN_PROGRESS" => (vec![slow("First", "update")], CHANGE),
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => (vec![slow("First", "delete")], Replace),
        "UPDATE_COMPLETE" => (vec![], CHANGE),
        "UPDATE_FAILED" => (vec![fails("Second", "update")], Change { keeps_failed: true }),
        "UPDATE_ROLLBACK_IN_PROGRESS" => (vec![fails("Second", "update"), slow("First", "rollback")], CHANGE),
        "UPDATE_ROLLBACK_FAILED" => (vec![fails("Second", "update"), fails("First", "rollback")], CHANGE),
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => {
            (vec![fails("Second", "update"), slow("First", "delete")], Replace)
        }
        "UPDATE_ROLLBACK_COMPLETE" => (vec![fails("Second", "update")], CHANGE),
        "IMPORT_IN_PROGRESS" => (vec![slow("Second", "create")], Import),
        "IMPORT_COMPLETE" => (vec![], Import),
        "IMPORT_ROLLBACK_IN_PROGRESS" => (vec![fails("Second", "create"), slow("First", "rollback")], Import),
        "IMPORT_ROLLBACK_FAILED" => (vec![fails("Second", "create"), fails("First", "rollback")], Import),
        "IMPORT_ROLLBACK_COMPLETE" => (vec![fails("Second", "create")], Import),
        other => panic!("this test has no steps that bring a stack to {other}"),
    }
}

/// Brings the stack into the status in which an operation starts.
async fn prepare_for(operation: &Operation, simulation: &Simulation) {
    match operation {
        Operation::Plan | Operation::Create { .. } => {}
        Operation::Change { .. } | Operation::Replace | Operation::Delete => {
            simulation.begin(&topics("", "old"), ChangeSetType::Create, false, &[]).await;
            simulation.reach("CREATE_COMPLETE").await;
        }
        Operation::Import => {
            simulation.begin(&buckets(), ChangeSetType::Create, false, &[]).await;
            simulation.reach("CREATE_COMPLETE").await;
            delete(simulation).await;
            simulation.reach("DELETE_COMPLETE").await;
        }
    }
}

async fn delete(simulation: &Simulation) {
    simulation.client.delete_stack().stack_name(STACK).send().await.unwrap();
}

/// Brings a new stack into a status.
async fn bring(status: &str) -> Simulation {
    use ChangeSetType::{Create, Import, Update};
    let simulation = Simulation::start().await;
    let (faults, operation) = steps(status);
    prepare_for(&operation, &simulation).await;
    simulation.fail(json!({ "resources": faults }));
    let old = topics("", "old");
    match operation {
        Operation::Plan => drop(simulation.plan(&stack(&old)).await.unwrap()),
        Operation::Create { keeps_failed } => simulation.begin(&old, Create, keeps_failed, &[]).await,
        Operation::Change { keeps_failed } => {
            simulation.begin(&topics("", "changed"), Update, keeps_failed, &[]).await;
        }
        Operation::Replace => simulation.begin(&topics("-new", "changed"), Update, false, &[]).await,
        Operation::Import => {
            let both = [("First", "first-bucket"), ("Second", "second-bucket")];
            simulation.begin(&buckets(), Import, false, &both).await;
        }
        Operation::Delete => delete(&simulation).await,
    }
    simulation.reach(status).await;
    // Running operations continue with their faults; new operations succeed.
    simulation.heal();
    simulation
}

/// The results of the commands: `plan`, `deploy`, the actions that `recover` lists, the status after the first of them, and
/// `destroy`.
type Results = (String, String, Vec<&'static str>, String, String);

async fn results_of(status: &str) -> Results {
    let wanted = stack(&if status.starts_with("IMPORT") {
        let mut template = buckets();
        template["Resources"]["Third"] = json!({ "Type": "AWS::SNS::Topic" });
        template
    } else {
        topics("", "wanted")
    });
    let message = |error: DeployError| match error {
        DeployError::State { status, .. } => format!("refused: {status}"),
        DeployError::ChangeSet { failures, .. } => format!("refused: {}", failures[0].check),
        other => format!("{other}"),
    };

    let simulation = bring(status).await;
    let plan = match simulation.plan(&wanted).await {
        Ok(Prepared::Unchanged { .. }) => "nothing".into(),
        Ok(Prepared::Ready(change_set)) => {
            let mut actions: Vec<_> =
                change_set.changes.iter().map(|change| change.action.as_str()).collect();
            actions.sort_unstable();
            actions.join(" ")
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => message(error),
    };

    let simulation = bring(status).await;
    let deploy = match simulation.deploy(&wanted).await {
        Ok(outcome) => {
            assert!(outcome.changed, "{status}");
            let again = simulation.deploy(&wanted).await.unwrap();
            assert!(!again.changed, "{status}: the second time there is nothing to do");
            simulation.status().await
        }
        Err(error) => message(error),
    };

    let simulation = bring(status).await;
    let (actions, led) = match condition(&simulation.connection, STACK).await {
        Ok(condition) => {
            let mut led = String::new();
            if let Some(option) = condition.options.first() {
                assert_eq!(condition.status.as_str(), status);
                let connection = &simulation.connection;
                led = recover(connection, STACK, option.action, &[], &|_| {}).await.unwrap().to_string();
            }
            (condition.options.iter().map(|option| option.action.name()).collect(), led)
        }
        Err(error) => (Vec::new(), message(error)),
    };

    let simulation = bring(status).await;
    let preview = deletion_preview(&simulation.connection, &wanted, &|_| {}).await.unwrap();
    let destroyed = match preview {
        None => "not there".into(),
        Some(preview) => match destroy(&simulation.connection, &preview, false, &|_| {}).await {
            Ok(()) => simulation.status().await,
            Err(error) => message(error),
        },
    };
    (plan, deploy, actions, led, destroyed)
}

async fn does(status: &str, plan: &str, deploy: &str, actions: &[&'static str], led: &str, destroy: &str) {
    assert!(StackStatus::values().contains(&status), "{status}");
    let expected = (plan.to_owned(), deploy.to_owned(), actions.to_vec(), led.to_owned(), destroy.to_owned());
    assert_eq!(results_of(status).await, expected, "{status}");
}

/// One test for each status, and a list of all statuses.
macro_rules! statuses {
    ($($name:ident: $status:literal, $plan:literal, $deploy:literal, $actions:expr, $led:literal, $destroy:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            does($status, $plan, $deploy, &$actions, $led, $destroy).await;
        })*

        #[test]
        fn every_status_is_one_of_these() {
            let here = [$($status),*];
            let missing: Vec<_> = StackStatus::values().iter().filter(|one| !here.contains(one)).collect();
            assert!(missing.is_empty(), "{missing:?}");
            assert_eq!(here.len(), 23);
        }
    };
}

statuses! {
    review_in_progress: "REVIEW_IN_PROGRESS", "Add Add", "CREATE_COMPLETE", ["delete"], "DELETE_COMPLETE", "DELETE_COMPLETE";
    // The deployer waits for a running operation, and then handles the status that it leads to.
    create_in_progress: "CREATE_IN_PROGRESS", "Modify Modify", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    // The failed operation was not rolled back: a deployment that would be rolled back is refused.
    create_failed: "CREATE_FAILED", "refused: CREATE_FAILED", "refused: CREATE_FAILED", ["rollback", "delete"], "ROLLBACK_COMPLETE", "DELETE_COMPLETE";
    create_complete: "CREATE_COMPLETE", "Modify Modify", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    // A first deployment that was rolled back cannot be updated: the deployer deletes the stack.
    rollback_in_progress: "ROLLBACK_IN_PROGRESS", "Add Add", "CREATE_COMPLETE", [], "", "DELETE_COMPLETE";
    rollback_failed: "ROLLBACK_FAILED", "refused: ROLLBACK_FAILED", "refused: ROLLBACK_FAILED", ["delete"], "DELETE_COMPLETE", "DELETE_COMPLETE";
    rollback_complete: "ROLLBACK_COMPLETE", "Add Add", "CREATE_COMPLETE", ["delete"], "DELETE_COMPLETE", "DELETE_COMPLETE";
    delete_in_progress: "DELETE_IN_PROGRESS", "Add Add", "CREATE_COMPLETE", [], "", "DELETE_COMPLETE";
    delete_failed: "DELETE_FAILED", "refused: DELETE_FAILED", "refused: DELETE_FAILED", ["delete", "delete-retaining"], "DELETE_COMPLETE", "DELETE_COMPLETE";
    delete_complete: "DELETE_COMPLETE", "Add Add", "CREATE_COMPLETE", [], "the stack simulated does not exist", "not there";
    update_in_progress: "UPDATE_IN_PROGRESS", "Modify Modify", "UPDATE_COMPLETE", ["cancel-update"], "UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE";
    update_complete_cleanup_in_progress: "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Modify Modify", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    update_complete: "UPDATE_COMPLETE", "Modify Modify", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    update_failed: "UPDATE_FAILED", "refused: UPDATE_FAILED", "refused: UPDATE_FAILED", ["rollback"], "UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE";
    update_rollback_in_progress: "UPDATE_ROLLBACK_IN_PROGRESS", "Modify Modify", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    update_rollback_failed: "UPDATE_ROLLBACK_FAILED", "refused: UPDATE_ROLLBACK_FAILED", "refused: UPDATE_ROLLBACK_FAILED", ["continue-rollback", "continue-rollback-skipping"], "UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE";
    update_rollback_complete_cleanup_in_progress: "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "Modify Modify", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    update_rollback_complete: "UPDATE_ROLLBACK_COMPLETE", "Modify Modify", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    import_in_progress: "IMPORT_IN_PROGRESS", "Add", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    import_complete: "IMPORT_COMPLETE", "Add", "UPDATE_COMPLETE", [], "", "DELETE_COMPLETE";
    // The resource whose import failed exists, and cannot be created.
    import_rollback_in_progress: "IMPORT_ROLLBACK_IN_PROGRESS", "refused: NAME_CONFLICT_VALIDATION", "refused: NAME_CONFLICT_VALIDATION", [], "", "DELETE_COMPLETE";
    import_rollback_failed: "IMPORT_ROLLBACK_FAILED", "refused: IMPORT_ROLLBACK_FAILED", "refused: IMPORT_ROLLBACK_FAILED", ["delete"], "DELETE_COMPLETE", "DELETE_COMPLETE";
    import_rollback_complete: "IMPORT_ROLLBACK_COMPLETE", "refused: NAME_CONFLICT_VALIDATION", "refused: NAME_CONFLICT_VALIDATION", [], "", "DELETE_COMPLETE";
}
