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

/// Brings a new stack into a status.
async fn bring(status: &str) -> Simulation {
    use ChangeSetType::{Create, Import, Update};
    let simulation = Simulation::start().await;
    let there = async |faults: Vec<Json>| simulation.fail(json!({ "resources": faults }));
    let (old, changed, replaced) = (topics("", "old"), topics("", "changed"), topics("-new", "changed"));
    let create = async |keep| simulation.begin(&old, Create, keep, &[]).await;
    let update = async |template: &Json, keep| simulation.begin(template, Update, keep, &[]).await;
    let import = async || {
        let both = [("First", "first-bucket"), ("Second", "second-bucket")];
        simulation.begin(&buckets(), Import, false, &both).await;
    };
    if status.starts_with("UPDATE") || status == "DELETE_FAILED" || status.starts_with("DELETE_") {
        create(false).await;
        simulation.reach("CREATE_COMPLETE").await;
    }
    if status.starts_with("IMPORT") {
        simulation.begin(&buckets(), Create, false, &[]).await;
        simulation.reach("CREATE_COMPLETE").await;
        simulation.client.delete_stack().stack_name(STACK).send().await.unwrap();
        simulation.reach("DELETE_COMPLETE").await;
    }
    let delete = async || drop(simulation.client.delete_stack().stack_name(STACK).send().await.unwrap());
    match status {
        "REVIEW_IN_PROGRESS" => drop(simulation.plan(&stack(&old)).await.unwrap()),
        "CREATE_IN_PROGRESS" => {
            there(vec![slow("Second", "create")]).await;
            create(false).await;
        }
        "CREATE_FAILED" => {
            there(vec![fails("Second", "create")]).await;
            create(true).await;
        }
        "CREATE_COMPLETE" => create(false).await,
        "ROLLBACK_IN_PROGRESS" => {
            there(vec![fails("Second", "create"), slow("First", "delete")]).await;
            create(false).await;
        }
        "ROLLBACK_FAILED" => {
            there(vec![fails("Second", "create"), fails("First", "delete")]).await;
            create(false).await;
        }
        "ROLLBACK_COMPLETE" => {
            there(vec![fails("Second", "create")]).await;
            create(false).await;
        }
        "DELETE_IN_PROGRESS" => {
            there(vec![slow("First", "delete")]).await;
            delete().await;
        }
        "DELETE_FAILED" => {
            there(vec![fails("First", "delete")]).await;
            delete().await;
        }
        "DELETE_COMPLETE" => delete().await,
        "UPDATE_IN_PROGRESS" => {
            there(vec![slow("First", "update")]).await;
            update(&changed, false).await;
        }
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => {
            there(vec![slow("First", "delete")]).await;
            update(&replaced, false).await;
        }
        "UPDATE_COMPLETE" => update(&changed, false).await,
        "UPDATE_FAILED" => {
            there(vec![fails("Second", "update")]).await;
            update(&changed, true).await;
        }
        "UPDATE_ROLLBACK_IN_PROGRESS" => {
            there(vec![fails("Second", "update"), slow("First", "rollback")]).await;
            update(&changed, false).await;
        }
        "UPDATE_ROLLBACK_FAILED" => {
            there(vec![fails("Second", "update"), fails("First", "rollback")]).await;
            update(&changed, false).await;
        }
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => {
            there(vec![fails("Second", "update"), slow("First", "delete")]).await;
            update(&replaced, false).await;
        }
        "UPDATE_ROLLBACK_COMPLETE" => {
            there(vec![fails("Second", "update")]).await;
            update(&changed, false).await;
        }
        "IMPORT_IN_PROGRESS" => {
            there(vec![slow("Second", "create")]).await;
            import().await;
        }
        "IMPORT_COMPLETE" => import().await,
        "IMPORT_ROLLBACK_IN_PROGRESS" => {
            there(vec![fails("Second", "create"), slow("First", "rollback")]).await;
            import().await;
        }
        "IMPORT_ROLLBACK_FAILED" => {
            there(vec![fails("Second", "create"), fails("First", "rollback")]).await;
            import().await;
        }
        "IMPORT_ROLLBACK_COMPLETE" => {
            there(vec![fails("Second", "create")]).await;
            import().await;
        }
        other => panic!("this test has no steps that bring a stack to {other}"),
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
