//! Change sets are computed when they are created: changes, validations, and the change sets of nested stacks.

use indexmap::IndexMap;
use serde_json::json;

use crate::engine::Engine;
use crate::engine::hook::run_change_set_hooks;
use crate::engine::nested::MAX_NESTING;
use crate::engine::plan::{DesiredState, Plan, PlanProblem, ProblemKind, plan};
use crate::state::{
    Change, ChangeAction, ChangeSet, ChangeSetStatus, ChangeSetType, Event, ExecutionStatus, Millis,
    OnFailure, OperationOptions, OperationType, PolicyAction, Replacement, StackStatus, unique_id,
};
use crate::template::{NESTED, StackTemplate};

const NO_CHANGES: &str = "The submitted information didn't contain changes. Submit different information to create a \
                               change set.";

/// The name of the validation that only warns.
pub(crate) const BUCKET_EMPTINESS: &str = "BUCKET_EMPTINESS_VALIDATION";

/// Returns the stack for a new change set, which is added if there is none; returns its index and the ID of the operation.
pub(crate) fn stack_for_new_change_set(
    engine: &mut Engine,
    present: Option<usize>,
    time: Millis,
    add: impl FnOnce(&mut Engine) -> usize,
) -> (usize, String) {
    let position = present.unwrap_or_else(|| add(engine));
    let operation = engine.state.stacks[position].enter(OperationType::CreateChangeset);
    if present.is_none() {
        review(engine, position, time);
    }
    (position, operation)
}

/// Sets the status of a stack that waits for the execution of its first change set.
pub(crate) fn review(engine: &mut Engine, position: usize, time: Millis) {
    engine.set_status(position, time, StackStatus::ReviewInProgress, Some("User Initiated".into()));
}

/// Computes what a change set changes.
pub(crate) fn compute_change_set(
    engine: &mut Engine,
    position: usize,
    change_set: &mut ChangeSet,
    template: &StackTemplate,
) {
    let desired = DesiredState {
        template,
        inputs: &change_set.inputs,
        imports: &change_set.imports,
        is_import: change_set.kind == ChangeSetType::Import,
        reverts_drift: change_set.deployment_mode.as_deref() == Some("REVERT_DRIFT"),
        import_existing: change_set.import_existing,
    };
    let mut found = match plan(engine, &engine.state.stacks[position], &desired) {
        Ok(found) => found,
        Err(error) => return fail(change_set, error.message),
    };
    if change_set.disable_validation {
        found.problems.clear();
    }
    if !found.problems.is_empty() {
        for problem in &found.problems {
            let event = validation_event(change_set, problem);
            engine.state.stacks[position].events.push(event);
        }
        let are_names = found.problems.iter().all(|one| one.kind == ProblemKind::NameConflict);
        let check = if are_names { "ResourceExistenceCheck" } else { "PropertyValidation" };
        return fail(
            change_set,
            format!(
                "The following hook(s)/validation failed: [AWS::EarlyValidation::{check}]. To troubleshoot Early \
                 Validation errors, use the DescribeEvents API for detailed failure information."
            ),
        );
    }
    if change_set.nested.is_some()
        && let Err(reason) = compute_nested_change_sets(engine, position, change_set, &mut found)
    {
        return fail(change_set, reason);
    }
    if found.changes.is_empty() && !found.has_other_changes {
        return fail(change_set, NO_CHANGES.into());
    }
    for change in &found.changes {
        if let Some(problem) = bucket_contents_warning(engine, change) {
            let event = validation_event(change_set, &problem);
            engine.state.stacks[position].events.push(event);
        }
    }
    let hooks = run_change_set_hooks(engine, position, change_set, &found.changes);
    if !hooks.is_empty() {
        return fail(
            change_set,
            format!(
                "The following hook(s)/validation failed: [{}]. To troubleshoot, use the DescribeEvents API for \
                     detailed failure information.",
                hooks.join(", ")
            ),
        );
    }
    for change in found.changes.iter().filter(|change| change.action == ChangeAction::Import) {
        if let Some(physical) = &change.physical_id {
            change_set.imports.insert(change.logical_id.clone(), physical.clone());
        }
    }
    change_set.changes = found.changes;
}

