//! What a deployment does with a stack that exists: parameters, attributes, large stacks, change sets of others.
#![allow(clippy::unwrap_used)]

mod simulation;

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{ChangeSetType, RollbackConfiguration, RollbackTrigger, Tag};
use serde_json::{Value as Json, json};
use simulation::{STACK, Simulation, stack, topics};
use stackwright_deploy::{
    AttributeChange, ChangeSet, DeployError, Disposition, Import, Options, ParameterReason, Prepared,
    RecoveryAction, StackStatus, condition, deletion_preview, destroy, detect_drift, diagnose, discard,
    execute, keep_unchanged, prepare, recover,
};
use stackwright_synth::StackArtifact;

async fn ready(simulation: &Simulation, stack: &StackArtifact, options: &Options) -> ChangeSet {
    match prepare(&simulation.connection, stack, options, &|_| {}).await.unwrap() {
        Prepared::Ready(change_set) => *change_set,
        other => panic!("{other:?}"),
    }
}

/// A stack with more resources than one page has.
fn large() -> StackArtifact {
    let topic = |number: usize| (format!("Topic{number}"), json!({ "Type": "AWS::SNS::Topic" }));
    let resources: serde_json::Map<String, Json> = (0..230).map(topic).collect();
    stack(&json!({ "Resources": resources }))
}

#[tokio::test]
async fn all_pages_of_a_large_stack_are_read() {
    let simulation = Simulation::start().await;
    let large = large();
    let change_set = ready(&simulation, &large, &Options::default()).await;
    assert_eq!(change_set.changes.len(), 230, "pages of the change set");
    execute(&simulation.connection, &large, &change_set, &|_| {}).await.unwrap();
    assert!(simulation.local.requests()["DescribeEvents"] > 4, "pages of the events");
    let preview = deletion_preview(&simulation.connection, &large, &|_| {}).await.unwrap().unwrap();
    assert_eq!(preview.resources.len(), 230, "pages of the resources");
    let drift = detect_drift(&simulation.connection, &large).await.unwrap();
    assert_eq!((drift.in_sync, drift.not_checked.len()), (230, 0), "pages of the drifts");

    // The last resource fails: it is among those that recovery may retain.
    let fault = json!({ "resource": "Topic229", "on": "delete", "reason": "it is in use" });
    simulation.fail(json!({ "resources": [fault] }));
    destroy(&simulation.connection, &preview, false, &|_| {}).await.unwrap_err();
    let found = condition(&simulation.connection, STACK).await.unwrap();
    assert_eq!(found.failed, ["Topic229"]);
}

#[tokio::test]
async fn the_change_sets_of_others_keep_their_stack() {
    let simulation = Simulation::start().await;
    let wanted = stack(&topics("", "one"));
    // The stack was created for this change set; another client adds one.
    let ours = ready(&simulation, &wanted, &Options::default()).await;
    assert!(ours.created_stack);
    let theirs = simulation.client.create_change_set().stack_name(STACK).change_set_name("theirs");
    let theirs = theirs.change_set_type(ChangeSetType::Create).template_body(topics("", "two").to_string());
    theirs.send().await.unwrap();
    discard(&simulation.connection, &ours).await.unwrap();
    assert_eq!(simulation.status().await, "REVIEW_IN_PROGRESS");

    // The stack of another client is kept as well.
    let ours = ready(&simulation, &wanted, &Options::default()).await;
    assert!(!ours.created_stack);
    discard(&simulation.connection, &ours).await.unwrap();
    assert_eq!(simulation.status().await, "REVIEW_IN_PROGRESS");
    let preview = deletion_preview(&simulation.connection, &wanted, &|_| {}).await.unwrap().unwrap();
    assert_eq!(preview.change_sets, ["theirs"]);
}

