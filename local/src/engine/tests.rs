//! Tests of operations on stacks, without the HTTP server.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::inputs::resolve_inputs;
use super::plan::{DesiredState, Plan, plan};
use super::refactor::forget_refactors;
use super::{Engine, Settings};
use crate::faults::{FaultAction, Faults, ResourceFault};
use crate::state::{
    Inputs, Millis, OnFailure, OperationKind, OperationOptions, Refactor, RefactorExecutionStatus,
    Replacement, ResourceStatus, Side, StackRefactorStatus,
};

const REGION: &str = "us-east-1";

/// An engine with a separate directory, and a clock that the test advances.
struct Machine {
    engine: Engine,
    now: Millis,
    _directory: tempfile::TempDir,
}

impl Machine {
    fn new(resource_time: Millis) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            account: "111122223333".into(),
            resource_time,
            change_set_time: 0,
            assumes_signals: false,
            faults: Faults::default(),
        };
        let engine = Engine::open(directory.path(), None, settings).unwrap();
        Self { engine, now: 1000, _directory: directory }
    }

    fn inputs(&self, template: &Json, tags: &[(&str, &str)]) -> Inputs {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let before = Inputs { tags, ..Inputs::default() };
        let environment = self.engine.environment(REGION);
        resolve_inputs(&self.engine, environment, template.to_string(), &[], &before).unwrap().0
    }

    fn begin(&mut self, kind: OperationKind, position: usize, template: &Json) {
        let options = OperationOptions::new(OnFailure::Rollback);
        let inputs = self.inputs(template, &[]);
        self.engine.begin(position, kind, inputs.into(), options, self.now);
        self.engine.advance(self.now);
    }

    /// Creates a stack, and waits for the end of the operation.
    fn create(&mut self, template: &Json) -> usize {
        let account = self.engine.settings.account.clone();
        let environment = crate::state::Environment { account: &account, region: REGION };
        let position = self.engine.add_stack("stack", environment, self.now);
        self.begin(OperationKind::Create, position, template);
        position
    }

    fn fail(&mut self, resource: &str, on: FaultAction) {
        let fault = ResourceFault {
            stack: None,
            resource: resource.to_owned(),
            on,
            reason: Some("no".to_owned()),
            time: None,
            times: None,
        };
        self.engine.settings.faults.resources.push(fault);
    }

    fn status(&self, position: usize) -> &str {
        self.engine.state.stacks[position].status.as_str()
    }

    /// The events as `LogicalId STATUS`, oldest first.
    fn events(&self, position: usize) -> Vec<String> {
        let events = self.engine.state.stacks[position].events.iter();
        events
            .map(|event| {
                format!("{} {}", event.logical_id, event.status.as_ref().map_or("", ResourceStatus::as_str))
            })
            .collect()
    }

    fn property(&self, position: usize, id: &str, name: &str) -> Json {
        self.engine.state.stacks[position].resources[id].live.get(name).cloned().unwrap_or_default()
    }

    fn plan(
        &self,
        position: usize,
        template: &Json,
        tags: &[(&str, &str)],
        is_import: bool,
    ) -> Result<Plan, String> {
        let inputs = self.inputs(template, tags);
        let parsed = self.engine.template(&inputs.template).unwrap();
        let imports = IndexMap::new();
        let desired = DesiredState {
            template: &parsed,
            inputs: &inputs,
            imports: &imports,
            is_import,
            reverts_drift: false,
            import_existing: false,
        };
        plan(&self.engine, &self.engine.state.stacks[position], &desired).map_err(|error| error.message)
    }
}

fn topic(display: &str) -> Json {
    json!({ "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": display } })
}

fn after(mut resource: Json, id: &str) -> Json {
    resource["DependsOn"] = id.into();
    resource
}

fn two(display: &str) -> Json {
    json!({ "Resources": { "B": after(topic(display), "A"), "A": topic(display) } })
}

