//! The changes that a template would make in a stack: the changes of a change set, with their causes.

mod import;
mod modify;
mod recreation;

pub(crate) use self::recreation::{Recreation, recreation, same};

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};
use stackwright_schemas::held::is_snapshot_by_default;

use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::not_rolled_back::has_no_stable_state;
use crate::engine::resource::{ResourceContext, create_resource, identifier, problems};
use crate::state::{Change, ChangeAction, Inputs, Output, PolicyAction, Resource, Stack};
use crate::template::dynamic::{self, Unresolved};
use crate::template::evaluate::{
    KNOWN_AFTER_APPLY, Progress, Scope, is_unknown, pseudo_parameters, reference_value,
};
use crate::template::{NESTED, StackTemplate, scalar_text};

/// The changes that a template would make in a stack.
#[derive(Default)]
pub(crate) struct Plan {
    pub changes: Vec<Change>,
    /// Whether outputs, tags or anything else that is not a resource changes.
    pub has_other_changes: bool,
    /// Validations before deployment that fail.
    pub problems: Vec<PlanProblem>,
    /// The properties of nested stacks, as far as they are known before execution.
    pub nested: Vec<(String, Map<String, Json>)>,
    /// Resources whose type would change.
    retyped: Vec<String>,
    /// Resources that the template declares, and whose condition is true.
    kept: BTreeSet<String>,
}

/// The kind of a validation before deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    Property,
    NameConflict,
    /// Whether a bucket to delete is empty. A violation is only a warning.
    BucketEmptiness,
}

/// A validation before deployment that fails.
pub(crate) struct PlanProblem {
    pub kind: ProblemKind,
    pub logical_id: String,
    pub type_name: String,
    pub path: String,
    pub message: String,
}

/// The requested state of a stack.
pub(crate) struct DesiredState<'a> {
    pub template: &'a StackTemplate,
    pub inputs: &'a Inputs,
    /// The physical IDs of resources that are imported, by logical ID.
    pub imports: &'a IndexMap<String, String>,
    /// Whether this is an import operation, which may change nothing else.
    pub is_import: bool,
    /// Whether changes made outside of the stack are reverted.
    pub reverts_drift: bool,
    pub import_existing: bool,
}

/// The effect of a change on the physical ID of a resource, as far as it is known while a change set is created.
#[derive(Clone, Copy, PartialEq)]
enum ExpectedChange {
    /// The resource does not change.
    Unchanged,
    /// The resource is updated in place: its `Ref` does not change.
    Updated,
    /// The resource is created or replaced: its `Ref` and its attributes are not known.
    Created,
    /// The resource may be replaced.
    MayBeReplaced,
}

/// The changes that are expected, by logical ID.
type Expected = RefCell<BTreeMap<String, ExpectedChange>>;

/// The inputs of the comparison: a stack and its requested state.
struct Comparison<'a> {
    engine: &'a Engine,
    stack: &'a Stack,
    desired: &'a DesiredState<'a>,
    /// The template that was deployed last; none for a new stack.
    before: Option<Arc<StackTemplate>>,
    changed_parameters: BTreeSet<String>,
    has_new_tags: bool,
    expected: &'a Expected,
}

/// Compares a stack with its requested state.
pub(crate) fn plan(engine: &Engine, stack: &Stack, desired: &DesiredState<'_>) -> Result<Plan, ServiceError> {
    let template = desired.template;
    let values = template.parameter_values(desired.inputs);
    let expected = Expected::default();
    let comparison = Comparison::new(engine, stack, desired, &values, &expected);
    let exports = engine.state.exports(stack.environment());
    let lookup = |name: &str, attribute: Option<&str>| Ok(comparison.reference(name, attribute));
    let scope = Scope {
        template,
        parameters: &values,
        pseudo: pseudo_parameters(stack),
        exports: &exports,
        resource: &lookup,
        imported: RefCell::default(),
        progress: Progress::default(),
    };
    let mut plan = Plan::default();
    for id in template.order()? {
        let Some(written) = template.resource(&id) else { continue };
        if scope.is_wanted(written).map_err(ServiceError::validation)? {
            comparison.add_resource(&scope, id, written, &mut plan)?;
        }
    }
    if !plan.retyped.is_empty() {
        return Err(ServiceError::validation(format!(
            "Update of resource type is not permitted. The new template modifies resource type of the following resources: \
             [{}]",
            plan.retyped.join(", ")
        )));
    }
    for (id, present) in &stack.resources {
        if !plan.kept.contains(id) {
            plan.changes.push(comparison.removed(present));
        }
    }
    let new_outputs = outputs(&scope, template).map_err(ServiceError::validation)?;
    let outputs_change = outputs_differ(&stack.outputs, &new_outputs);
    plan.has_other_changes = outputs_change || comparison.has_new_tags;
    if desired.is_import {
        import::check(desired, &plan, outputs_change)?;
    }
    Ok(plan)
}