fn with_default(default: &Json) -> StackArtifact {
    stack(&json!({
        "Parameters": { "Name": { "Type": "String", "Default": default } },
        "Resources": { "Alarms": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": { "Ref": "Name" } } } },
    }))
}

#[tokio::test]
async fn a_parameter_follows_the_template_unless_a_deployment_set_it() {
    let simulation = Simulation::start().await;
    simulation.deploy(&with_default(&json!("one"))).await.unwrap();
    let changed = with_default(&json!("two"));
    let change_set = ready(&simulation, &changed, &Options::default()).await;
    assert_eq!(change_set.changes.len(), 1, "the new default is deployed");
    assert_eq!(change_set.parameters[0].reason, ParameterReason::DefaultChanged);
    execute(&simulation.connection, &changed, &change_set, &|_| {}).await.unwrap();

    let given = Options::new().parameter("Name", "mine");
    let change_set = ready(&simulation, &changed, &given).await;
    execute(&simulation.connection, &changed, &change_set, &|_| {}).await.unwrap();
    // Another default and another property: the value that was set is kept, and is reported.
    let mut template: Json = serde_json::from_str(with_default(&json!(3)).template_body()).unwrap();
    template["Resources"]["Alarms"]["Properties"]["TopicName"] = "named".into();
    let change_set = ready(&simulation, &stack(&template), &Options::default()).await;
    let note = &change_set.parameters[0];
    assert_eq!((note.reason, note.current.as_deref()), (ParameterReason::Kept, Some("mine")));
    assert_eq!(note.new.as_deref(), Some("3"));
}

#[tokio::test]
async fn attributes_that_the_program_does_not_set_are_not_changed() {
    let simulation = Simulation::start().await;
    let mut wanted = stack(&topics("", "one"));
    simulation.deploy(&wanted).await.unwrap();
    let protect = simulation.client.update_termination_protection().stack_name(STACK);
    protect.enable_termination_protection(true).send().await.unwrap();
    let tag = Tag::builder().key("owner").value("search").build();
    let update = simulation.client.update_stack().stack_name(STACK).use_previous_template(true).tags(tag);
    update.send().await.unwrap();
    simulation.reach("UPDATE_COMPLETE").await;
    let is = async |protected: bool, tags: &[(&str, &str)]| {
        let found = simulation.client.describe_stacks().stack_name(STACK).send().await.unwrap();
        let found = &found.stacks()[0];
        assert_eq!(found.enable_termination_protection, Some(protected));
        let mut present: Vec<_> =
            found.tags().iter().map(|tag| (tag.key().unwrap(), tag.value().unwrap())).collect();
        present.sort_unstable();
        assert_eq!(present, tags);
    };
    assert!(!simulation.deploy(&wanted).await.unwrap().changed);
    is(true, &[("owner", "search")]).await;
    simulation.deploy(&stack(&topics("", "two"))).await.unwrap();
    is(true, &[("owner", "search")]).await;

    // The attributes of the program are set, and are part of the plan.
    wanted = stack(&topics("", "three"));
    wanted.termination_protection = Some(false);
    wanted.tags.insert("team".into(), "ads".into());
    let change_set = ready(&simulation, &wanted, &Options::default()).await;
    let protection = AttributeChange::TerminationProtection { enabled: false };
    assert!(change_set.attributes.contains(&protection), "{change_set:?}");
    let needed: Vec<_> = change_set.required_approvals().iter().map(|one| one.approval()).collect();
    assert_eq!(needed, ["termination-protection"]);
    execute(&simulation.connection, &wanted, &change_set, &|_| {}).await.unwrap();
    is(false, &[("owner", "search"), ("team", "ads")]).await;
    let options = Options::new().prune_tags(true);
    let change_set = ready(&simulation, &wanted, &options).await;
    let needed: Vec<_> = change_set.required_approvals().iter().map(|one| one.approval()).collect();
    assert_eq!(needed, ["tags"]);
}

/// A stack as another client created it, with every attribute that a stack can have.
async fn with_all_attributes(simulation: &Simulation) {
    let trigger = RollbackTrigger::builder().arn("arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors");
    let trigger = trigger.r#type("AWS::CloudWatch::Alarm").build();
    let configuration =
        RollbackConfiguration::builder().rollback_triggers(trigger).monitoring_time_in_minutes(5).build();
    let request =
        simulation.client.create_stack().stack_name(STACK).template_body(topics("", "one").to_string());
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let request = request
        .tags(tag("owner", "search"))
        .tags(tag("cost", "42"))
        .enable_termination_protection(true)
        .stack_policy_body(
            r#"{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}"#,
        )
        .notification_arns("arn:aws:sns:us-east-1:000000000000:stacks")
        .rollback_configuration(configuration)
        .role_arn("arn:aws:iam::000000000000:role/deploy")
        .timeout_in_minutes(30);
    request.send().await.unwrap();
    simulation.reach("CREATE_COMPLETE").await;
}

/// The attributes of the stack as the client reads them, one line each.
async fn attributes(simulation: &Simulation) -> BTreeMap<&'static str, String> {
    let found = simulation.client.describe_stacks().stack_name(STACK).send().await.unwrap();
    let found = &found.stacks()[0];
    let policy = simulation.client.get_stack_policy().stack_name(STACK).send().await.unwrap();
    let mut tags: Vec<String> =
        found.tags().iter().map(|tag| format!("{}={}", tag.key().unwrap(), tag.value().unwrap())).collect();
    tags.sort();
    BTreeMap::from([
        ("tags", tags.join(" ")),
        ("termination protection", format!("{:?}", found.enable_termination_protection)),
        ("stack policy", policy.stack_policy_body.unwrap_or_default()),
        ("notification topics", found.notification_arns().join(" ")),
        ("rollback configuration", format!("{:?}", found.rollback_configuration())),
        ("service role", found.role_arn().unwrap_or_default().to_owned()),
        ("timeout of the creation", format!("{:?}", found.timeout_in_minutes())),
    ])
}

