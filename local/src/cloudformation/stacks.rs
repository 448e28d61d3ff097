//! Stacks: made, changed and deleted without a change set, taken back, protected.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::change_sets::{can_be_updated, shown_parameters};
use super::{Answer, Request, page, said, tag_list, time_of};
use crate::cloud::{Cloud, Stack, written};
use crate::engine::{How, Kind, OnFailure};
use crate::error::Refusal;
use crate::plan::{Goal, plan};
use crate::refactor::Refactor;

impl Cloud {
    pub(super) fn create_stack(&mut self, request: &Request<'_>) -> Answer {
        let name = request.new_name("StackName")?;
        if self.position(request.region, name).is_some() {
            return Err(Refusal::new("AlreadyExistsException", format!("Stack [{name}] already exists")));
        }
        let (inputs, _) = self.inputs(request, None)?;
        let position = self.add_own_stack(name, request);
        let on_failure = match request.text("OnFailure") {
            Some("DO_NOTHING") => OnFailure::DoNothing,
            Some("DELETE") => OnFailure::Delete,
            _ if request.is("DisableRollback") => OnFailure::DoNothing,
            _ => OnFailure::Rollback,
        };
        let stack = &mut self.state.stacks[position];
        stack.termination_protection = request.is("EnableTerminationProtection");
        stack.disable_rollback = on_failure == OnFailure::DoNothing;
        stack.policy = request.text("StackPolicyBody").map(str::to_owned);
        let how = How {
            on_failure,
            token: request.token(),
            retain_except_on_create: request.is("RetainExceptOnCreate"),
        };
        self.begin(position, Kind::Create, inputs.into(), how, request.time);
        Ok(begun(&self.state.stacks[position]))
    }

    pub(super) fn update_stack(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let stack = &self.state.stacks[position];
        if !can_be_updated(&stack.status) {
            return Err(Refusal::validation(format!(
                "Stack:{} is in {} state and can not be updated.",
                stack.id, stack.status
            )));
        }
        let (inputs, wanted) = self.inputs(request, Some(&stack.inputs))?;
        let none = IndexMap::new();
        let goal = Goal {
            wanted: &wanted,
            parameters: &inputs.parameters,
            tags: &inputs.tags,
            imports: &none,
            reverts_drift: false,
            import_existing: false,
        };
        let found = plan(self, &self.state.stacks[position], &goal)?;
        if found.changes.is_empty() && !found.outputs_change {
            return Err(Refusal::validation("No updates are to be performed."));
        }
        let how = How {
            on_failure: if request.is("DisableRollback") {
                OnFailure::DoNothing
            } else {
                OnFailure::Rollback
            },
            token: request.token(),
            retain_except_on_create: request.is("RetainExceptOnCreate"),
        };
        self.begin(position, Kind::Update, inputs.into(), how, request.time);
        Ok(begun(&self.state.stacks[position]))
    }

    pub(super) fn delete_stack(&mut self, request: &Request<'_>) -> Answer {
        let name = request.required("StackName")?;
        let Some(position) = self.position(request.region, name) else {
            // What is not there is deleted.
            return Ok(json!({}));
        };
        let stack = &mut self.state.stacks[position];
        if stack.is_deleted() || stack.status == "DELETE_IN_PROGRESS" {
            return Ok(json!({}));
        }
        if stack.termination_protection {
            return Err(Refusal::validation(format!(
                "Stack [{}] cannot be deleted while TerminationProtection is enabled",
                stack.name
            )));
        }
        let is_moved = |refactor: &Refactor| {
            refactor.running.is_some() && refactor.stacks.iter().any(|side| side.id == stack.id)
        };
        let is_moved = self.state.refactors.iter().any(is_moved);
        if stack.is_in_progress()
            && (is_moved || !matches!(stack.status.as_str(), "CREATE_IN_PROGRESS" | "ROLLBACK_IN_PROGRESS"))
        {
            return Err(Refusal::validation(format!(
                "Stack [{}] cannot be deleted while in status {}",
                stack.name, stack.status
            )));
        }
        let retain = request.texts("RetainResources");
        if !retain.is_empty() && stack.status != "DELETE_FAILED" {
            return Err(Refusal::validation(format!(
                "Invalid operation on stack [{}]: RetainResources is only valid for stacks in DELETE_FAILED state",
                stack.id
            )));
        }
        let token = request.token();
        let exports: Vec<String> = stack.outputs.iter().filter_map(|output| output.export.clone()).collect();
        for export in exports {
            let users: Vec<&str> =
                self.importers(self.here(request.region), &export).map(|user| user.name.as_str()).collect();
            if !users.is_empty() {
                let reason =
                    format!("Export {export} cannot be deleted as it is in use by {}", users.join(", "));
                self.refuse_delete(position, token, request.time, reason);
                return Ok(json!({}));
            }
        }
        self.begin_delete(position, retain, token, request.time);
        Ok(json!({}))
    }

    pub(super) fn cancel_update_stack(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let stack = &self.state.stacks[position];
        if stack.status != "UPDATE_IN_PROGRESS" {
            return Err(Refusal::validation(format!(
                "CancelUpdateStack cannot be called from current stack status {}",
                stack.status
            )));
        }
        self.cancel(position, request.time);
        Ok(json!({}))
    }

