//! Faults during a deployment: the result is the same as without them, and no operation is repeated.
#![allow(clippy::unwrap_used)]

mod simulation;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::types::ChangeSetType;
use serde_json::{Value as Json, json};
use simulation::{STACK, Simulation, named, stack, topics, total};
use stackwright_deploy::{
    DeployError, Diagnosis, Options, Order, Prepared, RecoveryAction, ResourceLocation, ResourceMove,
    StackResult, StackStatus, cancel, diagnose, execute, prepare, recover, refactor, run_in_order,
};
use stackwright_synth::with_causes;

/// A recovery action whose answer is lost is sent again, and performed once.
#[tokio::test]
async fn a_recovery_action_whose_answer_is_lost_is_performed_once() {
    let fails = |on: &str| json!({ "resource": "Second", "on": on, "reason": "no capacity" });
    for (action, operation, status) in [
        (RecoveryAction::ContinueRollback, "ContinueUpdateRollback", "UPDATE_ROLLBACK_FAILED"),
        (RecoveryAction::Rollback, "RollbackStack", "UPDATE_FAILED"),
        (RecoveryAction::CancelUpdate, "CancelUpdateStack", "UPDATE_IN_PROGRESS"),
        (RecoveryAction::Delete, "DeleteStack", "ROLLBACK_COMPLETE"),
    ] {
        let simulation = Simulation::start().await;
        let changed = topics("", "two");
        match status {
            "ROLLBACK_COMPLETE" => {
                simulation.fail(json!({ "resources": [fails("create")] }));
                simulation.begin(&topics("", "one"), ChangeSetType::Create, false, &[]).await;
            }
            _ => {
                simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
                match status {
                    "UPDATE_IN_PROGRESS" => simulation.fail(
                        json!({ "resources": [{ "resource": "First", "on": "update", "milliseconds": 60_000 }] }),
                    ),
                    "UPDATE_FAILED" => simulation.fail(json!({ "resources": [fails("update")] })),
                    _ => simulation.fail(json!({ "resources": [fails("update"), fails("rollback")] })),
                }
                let keep = status == "UPDATE_FAILED";
                simulation.begin(&changed, ChangeSetType::Update, keep, &[]).await;
            }
        }
        simulation.reach(status).await;
        simulation.fail(json!({ "requests": [{ "action": operation, "kind": "drop-answer", "times": 1 }] }));
        let ended = recover(&simulation.connection, STACK, action, &[], &|_| {}).await;
        let ended = ended.unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert!(
            matches!(ended, StackStatus::UpdateRollbackComplete | StackStatus::DeleteComplete),
            "{ended}"
        );
        assert_eq!(simulation.local.requests()[operation], 2, "{operation}");
    }
}

