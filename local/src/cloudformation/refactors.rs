//! Stack refactors.

use serde_json::{Value as Json, json};

use super::change_sets::can_be_updated;
use super::{Answer, Request, page};
use crate::cloud::{Cloud, unique_id};
use crate::error::Refusal;
use crate::refactor::{Definition, Move, Place, Refactor};
use crate::template::{Wanted, words};

/// How many refactors or actions a page has.
const PAGE: usize = 100;

impl Cloud {
    pub(super) fn create_stack_refactor(&mut self, request: &Request<'_>) -> Answer {
        let definitions = request.list("StackDefinitions");
        if definitions.is_empty() {
            request.required("StackDefinitions")?;
        }
        let (mut stacks, mut reason) = (Vec::new(), None);
        for one in definitions {
            match self.definition(request, one) {
                Ok(definition) => stacks.push(definition),
                Err(refusal) => reason = reason.or(Some(refusal.message)),
            }
        }
        let place = |one: &Json| {
            let name = words(&one["StackName"]);
            let position = self.position(request.region, &name);
            let stack = position.map_or(name, |position| self.state.stacks[position].id.clone());
            Place { stack, logical_id: words(&one["LogicalResourceId"]) }
        };
        let mappings: Vec<(Place, Place)> = request
            .list("ResourceMappings")
            .iter()
            .map(|one| (place(&one["Source"]), place(&one["Destination"])))
            .collect();
        let planned = match reason {
            Some(reason) => Err(reason),
            None => self.plan_refactor(stacks, &mappings),
        };
        let is_made = planned.is_ok();
        let (reason, (stacks, moves)) = match planned {
            Ok(planned) => (None, planned),
            Err(reason) => (Some(reason), Default::default()),
        };
        let refactor = Refactor {
            id: unique_id(),
            region: request.region.to_owned(),
            description: request.text("Description").map(str::to_owned),
            ready: request.time + self.settings.change_set_time,
            status: if is_made { "CREATE_COMPLETE" } else { "CREATE_FAILED" }.into(),
            reason,
            execution: if is_made { "AVAILABLE" } else { "UNAVAILABLE" }.into(),
            execution_reason: None,
            stacks,
            moves,
            running: None,
        };
        let answer = json!({ "StackRefactorId": refactor.id });
        self.state.refactors.push(refactor);
        Ok(answer)
    }

    /// A stack as a request wants it; one that is not there is begun, if it may be.
    fn definition(&mut self, request: &Request<'_>, one: &Json) -> Result<Definition, Refusal> {
        let name = words(&one["StackName"]);
        let found = self.position(request.region, &name);
        let may_be_made = request.is("EnableStackCreation");
        let position = match found {
            Some(position) => position,
            None if may_be_made => {
                let position = self.add_own_stack(&name, request);
                self.review(position, request.time);
                position
            }
            None => return Err(Refusal::validation(format!("Stack [{name}] does not exist"))),
        };
        let stack = &self.state.stacks[position];
        let is_new = stack.status == "REVIEW_IN_PROGRESS" && may_be_made;
        let refused = |message: String| Refusal::validation(format!("{}: {message}", stack.id));
        if !is_new && !can_be_updated(&stack.status) {
            return Err(refused(format!("Stack is in {} state and can not be updated.", stack.status)));
        }
        let given = Request {
            region: request.region,
            form: one.as_object().cloned().unwrap_or_default(),
            time: request.time,
        };
        let template = self.template_of(&given, None).map_err(|refusal| refused(refusal.message))?;
        let before = &stack.inputs;
        // A refactor gives no values: they stay.
        let kept: Vec<Json> = Wanted::read(&template)
            .map_err(|refusal| refused(refusal.message))?
            .section("Parameters")
            .filter(|(name, _)| before.parameters.contains_key(*name))
            .map(|(name, _)| json!({ "ParameterKey": name, "UsePreviousValue": "true" }))
            .collect();
        let (inputs, wanted) = self
            .made_from(stack.home(), template, &kept, before)
            .map_err(|refusal| refused(refusal.message))?;
        Ok(Definition { position, is_new, inputs, wanted })
    }

    fn refactor(&self, request: &Request<'_>) -> Result<usize, Refusal> {
        let id = request.required("StackRefactorId")?;
        self.state.refactors.iter().position(|one| one.id == id && one.region == request.region).ok_or_else(
            || {
                Refusal::new("StackRefactorNotFoundException", format!("Stack refactor {id} does not exist"))
                    .status(404)
            },
        )
    }