#[test]
fn resources_are_created_after_those_they_depend_on() {
    let mut machine = Machine::new(0);
    let stack = machine.create(&two("x"));
    assert_eq!(machine.status(stack), "CREATE_COMPLETE");
    let complete: Vec<String> =
        machine.events(stack).into_iter().filter(|one| one.ends_with("CREATE_COMPLETE")).collect();
    assert_eq!(complete, ["A CREATE_COMPLETE", "B CREATE_COMPLETE", "stack CREATE_COMPLETE"]);
}

#[test]
fn resources_take_their_time() {
    let mut machine = Machine::new(1000);
    let stack = machine.create(&two("x"));
    for (time, status) in
        [(1999, "CREATE_IN_PROGRESS"), (2999, "CREATE_IN_PROGRESS"), (3000, "CREATE_COMPLETE")]
    {
        machine.engine.advance(time);
        assert_eq!(machine.status(stack), status, "{time}");
    }
}

#[test]
fn a_creation_that_takes_longer_than_allowed_is_rolled_back() {
    let mut machine = Machine::new(90_000);
    let account = machine.engine.settings.account.clone();
    let environment = crate::state::Environment { account: &account, region: REGION };
    let stack = machine.engine.add_stack("stack", environment, machine.now);
    machine.engine.state.stacks[stack].timeout_minutes = Some(2);
    machine.begin(OperationKind::Create, stack, &two("x"));
    // The first resource is complete after 90 seconds, the second would be after 180. All at once, as after a pause.
    machine.engine.advance(1_000_000);
    assert_eq!(machine.status(stack), "ROLLBACK_COMPLETE");
    let events = &machine.engine.state.stacks[stack].events;
    let rollback =
        events.iter().find(|event| event.status == Some(ResourceStatus::RollbackInProgress)).unwrap();
    assert_eq!(rollback.time, 121_000);
    let reason = rollback.reason.as_deref().unwrap();
    assert_eq!(reason, "Stack creation time exceeded the specified timeout. Rollback requested by user.");
    let cancelled = events.iter().find(|event| event.status == Some(ResourceStatus::CreateFailed)).unwrap();
    assert_eq!((cancelled.logical_id.as_str(), cancelled.time), ("B", 121_000));
    // An update has no such limit.
    let mut machine = Machine::new(90_000);
    let stack = machine.create(&two("x"));
    machine.engine.advance(200_000);
    machine.engine.state.stacks[stack].timeout_minutes = Some(1);
    machine.now = 200_000;
    machine.begin(OperationKind::Update, stack, &two("y"));
    machine.engine.advance(1_000_000);
    assert_eq!(machine.status(stack), "UPDATE_COMPLETE");
}

#[test]
fn a_failed_creation_deletes_what_it_created() {
    let mut machine = Machine::new(0);
    machine.fail("B", FaultAction::Create);
    let stack = machine.create(&two("x"));
    assert_eq!(machine.status(stack), "ROLLBACK_COMPLETE");
    let events = machine.events(stack);
    let index = |event: &str| events.iter().position(|one| one == event).unwrap();
    assert!(index("B CREATE_FAILED") < index("stack ROLLBACK_IN_PROGRESS"));
    assert!(index("A DELETE_COMPLETE") < index("stack ROLLBACK_COMPLETE"));
    assert!(machine.engine.state.stacks[stack].resources.is_empty());
}

#[test]
fn a_failed_update_restores_the_properties() {
    let mut machine = Machine::new(0);
    let stack = machine.create(&two("old"));
    machine.fail("B", FaultAction::Update);
    machine.begin(OperationKind::Update, stack, &two("new"));
    assert_eq!(machine.status(stack), "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(machine.property(stack, "A", "DisplayName"), "old");
}

#[test]
fn a_replaced_resource_is_deleted_in_the_cleanup() {
    let named = |name: &str| json!({ "Resources": { "A": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name } } } });
    let mut machine = Machine::new(0);
    let stack = machine.create(&named("one"));
    machine.begin(OperationKind::Update, stack, &named("two"));
    assert_eq!(machine.status(stack), "UPDATE_COMPLETE");
    let events = machine.events(stack);
    let index = |event: &str| events.iter().position(|one| one == event).unwrap();
    assert!(index("stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") < index("A DELETE_COMPLETE"));
    assert!(machine.engine.state.stacks[stack].resources["A"].physical_id.ends_with(":two"));
}