    pub(super) fn continue_update_rollback(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let stack = &self.state.stacks[position];
        if stack.status != "UPDATE_ROLLBACK_FAILED" {
            return Err(Refusal::validation(format!(
                "Stack:{} is in {} state and can not continue rollback. Only stacks in UPDATE_ROLLBACK_FAILED state can.",
                stack.id, stack.status
            )));
        }
        let skip = request.texts("ResourcesToSkip");
        let strangers: Vec<&str> = skip
            .iter()
            .filter(|id| stack.resources.get(*id).is_none_or(|one| one.status != "UPDATE_FAILED"))
            .map(String::as_str)
            .collect();
        if !strangers.is_empty() {
            return Err(Refusal::validation(format!(
                "Resources [{}] are not in UPDATE_FAILED state and cannot be skipped",
                strangers.join(", ")
            )));
        }
        self.begin_rollback(position, skip, request.token(), request.time);
        Ok(json!({}))
    }

    pub(super) fn rollback_stack(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let stack = &self.state.stacks[position];
        if !matches!(stack.status.as_str(), "CREATE_FAILED" | "UPDATE_FAILED") {
            return Err(Refusal::validation(format!(
                "Rollback of Stack:{} cannot be called from current stack status {}",
                stack.id, stack.status
            )));
        }
        self.begin_rollback(position, Vec::new(), request.token(), request.time);
        Ok(begun(&self.state.stacks[position]))
    }

    pub(super) fn update_termination_protection(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        self.state.stacks[position].termination_protection = request.is("EnableTerminationProtection");
        Ok(json!({ "StackId": self.state.stacks[position].id }))
    }

    pub(super) fn set_stack_policy(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let policy = request.required("StackPolicyBody")?;
        serde_json::from_str::<Json>(policy)
            .map_err(|error| Refusal::validation(format!("Error validating stack policy: {error}")))?;
        self.state.stacks[position].policy = Some(policy.to_owned());
        Ok(json!({}))
    }

    pub(super) fn get_stack_policy(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        Ok(json!({ "StackPolicyBody": self.state.stacks[position].policy }))
    }

    pub(super) fn describe_stacks(&mut self, request: &Request<'_>) -> Answer {
        if let Some(name) = request.text("StackName") {
            let position = self.stack(request.region, name)?;
            return Ok(json!({ "Stacks": [stack_json(self, &self.state.stacks[position])] }));
        }
        let all = self.stacks_in(self.here(request.region));
        let stacks = all.map(|stack| stack_json(self, stack)).collect();
        let (stacks, next) = page(stacks, request.text("NextToken"), 100);
        Ok(json!({ "Stacks": stacks, "NextToken": next }))
    }

    pub(super) fn list_stacks(&mut self, request: &Request<'_>) -> Answer {
        let wanted = request.texts("StackStatusFilter");
        let summaries = self
            .state
            .stacks
            .iter()
            .filter(|stack| stack.home() == self.here(request.region))
            .filter(|stack| wanted.is_empty() || wanted.contains(&stack.status))
            .map(|stack| {
                json!({
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "CreationTime": written(stack.created),
                    "LastUpdatedTime": time_of(stack.updated),
                    "DeletionTime": time_of(stack.deleted),
                    "StackStatus": stack.status,
                    "StackStatusReason": said(&stack.reason),
                    "ParentId": stack.parent,
                })
            })
            .collect();
        let (summaries, next) = page(summaries, request.text("NextToken"), 100);
        Ok(json!({ "StackSummaries": summaries, "NextToken": next }))
    }
}

/// The answer to a call that has begun an operation.
fn begun(stack: &Stack) -> Json {
    json!({ "StackId": stack.id, "OperationId": stack.last_operation() })
}

fn stack_json(cloud: &Cloud, stack: &Stack) -> Json {
    let outputs: Vec<Json> = stack
        .outputs
        .iter()
        .map(|output| {
            json!({
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export,
            })
        })
        .collect();
    let operations: Vec<Json> = stack
        .shown_operations()
        .map(|(kind, id)| json!({ "OperationType": kind, "OperationId": id }))
        .collect();
    let wanted = cloud.wanted(&stack.inputs.template).ok();
    json!({
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.last_change_set,
        "Description": wanted.as_ref().and_then(|wanted| wanted.top("Description")),
        "Parameters": shown_parameters(wanted.as_deref(), &stack.inputs.parameters),
        "CreationTime": written(stack.created),
        "LastUpdatedTime": time_of(stack.updated),
        "DeletionTime": time_of(stack.deleted),
        "StackStatus": stack.status,
        "StackStatusReason": said(&stack.reason),
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": stack.inputs.notification_arns,
        "Capabilities": stack.inputs.capabilities,
        "Outputs": outputs,
        "RoleARN": stack.inputs.role,
        "Tags": tag_list(&stack.inputs.tags),
        "EnableTerminationProtection": stack.termination_protection,
        "ParentId": stack.parent,
        "DriftInformation": {
            "StackDriftStatus": stack.drift.as_ref().map_or("NOT_CHECKED", |drift| drift.status.as_str()),
        },
        "LastOperations": operations,
    })
}