/// Creates change sets for the nested stacks in which something changes.
fn compute_nested_change_sets(
    engine: &mut Engine,
    position: usize,
    parent: &mut ChangeSet,
    found: &mut Plan,
) -> Result<(), String> {
    for (logical_id, properties) in &found.nested {
        if engine.nesting_of(&engine.state.stacks[position]) >= MAX_NESTING {
            return Err(format!("Stacks are nested more than {MAX_NESTING} levels deep"));
        }
        let (inputs, template) = engine.nested_inputs(&engine.state.stacks[position], properties)?;
        let present = engine.state.stacks[position].resources.get(logical_id);
        let present = present.map(|resource| resource.physical_id.clone());
        let child = present.and_then(|id| engine.state.position_of(&id));
        let kind = if child.is_some() { ChangeSetType::Update } else { ChangeSetType::Create };
        let (child, operation) = stack_for_new_change_set(engine, child, parent.created, |engine| {
            engine.add_nested(position, logical_id, parent.created)
        });
        let root = parent.within.as_ref().map_or(&parent.id, |(_, root)| root).clone();
        let name = format!("{}-{logical_id}-{}", parent.name, &unique_id()[..8]);
        let mut change_set = ChangeSet {
            id: ChangeSet::new_id(engine.state.stacks[child].environment(), &name),
            name,
            kind,
            inputs,
            changes: Vec::new(),
            imports: IndexMap::new(),
            token: None,
            operation,
            within: Some((parent.id.clone(), root)),
            nested: Some(IndexMap::new()),
            ..parent.clone()
        };
        compute_change_set(engine, child, &mut change_set, &template);
        if change_set.reason.as_deref() == Some(NO_CHANGES) {
            continue;
        }
        let id = change_set.id.clone();
        let failed = change_set.reason.clone();
        let stack = &mut engine.state.stacks[child];
        stack.change_sets.push(change_set);
        if let Some(nested) = &mut parent.nested {
            nested.insert(logical_id.clone(), stack.id.clone());
        }
        if let Some(reason) = failed {
            return Err(format!(
                "Nested change set {id} was not successfully created: Currently in FAILED. {reason}"
            ));
        }
        let known = found.changes.iter_mut().find(|change| change.logical_id == *logical_id);
        match known {
            Some(change) => {
                change.physical_id = Some(stack.id.clone());
                change.change_set = Some(id);
            }
            None => found.changes.push(Change {
                action: ChangeAction::Modify,
                logical_id: logical_id.clone(),
                physical_id: Some(stack.id.clone()),
                type_name: NESTED.into(),
                replacement: Some(Replacement::No),
                scope: vec!["Properties".into()],
                details: vec![json!({
                    "Target": { "Attribute": "Properties", "RequiresRecreation": "Never" },
                    "Evaluation": "Dynamic",
                    "ChangeSource": "Automatic",
                })],
                policy_action: None,
                before: None,
                after: None,
                change_set: Some(id),
            }),
        }
    }
    Ok(())
}

/// Returns the change sets of nested stacks.
pub(crate) fn nested_in(engine: &Engine, change_set: &ChangeSet) -> Vec<ChangeSet> {
    let all = engine.state.stacks.iter().flat_map(|stack| &stack.change_sets);
    all.filter(|one| one.within.as_ref().is_some_and(|(parent, _)| *parent == change_set.id))
        .cloned()
        .collect()
}

/// Deletes the change sets of nested stacks that were created with a change set, and nested stacks that are still empty.
pub(crate) fn discard_nested(engine: &mut Engine, change_set: &ChangeSet, time: Millis) {
    for nested in nested_in(engine, change_set) {
        discard_nested(engine, &nested, time);
        for position in 0..engine.state.stacks.len() {
            if !engine.state.stacks[position].change_sets.iter().any(|one| one.id == nested.id) {
                continue;
            }
            let stack = &mut engine.state.stacks[position];
            stack.change_sets.retain(|one| one.id != nested.id);
            if stack.status == StackStatus::ReviewInProgress {
                engine.begin_delete(position, Vec::new(), OperationOptions::new(OnFailure::DoNothing), time);
            }
        }
    }
}

/// CloudFormation's warning for a bucket that a change set deletes although it has objects.
fn bucket_contents_warning(engine: &Engine, change: &Change) -> Option<PlanProblem> {
    let is_deleted =
        change.action == ChangeAction::Remove && change.policy_action == Some(PolicyAction::Delete);
    let name = change.physical_id.as_ref().filter(|_| is_deleted && change.type_name == "AWS::S3::Bucket")?;
    let bucket = engine.state.buckets.get(name).filter(|bucket| !bucket.objects().is_empty())?;
    let message = format!(
        "The bucket '{name}' is not empty ({} objects). You must either delete all objects and versions or use the \
         deletion policy to retain it, otherwise the delete operation will fail.",
        bucket.objects().len()
    );
    Some(PlanProblem {
        kind: ProblemKind::BucketEmptiness,
        logical_id: change.logical_id.clone(),
        type_name: change.type_name.clone(),
        path: String::new(),
        message,
    })
}

fn fail(change_set: &mut ChangeSet, reason: String) {
    change_set.status = ChangeSetStatus::Failed;
    change_set.execution = ExecutionStatus::Unavailable;
    change_set.reason = Some(reason);
}

fn validation_event(change_set: &ChangeSet, problem: &PlanProblem) -> Event {
    let name = match problem.kind {
        ProblemKind::NameConflict => "NAME_CONFLICT_VALIDATION",
        ProblemKind::BucketEmptiness => BUCKET_EMPTINESS,
        ProblemKind::Property => "PROPERTY_VALIDATION",
    };
    let path = format!("/Resources/{}/Properties{}", problem.logical_id, problem.path);
    Event {
        reason: Some(problem.message.clone()),
        validation: Some((name.into(), path)),
        ..change_set.finding(&problem.logical_id, &problem.type_name)
    }
}