/// The table in `attributes.rs`, row by row: what the account owns stays in a deployment, in one without changes and in
/// one that fails.
#[tokio::test]
async fn each_attribute_that_the_account_owns_stays() {
    let simulation = Simulation::start().await;
    with_all_attributes(&simulation).await;
    let before = attributes(&simulation).await;
    assert!(before.values().all(|value| !value.is_empty() && value != "None"), "{before:?}");

    assert!(!simulation.deploy(&stack(&topics("", "one"))).await.unwrap().changed);
    assert_eq!(attributes(&simulation).await, before, "a deployment without changes");
    let change_set = ready(&simulation, &stack(&topics("", "two")), &Options::default()).await;
    assert_eq!(change_set.attributes, [], "nothing is to be shown");
    simulation.deploy(&stack(&topics("", "two"))).await.unwrap();
    assert_eq!(attributes(&simulation).await, before, "a deployment");
    simulation.fail(json!({ "resources": [{ "resource": "Second", "on": "update", "reason": "no" }] }));
    simulation.deploy(&stack(&topics("", "three"))).await.unwrap_err();
    assert_eq!(attributes(&simulation).await, before, "a deployment that fails");
}

/// Each attribute that the program owns: it is shown before, needs an approval where it takes something away, and is the
/// only one that changes.
#[tokio::test]
async fn each_attribute_that_the_program_owns_is_shown_approved_and_set() {
    let simulation = Simulation::start().await;
    with_all_attributes(&simulation).await;
    let mut wanted = stack(&topics("", "one"));
    let (mut options, mut expected) = (Options::default(), attributes(&simulation).await);
    for row in 0..4 {
        let (shown, approval, changed) = match row {
            0 => {
                wanted.tags.insert("owner".into(), "ads".into());
                ("tag owner: search → ads", None, ("tags", "cost=42 owner=ads"))
            }
            1 => {
                wanted.tags.insert("team".into(), "ml".into());
                ("tag team: added, ml", None, ("tags", "cost=42 owner=ads team=ml"))
            }
            2 => {
                options = options.prune_tags(true);
                ("tag cost: removed", Some("tags"), ("tags", "owner=ads team=ml"))
            }
            _ => {
                wanted.termination_protection = Some(false);
                let protection = "termination protection: enabled → disabled";
                (protection, Some("termination-protection"), ("termination protection", "Some(false)"))
            }
        };
        expected.insert(changed.0, changed.1.to_owned());
        let report = |_| {};
        let (attribute_changes, required) =
            match prepare(&simulation.connection, &wanted, &options, &report).await {
                Ok(Prepared::Ready(change_set)) => {
                    let required = change_set.required_approvals();
                    execute(&simulation.connection, &wanted, &change_set, &report).await.unwrap();
                    (change_set.attributes.clone(), required)
                }
                // Termination protection is not part of a change set. The approval is asked for by the orchestrator.
                Ok(Prepared::Unchanged { attributes }) => {
                    let outcome =
                        keep_unchanged(&simulation.connection, &wanted, &attributes, &report).await.unwrap();
                    assert!(outcome.changed, "{shown}");
                    (attributes, Vec::new())
                }
                other => panic!("{shown}: {other:?}"),
            };
        assert_eq!(attribute_changes.iter().map(ToString::to_string).collect::<Vec<_>>(), [shown]);
        if row < 3 {
            let required: Vec<String> = required.iter().map(|one| one.approval()).collect();
            // A topic has tags: the change of the tags reaches it, which needs no approval of its own.
            assert_eq!(required, approval.into_iter().collect::<Vec<_>>(), "{shown}");
        }
        assert_eq!(attributes(&simulation).await, expected, "{shown}");
    }
}