    /// A refactor as it is shown; what waits may have become obsolete.
    fn refactor_json(&self, request: &Request<'_>, refactor: &Refactor) -> Json {
        let is_ready = refactor.ready <= request.time;
        let obsolete = self.outdated_by(refactor).filter(|_| refactor.execution == "AVAILABLE");
        let (execution, reason) = match obsolete {
            _ if !is_ready => ("UNAVAILABLE", None),
            Some(reason) => ("OBSOLETE", Some(reason)),
            None => (refactor.execution.as_str(), refactor.execution_reason.clone()),
        };
        json!({
            "StackRefactorId": refactor.id,
            "Description": refactor.description,
            "ExecutionStatus": execution,
            "ExecutionStatusReason": reason,
            "Status": if is_ready { refactor.status.as_str() } else { "CREATE_IN_PROGRESS" },
            "StatusReason": refactor.reason.as_ref().filter(|_| is_ready),
        })
    }

    pub(super) fn describe_stack_refactor(&mut self, request: &Request<'_>) -> Answer {
        let refactor = &self.state.refactors[self.refactor(request)?];
        let mut answer = self.refactor_json(request, refactor);
        answer["StackIds"] = refactor.stacks.iter().map(|side| Json::from(side.id.as_str())).collect();
        Ok(answer)
    }

    pub(super) fn execute_stack_refactor(&mut self, request: &Request<'_>) -> Answer {
        let number = self.refactor(request)?;
        let refactor = &self.state.refactors[number];
        let shown = self.refactor_json(request, refactor);
        if shown["ExecutionStatus"] != "AVAILABLE" {
            return Err(Refusal::validation(format!(
                "Stack refactor {} cannot be executed in its current execution status of [{}]",
                refactor.id,
                words(&shown["ExecutionStatus"])
            )));
        }
        self.begin_refactor(number, request.time);
        Ok(json!({}))
    }

    pub(super) fn list_stack_refactors(&mut self, request: &Request<'_>) -> Answer {
        let wanted = request.texts("ExecutionStatusFilter");
        let all = self.state.refactors.iter().filter(|one| one.region == request.region);
        let summaries = all
            .map(|refactor| self.refactor_json(request, refactor))
            .filter(|one| wanted.is_empty() || wanted.iter().any(|status| one["ExecutionStatus"] == *status))
            .collect();
        let (summaries, next) = page(summaries, request.text("NextToken"), PAGE);
        Ok(json!({ "StackRefactorSummaries": summaries, "NextToken": next }))
    }

    pub(super) fn list_stack_refactor_actions(&mut self, request: &Request<'_>) -> Answer {
        let refactor = &self.state.refactors[self.refactor(request)?];
        let made = refactor.stacks.iter().filter(|side| side.is_new).map(|side| {
            json!({ "Action": "CREATE", "Entity": "STACK", "PhysicalResourceId": side.id, "Description": "Stack will be created." })
        });
        let actions = made.chain(refactor.moves.iter().map(|one| self.move_json(one))).collect();
        let (actions, next) = page(actions, request.text("NextToken"), PAGE);
        Ok(json!({ "StackRefactorActions": actions, "NextToken": next }))
    }

    fn move_json(&self, Move { from, to, is_manual }: &Move) -> Json {
        let name =
            |place: &Place| self.stack_of(&place.stack).map(|stack| stack.name.clone()).unwrap_or_default();
        let location =
            |place: &Place| json!({ "StackName": name(place), "LogicalResourceId": place.logical_id });
        // Before it has moved it is where it comes from, afterwards where it goes.
        let resource = self.at(from).or_else(|| self.at(to));
        let physical_id = resource.map(|one| one.physical_id.as_str()).unwrap_or_default();
        let tags = [
            ("aws:cloudformation:stack-name", name(to)),
            ("aws:cloudformation:logical-id", to.logical_id.clone()),
            ("aws:cloudformation:stack-id", to.stack.clone()),
        ];
        json!({
            "Action": "MOVE",
            "Entity": "RESOURCE",
            "PhysicalResourceId": physical_id,
            "ResourceIdentifier": physical_id,
            "Description": "No configuration changes detected.",
            "Detection": if *is_manual { "MANUAL" } else { "AUTO" },
            "TagResources": tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Vec<_>>(),
            "UntagResources": tags.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
            "ResourceMapping": { "Source": location(from), "Destination": location(to) },
        })
    }
}