/// Operations of a deployment, in the order of their first calls.
const OPERATIONS: [&str; 6] =
    ["DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "DescribeEvents", "ExecuteChangeSet", "*"];

/// Deploys a new stack with a fault, and checks that the deployment succeeds and that each operation was performed once.
async fn is_survived(fault: Json) -> BTreeMap<String, usize> {
    let simulation = Simulation::start().await;
    simulation.fail(json!({ "requests": [fault] }));
    let outcome = simulation.deploy(&stack(&topics("", "one"))).await;
    simulation.heal();
    let outcome = outcome.unwrap_or_else(|error| panic!("{fault}: {error}"));
    assert!(outcome.changed, "{fault}");
    assert_eq!(simulation.status().await, "CREATE_COMPLETE", "{fault}");
    let history = simulation.history().await;
    for once in ["CREATE_COMPLETE First", "CREATE_COMPLETE Second", "CREATE_COMPLETE simulated"] {
        let count = history.iter().filter(|line| *line == once).count();
        assert_eq!(count, 1, "{fault}: {once} in {history:?}");
    }
    simulation.local.requests()
}

async fn each_operation_survives(kind: &str, times: u32) {
    for operation in OPERATIONS {
        is_survived(json!({ "action": operation, "kind": kind, "times": times })).await;
    }
}

#[tokio::test]
async fn throttled_requests_are_repeated() {
    each_operation_survives("throttle", 2).await;
}

/// A throttled request is repeated soon, and the requests after it do not wait because of it.
#[tokio::test]
async fn a_throttled_request_delays_nothing_else() {
    let start = Instant::now();
    is_survived(json!({ "action": "CreateChangeSet", "kind": "throttle", "times": 2 })).await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// CloudFormation limits the number of requests of an account in a second. Many stacks at once exceed it, and all of them succeed.
#[tokio::test]
async fn a_limit_of_requests_fails_no_stack() {
    let simulation = Simulation::start().await;
    simulation.fail(json!({ "requests": [{ "action": "*", "kind": "throttle", "above_per_second": 150 }] }));
    let template = json!({ "Resources": { "Only": { "Type": "AWS::SNS::Topic" } } });
    let stacks: Vec<_> = (0..30).map(|number| named(&format!("stack-{number}"), &template)).collect();
    let stacks: Vec<_> = stacks.iter().collect();
    let start = Instant::now();
    let results =
        run_in_order(&stacks, 30, Order::DependenciesFirst, |stack| simulation.deploy(stack)).await.unwrap();
    eprintln!("30 stacks with at most 150 requests a second: {:?}", start.elapsed());
    for one in results {
        assert!(
            matches!(one.result, StackResult::Succeeded(outcome) if outcome.changed),
            "{}",
            one.stack.name
        );
    }
}

#[tokio::test]
async fn requests_with_server_errors_are_repeated() {
    each_operation_survives("server-error", 2).await;
}

#[tokio::test]
async fn requests_on_closed_connections_are_repeated() {
    each_operation_survives("drop", 2).await;
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_is_performed_once() {
    each_operation_survives("drop-answer", 1).await;
}

#[tokio::test]
async fn the_deployer_waits_for_slow_responses() {
    for operation in OPERATIONS {
        is_survived(json!({ "action": operation, "kind": "slow", "milliseconds": 30 })).await;
    }
}

#[tokio::test]
async fn a_clock_that_differs_is_corrected_by_the_answer() {
    let fault = json!({ "action": "*", "kind": "clock-skew", "milliseconds": 3_600_000 });
    let requests = is_survived(fault).await;
    assert!(
        requests["ExecuteChangeSet"] > 0 && requests["DescribeStacks"] > 2,
        "it was refused first: {requests:?}"
    );
}

#[tokio::test]
async fn a_request_without_an_answer_is_repeated() {
    // A query does not wait for ten minutes.
    let fault = json!({ "action": "DescribeStacks", "kind": "slow", "milliseconds": 600_000, "times": 1 });
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, is_survived(fault)).await.unwrap();
}

/// The credentials expire at every request of a deployment; with new ones, the same command has the same result.
#[tokio::test]
async fn a_deployment_continues_with_new_credentials() {
    let wanted = stack(&topics("", "one"));
    let (mut expired, mut unharmed) = (0, false);
    for after in 0..40 {
        let simulation = Simulation::start().await;
        simulation.fail(json!({
            "requests": [{ "action": "*", "kind": "expired-token", "after": after }],
            "resources": [{ "resource": "*", "on": "create", "milliseconds": 5 }],
        }));
        match simulation.deploy(&wanted).await {
            Ok(_) => unharmed = true,
            Err(error) => {
                expired += 1;
                let printed = with_causes(&error);
                assert_eq!(printed.matches("expired").count(), 1, "{printed}");
                let hint = error.hint().unwrap_or_default();
                assert!(hint.contains("new credentials"), "{error}: {hint}");
            }
        }
        simulation.heal();
        simulation.deploy(&wanted).await.unwrap();
        let history = simulation.history().await;
        assert_eq!(simulation.status().await, "CREATE_COMPLETE", "{after}");
        assert_eq!(
            history.iter().filter(|line| *line == "CREATE_COMPLETE Second").count(),
            1,
            "{after}: {history:?}"
        );
        if unharmed {
            break;
        }
    }
    assert!(unharmed && expired > 5, "{expired}");
}

#[tokio::test]
async fn a_failed_query_after_a_deployment_does_not_fail_it() {
    let simulation = Simulation::start().await;
    let wanted = stack(&topics("", "one"));
    let Prepared::Ready(change_set) = simulation.plan(&wanted).await.unwrap() else { panic!("it is new") };
    simulation.fail(json!({ "requests": [{ "action": "DescribeStacks", "kind": "access-denied" }] }));
    let report = |progress| simulation.report(progress);
    let outcome = execute(&simulation.connection, &wanted, &change_set, &report).await.unwrap();
    assert!(outcome.changed && outcome.outputs.is_empty());
    assert!(simulation.reports.lock().unwrap().iter().any(|line| line.starts_with("OutputsUnavailable")));
}

#[tokio::test]
async fn a_change_set_that_others_deleted_or_made_obsolete_is_not_executed() {
    let simulation = Simulation::start().await;
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    let wanted = stack(&topics("", "two"));
    let execute = async |change_set| execute(&simulation.connection, &wanted, change_set, &|_| {}).await;

    let Prepared::Ready(change_set) = simulation.plan(&wanted).await.unwrap() else { panic!("it changes") };
    simulation
        .client
        .delete_change_set()
        .stack_name(STACK)
        .change_set_name(&change_set.name)
        .send()
        .await
        .unwrap();
    let error = execute(&change_set).await.unwrap_err();
    assert!(matches!(error, DeployError::Changed { .. }), "{error}");

    let Prepared::Ready(change_set) = simulation.plan(&wanted).await.unwrap() else { panic!("it changes") };
    simulation.begin(&topics("", "another user's"), ChangeSetType::Update, false, &[]).await;
    simulation.reach("UPDATE_COMPLETE").await;
    let error = execute(&change_set).await.unwrap_err();
    assert!(matches!(error, DeployError::Changed { .. }), "{error}");
    let history = simulation.history().await;
    assert_eq!(history.iter().filter(|line| *line == "UPDATE_COMPLETE First").count(), 1, "{history:?}");
}

/// The failure of `Second` as a failed deployment reports it, with its progress reports.
async fn diagnosed(simulation: &Simulation, requests: Json) -> (Diagnosis, Vec<String>) {
    let fault = json!({ "resource": "Second", "on": "create", "reason": "no capacity" });
    simulation.fail(json!({ "resources": [fault], "requests": requests }));
    match simulation.deploy(&stack(&topics("", "one"))).await.unwrap_err() {
        DeployError::Failed { diagnosis: Some(diagnosis), status: StackStatus::RollbackComplete, .. } => {
            (*diagnosis, simulation.reports.lock().unwrap().clone())
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_operation_is_followed_and_diagnosed_by_its_id() {
    let simulation = Simulation::start().await;
    let (diagnosis, reports) = diagnosed(&simulation, json!([])).await;
    assert!(!simulation.local.requests().contains_key("DescribeStackEvents"), "the old call is not needed");
    let events: Vec<_> = reports.iter().filter(|line| line.starts_with("Event")).collect();
    let failure = events.iter().position(|line| line.contains("CreateFailed") && line.contains("Second"));
    let operation = diagnosis.cause.operation.unwrap();
    assert!(events[failure.unwrap()].contains(&operation), "{events:?}");
    // The rollback is another operation of the same deployment.
    assert!(events.last().unwrap().contains("RollbackComplete"), "{events:?}");
    assert!(!events.last().unwrap().contains(&operation), "{events:?}");
    assert_eq!((diagnosis.cause.logical_id.as_str(), diagnosis.others.len()), ("Second", 0));
    assert!(diagnosis.commands.is_empty(), "other clients would ask AWS: {:?}", diagnosis.commands);
}

#[tokio::test]
async fn without_events_of_operations_those_of_the_stack_are_used() {
    for kind in ["access-denied", "server-error"] {
        let simulation = Simulation::start().await;
        let (diagnosis, reports) =
            diagnosed(&simulation, json!([{ "action": "DescribeEvents", "kind": kind }])).await;
        let hints: Vec<_> = reports.iter().filter(|line| line.starts_with("OperationUnavailable")).collect();
        assert!(matches!(hints[..], [hint] if hint.contains("DescribeEvents: ")), "{kind}: {reports:?}");
        assert_eq!(simulation.local.requests()["DescribeEvents"], 1, "{kind}: it is asked once");
        let failed = |line: &&String| line.contains("CreateFailed") && line.contains("no capacity");
        assert_eq!(reports.iter().filter(failed).count(), 1, "{kind}: {reports:?}");
        assert_eq!(diagnosis.cause.logical_id, "Second", "{kind}");
    }
}

#[tokio::test]
async fn a_failed_rollback_is_explained_by_the_failure_before_it() {
    let simulation = Simulation::start().await;
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    let fault = |resource, on| json!({ "resource": resource, "on": on, "reason": format!("{resource} fails to {on}") });
    simulation.fail(json!({ "resources": [fault("Second", "update"), fault("First", "rollback")] }));
    let error = simulation.deploy(&stack(&topics("", "two"))).await.unwrap_err();
    let DeployError::Failed { diagnosis: Some(diagnosis), status, .. } = error else { panic!("{error}") };
    assert_eq!(status, StackStatus::UpdateRollbackFailed);
    assert_eq!(diagnosis.cause.logical_id, "Second");
    let others: Vec<_> = diagnosis.others.iter().map(|one| one.logical_id.as_str()).collect();
    assert_eq!(others, ["First"], "{diagnosis:?}");

    // A failure of an earlier operation is not the cause of the current one.
    simulation.heal();
    simulation.client.continue_update_rollback().stack_name(STACK).send().await.unwrap();
    simulation.reach("UPDATE_ROLLBACK_COMPLETE").await;
    simulation.fail(json!({ "resources": [fault("Second", "delete")] }));
    simulation.client.delete_stack().stack_name(STACK).send().await.unwrap();
    simulation.reach("DELETE_FAILED").await;
    let diagnosis = diagnose(&simulation.connection, STACK, &|_| {}).await.unwrap().unwrap();
    assert_eq!((diagnosis.cause.logical_id.as_str(), diagnosis.others.len()), ("Second", 0), "{diagnosis:?}");
    assert_eq!(diagnosis.cause.status.as_str(), "DELETE_FAILED");
}

#[tokio::test]
async fn an_earlier_failure_does_not_explain_a_cancelled_update() {
    let simulation = Simulation::start().await;
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    let fault = json!({ "resource": "Second", "on": "update", "reason": "Second fails" });
    simulation.fail(json!({ "resources": [fault] }));
    simulation.deploy(&stack(&topics("", "two"))).await.unwrap_err();

    simulation.fail(json!({ "resources": [{ "resource": "*", "on": "update", "milliseconds": 60_000 }] }));
    let wanted = stack(&topics("", "three"));
    let cancelling = async {
        simulation.reach("UPDATE_IN_PROGRESS").await;
        assert!(cancel(&simulation.connection, STACK).await.unwrap());
    };
    let (outcome, ()) = tokio::join!(simulation.deploy(&wanted), cancelling);
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("was cancelled by a user"), "{error}");
    let DeployError::Failed { diagnosis, status, cancelled, .. } = error else { panic!("{error}") };
    assert_eq!((status.as_str(), diagnosis, cancelled), ("UPDATE_ROLLBACK_COMPLETE", None, true));
    // Nothing is running any more: nothing is cancelled, which is reported.
    assert!(!cancel(&simulation.connection, STACK).await.unwrap());
}

/// Renames the first topic with a stack refactor, while requests fail.
async fn renamed(requests: Json) -> (Simulation, Result<(), DeployError>) {
    let simulation = Simulation::start().await;
    let deployed = stack(&topics("", "one"));
    simulation.deploy(&deployed).await.unwrap();
    simulation.fail(json!({ "requests": requests }));
    let at =
        |logical_id: &str| ResourceLocation { stack: STACK.to_owned(), logical_id: logical_id.to_owned() };
    let moves = [ResourceMove::new(at("Second"), at("Later"))];
    let result = refactor(&simulation.connection, &[&deployed], &moves, None, &|_| {}).await;
    (simulation, result)
}

#[tokio::test]
async fn a_stack_refactor_survives_lost_answers_and_failed_polls() {
    let lost = json!([{ "action": "ExecuteStackRefactor", "kind": "drop-answer", "times": 1 }]);
    let (simulation, result) = renamed(lost).await;
    result.unwrap();
    assert_eq!(simulation.local.requests()["ExecuteStackRefactor"], 2);
    let polls = json!([{ "action": "DescribeStackRefactor", "kind": "throttle", "times": 9, "after": 1 }]);
    renamed(polls).await.1.unwrap();
}

#[tokio::test]
async fn a_stack_refactor_whose_progress_cannot_be_read_is_not_reported_as_failed() {
    // The validation can be read, the execution can not.
    let polls = json!([{ "action": "DescribeStackRefactor", "kind": "access-denied", "after": 1 }]);
    let error = renamed(polls).await.1.unwrap_err();
    assert!(matches!(error, DeployError::LostContact { .. }), "{error}");
}

#[tokio::test]
async fn a_deployment_whose_termination_protection_cannot_be_changed_reports_what_was_deployed() {
    let simulation = Simulation::start().await;
    let mut wanted = stack(&topics("", "one"));
    wanted.termination_protection = Some(true);
    simulation
        .fail(json!({ "requests": [{ "action": "UpdateTerminationProtection", "kind": "access-denied" }] }));
    let error = simulation.deploy(&wanted).await.unwrap_err();
    assert!(matches!(error, DeployError::AttributeNotChanged { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("is deployed, but an attribute was not changed"), "{text}");
    assert_eq!(simulation.status().await, "CREATE_COMPLETE");
    simulation.heal();
    assert!(simulation.deploy(&wanted).await.unwrap().changed, "the next deployment changes the attribute");
}

#[tokio::test]
async fn a_validation_error_can_be_diagnosed_later() {
    let simulation = Simulation::start().await;
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    let mut wrong = topics("", "two");
    wrong["Resources"]["First"]["Properties"]["Nmae"] = "x".into();
    simulation.plan(&stack(&wrong)).await.unwrap_err();
    let diagnosis = diagnose(&simulation.connection, STACK, &|_| {}).await.unwrap().unwrap();
    assert_eq!(diagnosis.cause.status.as_str(), "VALIDATION_FAILED");
    let reason = diagnosis.cause.reason.unwrap();
    assert!(reason.contains("[Nmae]") && reason.contains("PROPERTY_VALIDATION"), "{reason}");
}

fn hook(target: &str, mode: &str) -> Json {
    json!([{
        "hook": "Example::Guard::Topics", "resource": "Second", "target": target, "mode": mode, "reason": "not allowed",
        "annotations": [
            { "AnnotationName": "KEY", "Status": "FAILED", "StatusMessage": "no key", "RemediationMessage": "name one",
              "SeverityLevel": "HIGH" },
            { "AnnotationName": "NAME", "Status": "PASSED" },
        ],
    }])
}

#[tokio::test]
async fn messages_and_annotations_of_hooks_are_reported() {
    let simulation = Simulation::start().await;
    let wanted = stack(&topics("", "one"));
    simulation.fail(json!({ "hooks": hook("change-set", "FAIL") }));
    let Err(DeployError::ChangeSet { failures: problems, .. }) = simulation.plan(&wanted).await else {
        panic!("it passes")
    };
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!((problem.check.as_str(), problem.reason.as_str()), ("Example::Guard::Topics", "not allowed"));
    let [advice] = &problem.annotations[..] else { panic!("only what failed is advice: {problem:?}") };
    assert_eq!((advice.name.as_str(), advice.remediation.as_deref()), ("KEY", Some("name one")));

    simulation.fail(json!({ "hooks": hook("change-set", "WARN") }));
    let Prepared::Ready(change_set) = simulation.plan(&wanted).await.unwrap() else { panic!("it is new") };
    assert_eq!(change_set.warnings.len(), 1, "{change_set:?}");
    assert_eq!(change_set.warnings[0].annotations[0].message.as_deref(), Some("no key"));

    simulation.fail(json!({ "hooks": hook("resource", "FAIL") }));
    let error = execute(&simulation.connection, &wanted, &change_set, &|_| {}).await.unwrap_err();
    let DeployError::Failed { diagnosis: Some(diagnosis), .. } = error else { panic!("{error}") };
    assert_eq!(
        (diagnosis.cause.logical_id.as_str(), diagnosis.cause.status.as_str()),
        ("Second", "HOOK_COMPLETE_FAILED")
    );
    assert_eq!(diagnosis.cause.reason.as_deref(), Some("not allowed (Example::Guard::Topics)"));
    assert_eq!(diagnosis.annotations[0].severity, Some(stackwright_deploy::AnnotationSeverity::High));

    // If a policy does not allow to query it, everything else is still reported.
    simulation.fail(json!({
        "hooks": hook("change-set", "FAIL"),
        "requests": [{ "action": "ListHookResults", "kind": "access-denied" }],
    }));
    simulation.reports.lock().unwrap().clear();
    let Err(DeployError::ChangeSet { failures: problems, .. }) = simulation.plan(&wanted).await else {
        panic!("it passes")
    };
    assert_eq!((problems.len(), problems[0].annotations.len()), (1, 0));
    assert!(simulation.reports.lock().unwrap().iter().any(|line| line.starts_with("OperationUnavailable")));
}

#[tokio::test]
async fn the_plan_has_the_resources_of_nested_stacks() {
    let simulation = Simulation::start().await;
    let child = async |properties: Json| {
        let body =
            json!({ "Resources": { "Inner": { "Type": "AWS::SNS::Topic", "Properties": properties } } });
        let put = simulation.s3.put_object().bucket("templates").key("child.json");
        put.body(body.to_string().into_bytes().into()).send().await.unwrap();
    };
    simulation.s3.create_bucket().bucket("templates").send().await.unwrap();
    child(json!({ "DisplayName": "one" })).await;
    let url = format!("{}/templates/child.json", simulation.local.url());
    let wanted = stack(&json!({ "Resources": {
        "Child": { "Type": "AWS::CloudFormation::Stack", "Properties": { "TemplateURL": url } },
        "Outer": { "Type": "AWS::SNS::Topic" },
    } }));
    let changes = async || match simulation.plan(&wanted).await.unwrap() {
        Prepared::Unchanged { .. } => Vec::new(),
        Prepared::Ready(change_set) => {
            let ids: Vec<_> =
                change_set.changes.iter().map(|one| format!("{} {}", one.action, one.logical_id)).collect();
            execute(&simulation.connection, &wanted, &change_set, &|_| {}).await.unwrap();
            ids
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(changes().await, ["Add Child", "Add Outer", "Add Child/Inner"]);
    assert_eq!(changes().await, [""; 0]);
    child(json!({ "DisplayName": "two" })).await;
    assert_eq!(changes().await, ["Modify Child", "Modify Child/Inner"]);
    child(json!({ "Nmae": "three" })).await;
    let Err(DeployError::ChangeSet { failures: problems, .. }) = simulation.plan(&wanted).await else {
        panic!("it is wrong")
    };
    assert!(
        matches!(&problems[..], [one] if one.logical_id.starts_with(&format!("{STACK}-Child-"))
            && one.logical_id.ends_with("/Inner") && one.reason.contains("[Nmae]")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn two_deployers_at_once_create_each_resource_once() {
    let simulation = Simulation::start().await;
    simulation.fail(json!({ "resources": [{ "resource": "*", "on": "create", "milliseconds": 20 }] }));
    let wanted = stack(&topics("", "one"));
    let (one, other) = tokio::join!(simulation.deploy(&wanted), simulation.deploy(&wanted));
    for outcome in [one, other] {
        match outcome {
            Ok(_) => {}
            // A deployment that starts while the other one is running reports that.
            Err(DeployError::AlreadyExecuting { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    simulation.reach("CREATE_COMPLETE").await;
    let history = simulation.history().await;
    assert_eq!(history.iter().filter(|line| *line == "CREATE_COMPLETE Second").count(), 1, "{history:?}");
}

#[tokio::test]
async fn failed_resources_are_kept_on_request_in_both_modes() {
    for express in [false, true] {
        let simulation = Simulation::start().await;
        let fault = json!({ "resource": "Second", "on": "create", "reason": "no capacity" });
        simulation.fail(json!({ "resources": [fault] }));
        let wanted = stack(&topics("", "one"));
        let options = Options::new().keep_failed(true).express(express);
        let Prepared::Ready(change_set) =
            prepare(&simulation.connection, &wanted, &options, &|_| {}).await.unwrap()
        else {
            panic!("it is new")
        };
        let error = execute(&simulation.connection, &wanted, &change_set, &|_| {}).await.unwrap_err();
        assert!(
            matches!(&error, DeployError::Failed { status, .. } if *status == StackStatus::CreateFailed),
            "{error}"
        );
        let history = simulation.history().await;
        assert!(!history.iter().any(|line| line.starts_with("DELETE")), "{history:?}");
    }
}

#[tokio::test]
async fn the_duration_of_the_previous_deployment_is_reported() {
    let simulation = Simulation::start().await;
    simulation
        .fail(json!({ "resources": [{ "resource": "Second", "on": "create", "milliseconds": 1_100 }] }));
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    simulation.deploy(&stack(&topics("", "two"))).await.unwrap();
    let reports = simulation.reports.lock().unwrap().clone();
    let executing: Vec<_> = reports.iter().filter(|line| line.starts_with("Executing")).collect();
    assert!(executing[0].contains("None"), "{executing:?}");
    assert!(executing[1].contains("Some(1s)") || executing[1].contains("Some(2s)"), "{executing:?}");
}

#[tokio::test]
async fn a_deployment_sends_few_requests() {
    let simulation = Simulation::start().await;
    let wanted = stack(&topics("", "one"));
    let before = total(&simulation.local);
    simulation.deploy(&wanted).await.unwrap();
    let made = total(&simulation.local);
    simulation.deploy(&wanted).await.unwrap();
    let unchanged = total(&simulation.local);
    // Read the stack, create the change set, describe it, read the events, execute it, read the result and the outputs; one or
    // two queries while it is running.
    assert!(made - before <= 12, "{:?}", simulation.local.requests());
    // Read the stack twice, create the change set, describe it, delete it, read the outputs.
    assert!(unchanged - made <= 7, "{:?}", simulation.local.requests());
}

/// Independent stacks are deployed at the same time: with a second of simulated time each, a hundred stacks take less than a
/// tenth of the time that they take in sequence.
#[tokio::test]
async fn a_hundred_stacks_are_deployed_at_once() {
    let simulation = Simulation::start().await;
    simulation.fail(json!({ "resources": [{ "resource": "*", "on": "create", "milliseconds": 1_000 }] }));
    let template = json!({ "Resources": { "Only": { "Type": "AWS::SNS::Topic" } } });
    let stacks: Vec<_> = (0..100)
        .map(|number| {
            let mut one = stack(&template);
            one.id = format!("{STACK}-{number}");
            one.name.clone_from(&one.id);
            one
        })
        .collect();
    let start = Instant::now();
    simulation.deploy(&stacks[0]).await.unwrap();
    let one = start.elapsed();
    assert!(one > Duration::from_secs(1), "a second of simulated time takes one: {one:?}");
    let others: Vec<_> = stacks[1..].iter().collect();
    let start = Instant::now();
    let results =
        run_in_order(&others, 100, Order::DependenciesFirst, |stack| simulation.deploy(stack)).await.unwrap();
    let all = start.elapsed();
    assert!(
        results.iter().all(|one| matches!(&one.result, StackResult::Succeeded(outcome) if outcome.changed))
    );
    assert!(all < one * 99 / 10, "one took {one:?}, ninety-nine took {all:?}");
}