/// An SSM parameter that has another value is reported, although neither the template nor a parameter has changed.
#[tokio::test]
async fn a_changed_ssm_value_is_reported() {
    let simulation = Simulation::start().await;
    let parameter = |value: &str| {
        let properties = json!({ "Name": "/app/display", "Type": "String", "Value": value });
        json!({ "Resources": { "Display": { "Type": "AWS::SSM::Parameter", "Properties": properties } } })
    };
    simulation.deploy(&simulation::named("Values", &parameter("one"))).await.unwrap();
    let reader = stack(&json!({
        "Parameters": { "Display": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/app/display" } },
        "Resources": { "Alarms": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": { "Ref": "Display" } } } },
    }));
    simulation.deploy(&reader).await.unwrap();
    assert!(!simulation.deploy(&reader).await.unwrap().changed);
    simulation.deploy(&simulation::named("Values", &parameter("two"))).await.unwrap();
    let change_set = ready(&simulation, &reader, &Options::default()).await;
    let [note] = &change_set.parameters[..] else { panic!("{change_set:?}") };
    assert_eq!((note.name.as_str(), note.reason), ("Display", ParameterReason::SsmValueChanged));
    assert_eq!((note.current.as_deref(), note.new.as_deref()), (Some("one"), Some("two")));
    assert_eq!(change_set.changes.len(), 1, "the topic follows");
}

/// CloudFormation skips what could not be rolled back by itself; no list has to be right.
#[tokio::test]
async fn resources_that_cannot_be_rolled_back_are_skipped_without_a_list() {
    let simulation = Simulation::start().await;
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    let fault = |resource, on| json!({ "resource": resource, "on": on, "reason": "no" });
    simulation.fail(json!({ "resources": [fault("Second", "update"), fault("First", "rollback")] }));
    simulation.deploy(&stack(&topics("", "two"))).await.unwrap_err();
    assert_eq!(simulation.status().await, "UPDATE_ROLLBACK_FAILED");
    let action = RecoveryAction::ContinueRollbackSkipping;
    let status = recover(&simulation.connection, STACK, action, &[], &|_| {}).await.unwrap();
    assert_eq!(status, StackStatus::UpdateRollbackComplete);
}

#[tokio::test]
async fn disabled_protection_is_reported_before_a_deletion() {
    let simulation = Simulation::start().await;
    with_all_attributes(&simulation).await;
    let wanted = stack(&topics("", "one"));
    let preview = deletion_preview(&simulation.connection, &wanted, &|_| {}).await.unwrap().unwrap();
    destroy(&simulation.connection, &preview, true, &|progress| simulation.report(progress)).await.unwrap();
    let reports = simulation.reports.lock().unwrap();
    let is_it = |line: &&String| line.contains("TerminationProtection { enabled: false }");
    assert!(reports.iter().any(|line| is_it(&line)), "{reports:?}");
}

/// A HyperPod cluster with instance groups.
fn cluster(groups: &[&str]) -> StackArtifact {
    let groups: Vec<Json> = groups
        .iter()
        .map(|name| {
            json!({
                "InstanceGroupName": name, "InstanceCount": 1, "InstanceType": "ml.g5.8xlarge",
                "ExecutionRole": "arn:aws:iam::123456789012:role/Nodes",
            })
        })
        .collect();
    let properties = json!({ "ClusterName": "training", "InstanceGroups": groups });
    stack(&json!({ "Resources": {
        "Training": { "Type": "AWS::SageMaker::Cluster", "Properties": properties },
    } }))
}

#[tokio::test]
async fn an_instance_group_that_is_left_out_needs_an_approval_by_name() {
    let simulation = Simulation::start().await;
    simulation.deploy(&cluster(&["a", "b"])).await.unwrap();
    let needed = async |groups: &[&str]| -> Vec<String> {
        let change_set = ready(&simulation, &cluster(groups), &Options::default()).await;
        change_set.required_approvals().iter().map(|one| one.approval()).collect()
    };
    assert_eq!(needed(&["c", "a"]).await, ["deletion=Training.InstanceGroups.b"]);
    assert_eq!(needed(&["b", "c", "a"]).await, [""; 0]);
}

#[tokio::test]
async fn a_failed_cluster_is_diagnosed_with_its_log_group_and_the_kind_of_the_cause() {
    for (reason, expected) in [
        (
            "Lifecycle scripts did not run successfully.",
            &["/aws/sagemaker/Clusters/training/", "streams LifecycleConfig/GROUP/INSTANCE"][..],
        ),
        ("Insufficient capacity in the Availability Zone", &["AWS has no capacity"]),
    ] {
        let simulation = Simulation::start().await;
        simulation
            .fail(json!({ "resources": [{ "resource": "Training", "on": "create", "reason": reason }] }));
        let error = simulation.deploy(&cluster(&["a"])).await.unwrap_err();
        let DeployError::Failed { diagnosis: Some(diagnosis), .. } = error else { panic!("{error}") };
        for text in expected {
            assert!(diagnosis.hints[0].contains(text), "{text}: {diagnosis:?}");
        }
        // The commands would reach AWS, where the cluster does not exist.
        assert!(diagnosis.commands.is_empty(), "{diagnosis:?}");
    }
}

#[tokio::test]
async fn an_export_in_use_is_the_cause_that_is_reported() {
    let simulation = Simulation::start().await;
    let exporting = |value: &str| {
        let mut template = topics("", value);
        template["Outputs"] = json!({ "Name": { "Value": value, "Export": { "Name": "shared" } } });
        stack(&template)
    };
    simulation.deploy(&exporting("one")).await.unwrap();
    let user = simulation::named(
        "User",
        &json!({ "Resources": { "Alarms": {
        "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": { "Fn::ImportValue": "shared" } },
    } } }),
    );
    simulation.deploy(&user).await.unwrap();
    let error = simulation.deploy(&exporting("two")).await.unwrap_err();
    let DeployError::Failed { diagnosis: Some(diagnosis), cancelled, .. } = &error else { panic!("{error}") };
    assert!(!cancelled);
    let reason = diagnosis.cause.reason.clone().unwrap();
    assert!(reason.contains("Export shared") && reason.contains("in use by User"), "{reason}");
    let later = diagnose(&simulation.connection, STACK, &|_| {}).await.unwrap().unwrap();
    assert_eq!(later.cause.reason, diagnosis.cause.reason);

    let preview =
        deletion_preview(&simulation.connection, &exporting("one"), &|_| {}).await.unwrap().unwrap();
    let error = destroy(&simulation.connection, &preview, false, &|_| {}).await.unwrap_err();
    let DeployError::Failed { diagnosis: Some(diagnosis), status, .. } = &error else { panic!("{error}") };
    // CloudFormation does not report `DELETE_FAILED`: the stack has the status again that it had before.
    assert_eq!(*status, StackStatus::UpdateRollbackComplete);
    assert!(diagnosis.cause.reason.clone().unwrap().contains("cannot be deleted"), "{diagnosis:?}");
    let later = diagnose(&simulation.connection, STACK, &|_| {}).await.unwrap().unwrap();
    assert_eq!((&later.path, later.cause.reason), (&Vec::new(), diagnosis.cause.reason.clone()));
}

#[tokio::test]
async fn an_import_sends_the_deployed_template_and_the_resource() {
    let simulation = Simulation::start().await;
    simulation.deploy(&stack(&topics("", "one"))).await.unwrap();
    // The deletion of the stack retains the bucket in the account.
    let bucket = json!({
        "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": { "BucketName": "models" },
    });
    simulation
        .deploy(&simulation::named("Old", &json!({ "Resources": { "Models": bucket } })))
        .await
        .unwrap();
    simulation.client.delete_stack().stack_name("Old").send().await.unwrap();
    let mut template = topics("", "changed");
    template["Resources"]["Models"] = bucket;
    template["Outputs"] = json!({ "Name": { "Value": "new" } });
    // A parameter that the imported resource does not use is not in the template of the import.
    template["Parameters"] = json!({ "Later": { "Type": "String" } });
    let wanted = stack(&template);
    let imports = vec![Import::new(&wanted, "Models", &[]).unwrap()];
    let options = Options::new().imports(imports).parameter("Later", "x");
    let change_set = ready(&simulation, &wanted, &options).await;
    assert_eq!(change_set.changes.len(), 1, "{change_set:?}");
    let note = &change_set.parameters[0];
    assert_eq!((note.name.as_str(), note.reason), ("Later", ParameterReason::IgnoredByImport));
    assert_eq!((note.current.as_deref(), note.new.as_deref()), (None, Some("x")));
    execute(&simulation.connection, &wanted, &change_set, &|_| {}).await.unwrap();
    assert_eq!(simulation.status().await, "IMPORT_COMPLETE");
    // The other changes are not deployed yet.
    let change_set = ready(&simulation, &wanted, &Options::new().parameter("Later", "x")).await;
    assert_eq!(change_set.changes.len(), 2, "{change_set:?}");
}

/// A parameter that the program no longer has keeps the value of the stack.
#[tokio::test]
async fn an_import_keeps_the_parameters_of_the_stack() {
    let simulation = Simulation::start().await;
    let mut before = topics("", "one");
    before["Parameters"] = json!({
        "Gone": { "Type": "String" }, "Same": { "Type": "String" }, "Token": { "Type": "String", "NoEcho": true },
    });
    let parameters = before["Parameters"].clone();
    let before = stack(&before);
    let given =
        Options::new().parameter("Gone", "kept").parameter("Same", "one").parameter("Token", "hunter2");
    let change_set = ready(&simulation, &before, &given).await;
    execute(&simulation.connection, &before, &change_set, &|_| {}).await.unwrap();
    simulation.s3.create_bucket().bucket("by-hand").send().await.unwrap();
    let mut template = topics("", "one");
    template["Resources"]["Models"] = json!({
        "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": { "BucketName": "by-hand" },
    });
    template["Parameters"] = parameters;
    template["Parameters"].as_object_mut().unwrap().remove("Gone");
    let wanted = stack(&template);
    let options = Options::new().imports(vec![Import::new(&wanted, "Models", &[]).unwrap()]);
    // A value that is given for a parameter of the stack is not used, which is reported.
    let given = options.clone().parameter("Same", "other").parameter("Token", "hunter3");
    let notes = ready(&simulation, &wanted, &given).await.parameters;
    assert!(notes.iter().all(|note| note.reason == ParameterReason::IgnoredByImport), "{notes:?}");
    let shown: Vec<_> =
        notes.iter().map(|note| (&*note.name, note.current.as_deref(), note.new.as_deref())).collect();
    assert_eq!(shown, [("Same", Some("one"), Some("other")), ("Token", None, None)]);
    let same = ready(&simulation, &wanted, &options.clone().parameter("Same", "one")).await;
    assert_eq!(same.parameters, []);
    let change_set = ready(&simulation, &wanted, &options).await;
    execute(&simulation.connection, &wanted, &change_set, &|_| {}).await.unwrap();
    assert_eq!(simulation.status().await, "IMPORT_COMPLETE");
}

/// What was shown before the deletion is what is deleted.
#[tokio::test]
async fn a_stack_that_was_updated_since_the_preview_is_not_deleted() {
    let simulation = Simulation::start().await;
    let wanted = stack(&topics("", "one"));
    simulation.deploy(&wanted).await.unwrap();
    let preview = deletion_preview(&simulation.connection, &wanted, &|_| {}).await.unwrap().unwrap();
    simulation.deploy(&stack(&topics("", "two"))).await.unwrap();
    let error = destroy(&simulation.connection, &preview, false, &|_| {}).await.unwrap_err().to_string();
    assert!(error.contains("was updated after the deletion was shown"), "{error}");
    assert_eq!(simulation.status().await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn types_without_drift_detection_are_reported_as_not_checked() {
    let simulation = Simulation::start().await;
    let mut template = topics("", "one");
    template["Resources"]["Own"] = json!({ "Type": "Custom::Thing", "Properties": { "ServiceToken": "arn:aws:sns:us-east-1:000000000000:x" } });
    // A type of AWS without a handler that reads it, according to the registry.
    let document = json!({ "Statement": [] });
    template["Resources"]["Policy"] = json!({ "Type": "AWS::SNS::TopicPolicy", "Properties": { "Topics": ["t"], "PolicyDocument": document } });
    let wanted = stack(&template);
    simulation.deploy(&wanted).await.unwrap();
    let drift = detect_drift(&simulation.connection, &wanted).await.unwrap();
    let not_checked = ["Own".to_owned(), "Policy".to_owned()];
    assert_eq!((drift.in_sync, drift.not_checked.as_slice()), (2, not_checked.as_slice()));
}

#[tokio::test]
async fn chosen_resources_are_retained() {
    let simulation = Simulation::start().await;
    let wanted = stack(&topics("", "one"));
    simulation.deploy(&wanted).await.unwrap();
    let fault = |resource| json!({ "resource": resource, "on": "delete", "reason": "it is in use" });
    simulation.fail(json!({ "resources": [fault("Second")] }));
    simulation.client.delete_stack().stack_name(STACK).send().await.unwrap();
    simulation.reach("DELETE_FAILED").await;
    simulation.heal();
    let retain = async |resource: &str| {
        let action = RecoveryAction::DeleteRetaining;
        recover(&simulation.connection, STACK, action, &[resource.to_owned()], &|_| {}).await
    };
    let error = retain("First").await.unwrap_err().to_string();
    assert!(error.contains("First has not failed"), "{error}");
    assert_eq!(retain("Second").await.unwrap(), StackStatus::DeleteComplete);
}

#[tokio::test]
async fn the_preview_uses_the_policies_that_were_deployed() {
    let simulation = Simulation::start().await;
    let with_policy = |policy: &str| {
        stack(&json!({ "Resources": { "Models": { "Type": "AWS::S3::Bucket", "DeletionPolicy": policy } } }))
    };
    simulation.deploy(&with_policy("Retain")).await.unwrap();
    // The program has changed since the deployment.
    let preview =
        deletion_preview(&simulation.connection, &with_policy("Delete"), &|_| {}).await.unwrap().unwrap();
    assert_eq!(preview.resources[0].disposition, Disposition::Retained);
    assert!(preview.required_approvals().is_empty());
}
