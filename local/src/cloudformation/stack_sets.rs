//! Stack sets.

use serde_json::{Value as Json, json};

use super::change_sets::shown_parameters;
use super::{Answer, Request, page, said, tag_list, time_of};
use crate::cloud::{Cloud, Home, unique_id, written};
use crate::error::Refusal;
use crate::stack_set::{Action, Instance, Order, SetOperation, StackSet, overrides, settings};
use crate::template::words;

/// How many items a page has.
const PAGE: usize = 100;

impl Cloud {
    /// A stack set by its name or id.
    fn stack_set(&self, request: &Request<'_>) -> Result<usize, Refusal> {
        let name = request.required("StackSetName")?;
        let is_it = |set: &StackSet| {
            set.id == name || (set.name == name && set.region == request.region && !set.is_deleted)
        };
        self.state.stack_sets.iter().position(is_it).ok_or_else(|| {
            Refusal::new("StackSetNotFoundException", format!("StackSet {name} not found")).status(404)
        })
    }

    pub(super) fn create_stack_set(&mut self, request: &Request<'_>) -> Answer {
        let name = request.new_name("StackSetName")?;
        if self.stack_set(request).is_ok() {
            let message = format!("The name '{name}' is already in use by another stack set.");
            return Err(Refusal::new("NameAlreadyExistsException", message).status(409));
        }
        let (inputs, _) = self.inputs(request, None)?;
        let set = StackSet {
            description: request.text("Description").map(str::to_owned),
            inputs,
            settings: settings(&request.form),
            ..StackSet::new(format!("{name}:{}", unique_id()), name, request.region)
        };
        let answer = json!({ "StackSetId": set.id });
        self.state.stack_sets.push(set);
        Ok(answer)
    }

    pub(super) fn update_stack_set(&mut self, request: &Request<'_>) -> Answer {
        let set = self.idle_stack_set(request)?;
        let before = self.state.stack_sets[set].inputs.clone();
        let (inputs, _) = self.inputs(request, Some(&before))?;
        let homes = match (self.asked_accounts(request), request.texts("Regions")) {
            (Some(accounts), regions) => crossed(&accounts, &regions),
            (None, _) => homes(&self.state.stack_sets[set].instances),
        };
        let all = &mut self.state.stack_sets[set];
        all.inputs = inputs;
        all.settings.extend(settings(&request.form));
        if let Some(description) = request.text("Description") {
            all.description = Some(description.to_owned());
        }
        for one in &mut all.instances {
            one.status = "OUTDATED".into();
        }
        self.ordered(set, request, Action::Update, homes)
    }

    pub(super) fn delete_stack_set(&mut self, request: &Request<'_>) -> Answer {
        let set = self.idle_stack_set(request)?;
        let set = &mut self.state.stack_sets[set];
        if !set.instances.is_empty() {
            return Err(Refusal::new("StackSetNotEmptyException", "StackSet is not empty").status(409));
        }
        set.is_deleted = true;
        Ok(json!({}))
    }

    pub(super) fn create_stack_instances(&mut self, request: &Request<'_>) -> Answer {
        let set = self.idle_stack_set(request)?;
        let homes = self.asked_homes(request)?;
        for home in &homes {
            if self.instance(set, at(home)).is_none() {
                self.add_instance(set, home.clone(), overrides(request.list("ParameterOverrides")));
            }
        }
        self.ordered(set, request, Action::Create, homes)
    }

    pub(super) fn update_stack_instances(&mut self, request: &Request<'_>) -> Answer {
        let set = self.idle_stack_set(request)?;
        let homes = self.asked_homes(request)?;
        for home in &homes {
            self.instance_at(set, home)?;
        }
        let given = overrides(request.list("ParameterOverrides"));
        for one in &mut self.state.stack_sets[set].instances {
            if homes.iter().any(|home| one.home() == at(home)) {
                one.overrides.extend(given.clone());
            }
        }
        self.ordered(set, request, Action::Update, homes)
    }

    pub(super) fn delete_stack_instances(&mut self, request: &Request<'_>) -> Answer {
        let set = self.idle_stack_set(request)?;
        let mut homes = self.asked_homes(request)?;
        // What is not in the set has left it.
        homes.retain(|home| self.instance_at(set, home).is_ok());
        self.ordered(set, request, Action::Delete, homes)
    }

    /// A stack set on which an operation can be begun: none runs, unless it manages them itself.
    fn idle_stack_set(&self, request: &Request<'_>) -> Result<usize, Refusal> {
        let number = self.stack_set(request)?;
        let set = &self.state.stack_sets[number];
        let manages = words(&set.settings.get("ManagedExecution").unwrap_or(&Json::Null)["Active"]) == "true";
        if let Some(busy) = set.operations.iter().find(|one| !one.is_ended() && !manages) {
            return Err(Refusal::new(
                "OperationInProgressException",
                format!("Another Operation on StackSet {} is in progress: {}", set.id, busy.id),
            )
            .status(409));
        }
        Ok(number)
    }