impl<'a> Comparison<'a> {
    fn new(
        engine: &'a Engine,
        stack: &'a Stack,
        desired: &'a DesiredState<'a>,
        values: &IndexMap<String, Json>,
        expected: &'a Expected,
    ) -> Self {
        // A stack that does not exist yet has no template.
        let before = engine.template(&stack.inputs.template).ok();
        let before_values = before.as_ref().map(|before| before.parameter_values(&stack.inputs));
        let before_values = before_values.unwrap_or_default();
        let changed_parameters = values
            .iter()
            .filter(|(name, value)| before_values.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect();
        let has_new_tags = desired.inputs.tags != stack.inputs.tags && !stack.resources.is_empty();
        Self { engine, stack, desired, before, changed_parameters, has_new_tags, expected }
    }

    /// Returns the value of a reference to a resource, as far as it is known before execution.
    fn reference(&self, name: &str, attribute: Option<&str>) -> Json {
        let unknown = || Json::from(KNOWN_AFTER_APPLY);
        let change = self.expected.borrow().get(name).copied().unwrap_or(ExpectedChange::Unchanged);
        if matches!(change, ExpectedChange::Created | ExpectedChange::MayBeReplaced) {
            return unknown();
        }
        let present = self.stack.resources.get(name);
        reference_value(present, name, attribute).unwrap_or_else(|_| unknown())
    }

    fn shown_before(&self, resource: &Resource, properties: &Map<String, Json>) -> Map<String, Json> {
        match &self.before {
            Some(before) => before.shown(&resource.written, properties),
            None => properties.clone(),
        }
    }

    /// Adds what a resource of the template changes.
    fn add_resource(
        &self,
        scope: &Scope<'_>,
        id: String,
        written: &Json,
        plan: &mut Plan,
    ) -> Result<(), ServiceError> {
        plan.kept.insert(id.clone());
        let type_name = written["Type"].as_str().unwrap_or_default();
        let properties = scope.properties(written).map_err(ServiceError::validation)?;
        let environment = self.stack.environment();
        if let Err(Unresolved::Early(message)) =
            dynamic::resolve(type_name, &properties, &self.engine.state, environment)
        {
            return Err(ServiceError::validation(message));
        }
        if type_name == NESTED {
            plan.nested.push((id.clone(), properties.clone()));
        }
        for (path, message) in problems(type_name, &properties) {
            let (logical_id, type_name) = (id.clone(), type_name.to_owned());
            let kind = ProblemKind::Property;
            plan.problems.push(PlanProblem { kind, logical_id, type_name, path, message });
        }
        match self.stack.resources.get(&id).filter(|present| !has_no_stable_state(present)) {
            None => self.add_new(id, written, &properties, plan),
            Some(present) if present.type_name != type_name => plan.retyped.push(id),
            Some(present) => {
                if let Some((change, expected)) = self.modified(present, written, &properties) {
                    self.expected.borrow_mut().insert(id, expected);
                    plan.changes.push(change);
                }
            }
        }
        Ok(())
    }

    /// Adds a resource that is created or imported.
    fn add_new(&self, id: String, written: &Json, properties: &Map<String, Json>, plan: &mut Plan) {
        let type_name = written["Type"].as_str().unwrap_or_default();
        let named = self.desired.imports.get(&id).cloned();
        let imported = named.or_else(|| self.existing(&id, type_name, properties));
        if imported.is_none()
            && let Some(physical) = self.name_conflict(type_name, properties)
        {
            plan.problems.push(PlanProblem {
                kind: ProblemKind::NameConflict,
                logical_id: id.clone(),
                type_name: type_name.to_owned(),
                path: String::new(),
                message: format!(
                    "Resource of type '{type_name}' with identifier '{physical}' already exists."
                ),
            });
        }
        self.expected.borrow_mut().insert(id.clone(), ExpectedChange::Created);
        let action = if imported.is_some() { ChangeAction::Import } else { ChangeAction::Add };
        plan.changes.push(Change {
            physical_id: imported,
            after: Some(context(&self.desired.template.shown(written, properties))),
            ..Change::of(action, &id, type_name)
        });
    }

    fn removed(&self, present: &Resource) -> Change {
        let policy = match present.written["DeletionPolicy"].as_str() {
            Some("Retain" | "RetainExceptOnCreate") => PolicyAction::Retain,
            Some("Snapshot") => PolicyAction::Snapshot,
            None if is_snapshot_by_default(&present.type_name, &present.written["Properties"]) => {
                PolicyAction::Snapshot
            }
            _ => PolicyAction::Delete,
        };
        Change {
            physical_id: Some(present.physical_id.clone()),
            policy_action: Some(policy),
            before: Some(context(&self.shown_before(present, &present.properties))),
            ..Change::of(ChangeAction::Remove, &present.logical_id, &present.type_name)
        }
    }

    /// Returns the physical ID of a resource that exists outside of stacks and is imported by its name, if the request allows it.
    fn existing(&self, id: &str, type_name: &str, properties: &Map<String, Json>) -> Option<String> {
        if !self.desired.import_existing || properties.values().any(is_unknown) {
            return None;
        }
        let environment = self.stack.environment();
        let context = self.context(id, type_name);
        let wanted = identifier(&context, properties)?;
        self.engine.exists_outside_of_stacks(environment, type_name, &wanted).then_some(wanted)
    }

    /// Returns a resource with the same identifier that exists already.
    fn name_conflict(&self, type_name: &str, properties: &Map<String, Json>) -> Option<String> {
        let kind = stackwright_schemas::registry::resource_type(type_name)?;
        let mut parts = kind.primary_identifier().peekable();
        parts.peek()?;
        let parts: Option<Vec<&Json>> = parts.map(|part| properties.get(part)).collect();
        if parts?.into_iter().any(is_unknown) {
            return None;
        }
        let created = create_resource(&self.context("", type_name), properties).physical_id;
        self.engine.is_taken(self.stack, type_name, &created, properties).then_some(created)
    }

    fn context<'c>(&'c self, logical_id: &'c str, type_name: &'c str) -> ResourceContext<'c> {
        ResourceContext {
            account: &self.stack.account,
            region: &self.stack.region,
            stack_name: &self.stack.name,
            logical_id,
            type_name,
            seed: &self.stack.id,
            custom: None,
        }
    }
}