#[test]
fn resources_are_deleted_before_those_they_depend_on() {
    let mut machine = Machine::new(0);
    let stack = machine.create(&two("x"));
    machine.engine.begin_delete(stack, Vec::new(), OperationOptions::new(OnFailure::DoNothing), machine.now);
    machine.engine.advance(machine.now);
    let events = machine.events(stack);
    let index = |event: &str| events.iter().position(|one| one == event).unwrap();
    assert!(index("B DELETE_COMPLETE") < index("A DELETE_IN_PROGRESS"));
    assert_eq!(machine.status(stack), "DELETE_COMPLETE");
}

#[test]
fn new_tags_reach_the_resources_that_can_have_them() {
    let mut machine = Machine::new(0);
    let policy =
        json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": { "PolicyDocument": { "Statement": [] } } });
    let template = json!({ "Resources": { "A": topic("x"), "P": policy } });
    let stack = machine.create(&template);
    let found = machine.plan(stack, &template, &[("team", "ml")], false).unwrap();
    let changes: Vec<_> =
        found.changes.iter().map(|one| (one.logical_id.as_str(), one.scope.clone())).collect();
    assert_eq!(changes, [("A", vec!["Tags".to_owned()])]);
    let nothing = machine.plan(stack, &template, &[], false).unwrap();
    assert!(nothing.changes.is_empty() && !nothing.has_other_changes);
}

#[test]
fn a_change_names_its_cause() {
    let mut machine = Machine::new(0);
    let with = |name: &str| {
        json!({ "Resources": {
            "A": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name } },
            "B": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": { "Fn::GetAtt": "A.TopicName" } } },
        } })
    };
    let stack = machine.create(&with("one"));
    let found = machine.plan(stack, &with("two"), &[], false).unwrap();
    let [replaced, updated] = &found.changes[..] else { panic!("two changes") };
    assert_eq!(
        (&replaced.replacement, &updated.replacement),
        (&Some(Replacement::Yes), &Some(Replacement::No))
    );
    assert_eq!(updated.details[0]["CausingEntity"], "A.TopicName");
    assert_eq!(updated.details[0]["Evaluation"], "Dynamic");
}

#[test]
fn an_import_may_change_nothing_else() {
    let mut machine = Machine::new(0);
    let stack = machine.create(&two("x"));
    let error = machine.plan(stack, &two("y"), &[], true).err().unwrap();
    assert!(error.contains("You have modified resources [A, B]"), "{error}");
}

#[test]
fn references_to_a_replaced_resource_are_unknown_in_the_plan() {
    let mut machine = Machine::new(0);
    let with = |name: &str| {
        json!({ "Resources": {
            "Topic": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name } },
            "Policy": { "Type": "AWS::SNS::TopicPolicy", "Properties": { "Topics": [{ "Ref": "Topic" }], "PolicyDocument": {} } },
        } })
    };
    let stack = machine.create(&with("one"));
    let found = machine.plan(stack, &with("two"), &[], false).unwrap();
    let [topic, policy] = &found.changes[..] else { panic!("two changes") };
    assert_eq!(topic.replacement, Some(Replacement::Yes));
    let shown: Json = serde_json::from_str(policy.after.as_deref().unwrap()).unwrap();
    assert_eq!(shown["Properties"]["Topics"][0], "{{changeSet:KNOWN_AFTER_APPLY}}");
    assert_eq!(policy.details[0]["ChangeSource"], "ResourceReference");
}