    /// Begins an operation; a call with an id that is known is that one again.
    fn ordered(
        &mut self,
        set: usize,
        request: &Request<'_>,
        action: Action,
        homes: Vec<(String, String)>,
    ) -> Answer {
        let id = request.text("OperationId").map_or_else(unique_id, str::to_owned);
        if self.state.stack_sets[set].operations.iter().any(|one| one.id == id) {
            let message = format!("OperationId {id} already exists");
            return Err(Refusal::new("OperationIdAlreadyExistsException", message).status(409));
        }
        let order = Order {
            id: id.clone(),
            action,
            homes,
            preferences: request.form.get("OperationPreferences").cloned().unwrap_or_default(),
            retains: request.is("RetainStacks"),
        };
        self.order(set, order, request.time);
        Ok(json!({ "OperationId": id }))
    }

    /// The accounts that a request names, if it names any.
    fn asked_accounts(&self, request: &Request<'_>) -> Option<Vec<String>> {
        let named = request.texts("Accounts");
        match request.form.get("DeploymentTargets") {
            Some(targets) => Some(self.accounts(targets)),
            None => (!named.is_empty()).then_some(named),
        }
    }

    fn asked_homes(&self, request: &Request<'_>) -> Result<Vec<(String, String)>, Refusal> {
        let accounts = self
            .asked_accounts(request)
            .ok_or_else(|| Refusal::validation("Either Accounts or DeploymentTargets must be specified"))?;
        Ok(crossed(&accounts, &request.texts("Regions")))
    }

    fn instance_at(&self, set: usize, home: &(String, String)) -> Result<&Instance, Refusal> {
        let found = self.instance(set, at(home));
        let set = &self.state.stack_sets[set];
        found.map(|number| &set.instances[number]).ok_or_else(|| {
            let message = format!("Stack instance not found: {}, {}, {}", set.name, home.0, home.1);
            Refusal::new("StackInstanceNotFoundException", message).status(404)
        })
    }

    pub(super) fn describe_stack_set(&mut self, request: &Request<'_>) -> Answer {
        let set = &self.state.stack_sets[self.stack_set(request)?];
        let wanted = self.wanted(&set.inputs.template).ok();
        let Home { account, region } = self.here(&set.region);
        let mut shown = set_json(set);
        shown["StackSetARN"] =
            format!("arn:aws:cloudformation:{region}:{account}:stackset/{}", set.id).into();
        shown["TemplateBody"] = set.inputs.given().into();
        shown["Parameters"] = shown_parameters(wanted.as_deref(), &set.inputs.parameters);
        shown["Capabilities"] = json!(set.inputs.capabilities);
        shown["Tags"] = tag_list(&set.inputs.tags);
        let mut regions: Vec<&str> = set.instances.iter().map(|one| one.region.as_str()).collect();
        regions.dedup();
        shown["Regions"] = json!(regions);
        Ok(json!({ "StackSet": shown }))
    }

    pub(super) fn list_stack_sets(&mut self, request: &Request<'_>) -> Answer {
        let wanted = request.text("Status");
        let here = self.state.stack_sets.iter().filter(|set| set.region == request.region);
        let summaries = here
            .map(set_json)
            .filter(|set| wanted.is_none_or(|status| set["Status"] == status))
            .map(|mut set| {
                for name in ["AdministrationRoleARN", "ExecutionRoleName"] {
                    set[name] = Json::Null;
                }
                set
            })
            .collect();
        let (summaries, next) = page(summaries, request.text("NextToken"), PAGE);
        Ok(json!({ "Summaries": summaries, "NextToken": next }))
    }

    pub(super) fn list_stack_instances(&mut self, request: &Request<'_>) -> Answer {
        let set = &self.state.stack_sets[self.stack_set(request)?];
        let is_asked = |name: &str, value: &str| request.text(name).is_none_or(|asked| asked == value);
        let summaries = set
            .instances
            .iter()
            .filter(|one| is_asked("StackInstanceAccount", &one.account))
            .filter(|one| is_asked("StackInstanceRegion", &one.region))
            .map(|one| instance_json(set, one))
            .collect();
        let (summaries, next) = page(summaries, request.text("NextToken"), PAGE);
        Ok(json!({ "Summaries": summaries, "NextToken": next }))
    }

    pub(super) fn describe_stack_instance(&mut self, request: &Request<'_>) -> Answer {
        let number = self.stack_set(request)?;
        let home = (
            request.required("StackInstanceAccount")?.to_owned(),
            request.required("StackInstanceRegion")?.to_owned(),
        );
        let instance = self.instance_at(number, &home)?;
        let set = &self.state.stack_sets[number];
        let mut shown = instance_json(set, instance);
        let wanted = self.wanted(&set.inputs.template).ok();
        shown["ParameterOverrides"] = shown_parameters(wanted.as_deref(), &instance.overrides);
        Ok(json!({ "StackInstance": shown }))
    }