/// Returns the outputs of a template, with their values as far as they are known.
pub(crate) fn outputs(scope: &Scope<'_>, template: &StackTemplate) -> Result<Vec<Output>, String> {
    let mut outputs = Vec::new();
    for (key, output) in template.section("Outputs") {
        if !scope.is_wanted(output)? {
            continue;
        }
        let value = match scope.value(&output["Value"])?.unwrap_or_default() {
            Json::Array(_) => return Err(not_a_string("List")),
            Json::Object(_) => return Err(not_a_string("Map")),
            scalar => scalar_text(&scalar),
        };
        let export = match output.get("Export") {
            Some(export) => scope.value(&export["Name"])?.map(|name| scalar_text(&name)),
            None => None,
        };
        let description = output["Description"].as_str().map(str::to_owned);
        outputs.push(Output { key: key.to_owned(), value, description, export });
    }
    Ok(outputs)
}

fn not_a_string(kind: &str) -> String {
    format!(
        "Template format error: The Value field of every Outputs member must evaluate to a String and not a {kind}."
    )
}

fn outputs_differ(before: &[Output], after: &[Output]) -> bool {
    let compared = |output: &Output| (output.key.clone(), output.value.clone(), output.export.clone());
    !before.iter().map(compared).eq(after.iter().map(compared))
}

/// Properties as `BeforeContext` and `AfterContext` show them.
fn context(properties: &Map<String, Json>) -> String {
    json!({ "Properties": properties }).to_string()
}