#[test]
fn a_resource_that_leaves_the_template_follows_its_deletion_policy() {
    let mut machine = Machine::new(0);
    let kept = json!({ "Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain" });
    let stack = machine.create(&json!({ "Resources": { "A": topic("x"), "B": kept, "C": topic("x") } }));
    let found = machine.plan(stack, &json!({ "Resources": { "C": topic("x") } }), &[], false).unwrap();
    let removed: Vec<_> = found
        .changes
        .iter()
        .map(|one| (one.logical_id.as_str(), format!("{:?}", one.policy_action)))
        .collect();
    assert_eq!(removed, [("A", "Some(Delete)".to_owned()), ("B", "Some(Retain)".to_owned())]);
}

#[test]
fn the_type_of_a_resource_does_not_change() {
    let mut machine = Machine::new(0);
    let stack = machine.create(&two("x"));
    let mut template = two("x");
    template["Resources"]["A"] = json!({ "Type": "AWS::SQS::Queue" });
    let error = machine.plan(stack, &template, &[], false).err().unwrap();
    assert!(error.starts_with("Update of resource type is not permitted."), "{error}");
    assert!(error.ends_with("[A]"), "{error}");
}

#[test]
fn a_name_that_another_stack_uses_is_a_conflict() {
    let mut machine = Machine::new(0);
    let named = json!({ "Type": "AWS::S3::Bucket", "Properties": { "BucketName": "shared-name" } });
    let stack = machine.create(&json!({ "Resources": { "First": named } }));
    let template = json!({ "Resources": { "First": named, "Second": named, "Other": topic("x") } });
    let found = machine.plan(stack, &template, &[], false).unwrap();
    let conflicts: Vec<_> =
        found.problems.iter().filter(|one| one.kind == super::plan::ProblemKind::NameConflict).collect();
    let [conflict] = &conflicts[..] else { panic!("{} conflicts", conflicts.len()) };
    assert_eq!((conflict.logical_id.as_str(), conflict.type_name.as_str()), ("Second", "AWS::S3::Bucket"));
    assert!(conflict.message.contains("'shared-name' already exists"), "{}", conflict.message);
}

#[test]
fn refactors_that_are_over_keep_only_what_is_described() {
    let mut machine = Machine::new(0);
    let stack = machine.create(&two("x"));
    let (id, inputs) = {
        let stack = &machine.engine.state.stacks[stack];
        (stack.id.clone(), stack.inputs.clone())
    };
    let refactor = |number: usize, execution: RefactorExecutionStatus, after: &str| Refactor {
        id: number.to_string(),
        region: REGION.to_owned(),
        description: None,
        ready: 0,
        status: StackRefactorStatus::CreateComplete,
        reason: None,
        execution,
        execution_reason: None,
        stacks: vec![Side {
            id: id.clone(),
            is_new: false,
            inputs: inputs.clone(),
            resources: IndexMap::new(),
            outputs: Vec::new(),
            imports: Vec::new(),
            after: Some(after.to_owned()),
        }],
        moves: Vec::new(),
        running: None,
    };
    let last = machine.engine.state.stacks[stack].last_operation().unwrap().to_owned();
    let refactors = &mut machine.engine.state.rest.refactors;
    refactors.push(refactor(0, RefactorExecutionStatus::Available, &last));
    refactors.push(refactor(1, RefactorExecutionStatus::Available, "an earlier operation"));
    refactors.extend((2..1502).map(|number| refactor(number, RefactorExecutionStatus::ExecuteComplete, "")));
    forget_refactors(&mut machine.engine);
    let left = &machine.engine.state.rest.refactors;
    assert_eq!(left.len(), 1001);
    assert_eq!((left[0].id.as_str(), left[1].id.as_str()), ("0", "502"));
    assert_eq!(left[0].stacks[0].inputs.template, inputs.template);
    assert!(left[1..].iter().all(|one| one.stacks[0].inputs.template.is_empty() && one.stacks[0].id == id));
}