    /// The operation that a request names.
    fn set_operation(&self, request: &Request<'_>) -> Result<(usize, usize), Refusal> {
        let set = self.stack_set(request)?;
        let id = request.required("OperationId")?;
        let operation = self.state.stack_sets[set].operations.iter().position(|one| one.id == id);
        let missing =
            || Refusal::new("OperationNotFoundException", format!("Operation {id} not found")).status(404);
        Ok((set, operation.ok_or_else(missing)?))
    }

    pub(super) fn describe_stack_set_operation(&mut self, request: &Request<'_>) -> Answer {
        let (set, number) = self.set_operation(request)?;
        let set = &self.state.stack_sets[set];
        let operation = &set.operations[number];
        let mut shown = operation_json(operation);
        shown["StackSetId"] = set.id.as_str().into();
        if operation.action == Action::Delete {
            shown["RetainStacks"] = operation.retains.into();
        }
        for name in ["AdministrationRoleARN", "ExecutionRoleName"] {
            shown[name] = set.settings.get(name).cloned().unwrap_or_default();
        }
        Ok(json!({ "StackSetOperation": shown }))
    }

    pub(super) fn list_stack_set_operations(&mut self, request: &Request<'_>) -> Answer {
        let set = &self.state.stack_sets[self.stack_set(request)?];
        let all = set.operations.iter().rev().map(operation_json).collect();
        let (summaries, next) = page(all, request.text("NextToken"), PAGE);
        Ok(json!({ "Summaries": summaries, "NextToken": next }))
    }

    pub(super) fn list_stack_set_operation_results(&mut self, request: &Request<'_>) -> Answer {
        let (set, number) = self.set_operation(request)?;
        let results = &self.state.stack_sets[set].operations[number].results;
        let all = results
            .iter()
            .map(|one| {
                json!({
                    "Account": one.account,
                    "Region": one.region,
                    "Status": one.status,
                    "StatusReason": one.reason,
                    "AccountGateResult": {
                        "Status": "SKIPPED",
                        "StatusReason": format!(
                            "Function not found: arn:aws:lambda:{}:{}:function:AWSCloudFormationStackSetAccountGate",
                            one.region, one.account
                        ),
                    },
                })
            })
            .collect();
        let (summaries, next) = page(all, request.text("NextToken"), PAGE);
        Ok(json!({ "Summaries": summaries, "NextToken": next }))
    }

    pub(super) fn stop_stack_set_operation(&mut self, request: &Request<'_>) -> Answer {
        let (set, number) = self.set_operation(request)?;
        let operation = &mut self.state.stack_sets[set].operations[number];
        if operation.is_ended() {
            let message = format!("Operation {} is {} and cannot be stopped", operation.id, operation.status);
            return Err(Refusal::new("InvalidOperationException", message));
        }
        operation.status = "STOPPING".into();
        Ok(json!({}))
    }
}

fn at((account, region): &(String, String)) -> Home<'_> {
    Home { account, region }
}

fn homes(instances: &[Instance]) -> Vec<(String, String)> {
    instances.iter().map(|one| (one.account.clone(), one.region.clone())).collect()
}

/// Every account in every region.
fn crossed(accounts: &[String], regions: &[String]) -> Vec<(String, String)> {
    let inside = |region: &String| {
        accounts.iter().map(|account| (account.clone(), region.clone())).collect::<Vec<_>>()
    };
    regions.iter().flat_map(inside).collect()
}

fn set_json(set: &StackSet) -> Json {
    let mut shown = json!({
        "StackSetName": set.name,
        "StackSetId": set.id,
        "Description": set.description,
        "Status": if set.is_deleted { "DELETED" } else { "ACTIVE" },
        "PermissionModel": "SELF_MANAGED",
    });
    for (name, value) in &set.settings {
        shown[name.as_str()] = value.clone();
    }
    shown
}

fn instance_json(set: &StackSet, one: &Instance) -> Json {
    let (operation, result) = &one.last;
    json!({
        "StackSetId": set.id,
        "Region": one.region,
        "Account": one.account,
        "StackId": one.stack,
        "Status": one.status,
        "StatusReason": one.reason,
        "StackInstanceStatus": { "DetailedStatus": if one.status == "INOPERABLE" { "INOPERABLE" } else { result } },
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": said(operation),
    })
}

fn operation_json(operation: &SetOperation) -> Json {
    let failed = operation.results.iter().filter(|one| one.status == "FAILED").count();
    json!({
        "OperationId": operation.id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": written(operation.created),
        "EndTimestamp": time_of(operation.ended),
        "OperationPreferences": operation.preferences,
        "StatusDetails": { "FailedStackInstancesCount": failed },
    })
}
