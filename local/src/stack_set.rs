//! Stack sets: the same stack in many accounts and regions. Its operations go region by region, and in each so many accounts
//! at a time as they may, until too many have failed.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::cloud::{Cloud, Home, Inputs, Millis, Stack, unique_id};
use crate::engine::{How, Kind, OnFailure};
use crate::inputs::{given, tags};
use crate::template::words;

/// The type of a stack set among resources.
pub(crate) const STACK_SET: &str = "AWS::CloudFormation::StackSet";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StackSet {
    /// The name, a colon, and what makes it unique.
    pub id: String,
    pub name: String,
    pub region: String,
    pub is_deleted: bool,
    /// Whether it is deleted as soon as nothing is in it: the resource that it is goes.
    pub is_leaving: bool,
    pub description: Option<String>,
    pub inputs: Inputs,
    /// What it has beside, as it was given: roles, the permission model and so on.
    pub settings: Map<String, Json>,
    pub instances: Vec<Instance>,
    /// The newest last.
    pub operations: Vec<SetOperation>,
}

/// A stack of a stack set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub account: String,
    pub region: String,
    /// The stack's ARN, as soon as there is one.
    pub stack: Option<String>,
    /// `CURRENT`, `OUTDATED`, `INOPERABLE`.
    pub status: String,
    pub reason: Option<String>,
    /// Values of its own.
    pub overrides: IndexMap<String, String>,
    /// What became of it last: an operation's id, and a result's status.
    pub last: (String, String),
}

impl StackSet {
    /// A stack set without anything in it.
    pub fn new(id: String, name: &str, region: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            region: region.to_owned(),
            is_deleted: false,
            is_leaving: false,
            description: None,
            inputs: Inputs::default(),
            settings: Map::new(),
            instances: Vec::new(),
            operations: Vec::new(),
        }
    }
}

impl Instance {
    pub fn home(&self) -> Home<'_> {
        Home { account: &self.account, region: &self.region }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
}

/// An operation on a stack set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetOperation {
    pub id: String,
    pub action: Action,
    /// `QUEUED`, `RUNNING`, `STOPPING`, `STOPPED`, `SUCCEEDED`, `FAILED`.
    pub status: String,
    pub created: Millis,
    pub ended: Option<Millis>,
    pub preferences: Json,
    /// Whether what it takes out of the set stays as a stack.
    pub retains: bool,
    /// In the order in which it comes to them.
    pub results: Vec<OperationResult>,
}

/// What an operation does in one account and region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OperationResult {
    pub account: String,
    pub region: String,
    /// `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED`, `CANCELLED`.
    pub status: String,
    pub reason: Option<String>,
}

impl OperationResult {
    fn home(&self) -> Home<'_> {
        Home { account: &self.account, region: &self.region }
    }
}

impl SetOperation {
    pub fn is_ended(&self) -> bool {
        matches!(self.status.as_str(), "SUCCEEDED" | "FAILED" | "STOPPED")
    }

    /// A count among the preferences, or a percentage of the accounts of a region.
    fn preferred(&self, name: &str, accounts: usize) -> Option<usize> {
        let number = |suffix: &str| words(&self.preferences[format!("{name}{suffix}")]).parse::<usize>().ok();
        number("Count").or_else(|| number("Percentage").map(|percent| accounts.saturating_mul(percent) / 100))
    }

    /// The results that may be begun now, as many as may run at a time.
    fn ready(&self) -> Vec<usize> {
        let is_parallel = self.preferences["RegionConcurrencyType"] == "PARALLEL";
        let mut regions: Vec<&str> = Vec::new();
        for one in &self.results {
            if !regions.contains(&one.region.as_str()) {
                regions.push(&one.region);
            }
        }
        let mut ready = Vec::new();
        for region in regions {
            let inside = || self.results.iter().enumerate().filter(|(_, one)| one.region == region);
            let count = |status: &str| inside().filter(|(_, one)| one.status == status).count();
            let accounts = inside().count();
            let most = self.preferred("MaxConcurrent", accounts).unwrap_or(1).max(1);
            let pending = inside().filter(|(_, one)| one.status == "PENDING").map(|(number, _)| number);
            ready.extend(pending.take(most.saturating_sub(count("RUNNING"))));
            let is_busy = count("RUNNING") + count("PENDING") > 0;
            if is_busy && !is_parallel {
                break;
            }
        }
        ready
    }

    /// Whether more accounts of a region have failed than may.
    fn is_over(&self) -> bool {
        self.results.iter().any(|one| {
            let inside = || self.results.iter().filter(|other| other.region == one.region);
            let tolerated = self.preferred("FailureTolerance", inside().count()).unwrap_or(0);
            inside().filter(|other| other.status == "FAILED").count() > tolerated
        })
    }
}

/// What a stack set is told to do.
pub(crate) struct Order {
    pub id: String,
    pub action: Action,
    pub homes: Vec<(String, String)>,
    pub preferences: Json,
    pub retains: bool,
}

impl Cloud {
    /// Gives a stack set something to do, as soon as it has nothing else to do. Regions come in the preferred order, else in
    /// the one in which they are named.
    pub fn order(&mut self, set: usize, order: Order, time: Millis) {
        let Order { id, action, mut homes, preferences, retains } = order;
        let preferred: Vec<String> =
            preferences["RegionOrder"].as_array().into_iter().flatten().map(words).collect();
        homes.sort_by_key(|(_, region)| preferred.iter().position(|one| one == region));
        let results = homes
            .into_iter()
            .map(|(account, region)| OperationResult {
                account,
                region,
                status: "PENDING".into(),
                reason: None,
            })
            .collect();
        self.state.stack_sets[set].operations.push(SetOperation {
            id,
            action,
            status: "QUEUED".into(),
            created: time,
            ended: None,
            preferences,
            retains,
            results,
        });
    }

    /// Brings every stack set up to a moment; whether anything has happened.
    pub fn advance_stack_sets(&mut self, now: Millis) -> bool {
        let mut moved = false;
        for set in 0..self.state.stack_sets.len() {
            let operations = &self.state.stack_sets[set].operations;
            if let Some(number) = operations.iter().position(|one| !one.is_ended()) {
                moved |= self.advance_operation(set, number, now);
            }
        }
        moved
    }

    fn operation(&mut self, set: usize, number: usize) -> &mut SetOperation {
        &mut self.state.stack_sets[set].operations[number]
    }

    fn advance_operation(&mut self, set: usize, number: usize, now: Millis) -> bool {
        let mut moved = false;
        if self.operation(set, number).status == "QUEUED" {
            self.operation(set, number).status = "RUNNING".into();
            moved = true;
        }
        for result in 0..self.operation(set, number).results.len() {
            if self.operation(set, number).results[result].status == "RUNNING" {
                moved |= self.end_result(set, number, result);
            }
        }
        let operation = self.operation(set, number);
        let ends = match operation.status.as_str() {
            "STOPPING" => Some("Cancelled by user"),
            _ => operation.is_over().then_some("Cancelled since failure tolerance has exceeded"),
        };
        if let Some(reason) = ends {
            for one in operation.results.iter_mut().filter(|one| one.status == "PENDING") {
                one.status = "CANCELLED".into();
                one.reason = Some(reason.into());
                moved = true;
            }
        }
        for result in self.operation(set, number).ready() {
            self.begin_result(set, number, result, now);
            moved = true;
        }
        let operation = self.operation(set, number);
        if operation.results.iter().all(|one| !matches!(one.status.as_str(), "PENDING" | "RUNNING")) {
            operation.status = match operation.status.as_str() {
                "STOPPING" => "STOPPED",
                _ if operation.is_over() => "FAILED",
                _ => "SUCCEEDED",
            }
            .to_owned();
            operation.ended = Some(now);
            let set = &mut self.state.stack_sets[set];
            set.is_deleted |= set.is_leaving && set.instances.is_empty();
            moved = true;
        }
        moved
    }

    pub fn instance(&self, set: usize, home: Home<'_>) -> Option<usize> {
        self.state.stack_sets[set].instances.iter().position(|one| one.home() == home)
    }

    fn instance_stack(&self, set: usize, home: Home<'_>) -> Option<usize> {
        let instance = &self.state.stack_sets[set].instances[self.instance(set, home)?];
        self.position_of(instance.stack.as_deref()?)
    }

    /// Begins what an operation does in one account and region.
    fn begin_result(&mut self, set: usize, number: usize, result: usize, time: Millis) {
        let operation = self.operation(set, number).clone();
        let home = operation.results[result].clone();
        let home = home.home();
        self.operation(set, number).results[result].status = "RUNNING".into();
        let present =
            self.instance_stack(set, home).filter(|position| !self.state.stacks[*position].is_deleted());
        if operation.action == Action::Delete {
            match present.filter(|_| !operation.retains) {
                Some(position) => self.begin_delete(position, Vec::new(), None, time),
                None => self.leave(set, number, result),
            }
            return;
        }
        let inputs = match self.inputs_of(set, home) {
            Ok(inputs) => inputs,
            Err(reason) => return self.fail_result(set, number, result, reason),
        };
        let how = How { on_failure: OnFailure::Rollback, token: None, retain_except_on_create: false };
        // What never came to be cannot be changed: it makes room.
        let is_remains =
            |stack: &Stack| stack.status.starts_with("ROLLBACK_") || stack.status == "CREATE_FAILED";
        match present {
            Some(position) if is_remains(&self.state.stacks[position]) => {
                self.begin_delete(position, Vec::new(), None, time);
                self.create_instance(set, home, inputs, how, time);
            }
            Some(position) => {
                if self.state.stacks[position].inputs.make_the_same(&inputs) {
                    self.set_result(set, number, result, ("SUCCEEDED", "CURRENT"), None);
                } else {
                    self.begin(position, Kind::Update, inputs.into(), how, time);
                }
            }
            None => self.create_instance(set, home, inputs, how, time),
        }
    }

    fn create_instance(&mut self, set: usize, home: Home<'_>, inputs: Inputs, how: How, time: Millis) {
        let name = format!("StackSet-{}-{}", self.state.stack_sets[set].name, unique_id());
        let position = self.add_stack(&name, home, time);
        self.begin(position, Kind::Create, inputs.into(), how, time);
        let id = self.state.stacks[position].id.clone();
        if let Some(number) = self.instance(set, home) {
            self.state.stack_sets[set].instances[number].stack = Some(id);
        }
    }

    /// What the stack of an instance is made from: the set's inputs with values of its own.
    fn inputs_of(&self, set: usize, home: Home<'_>) -> Result<Inputs, String> {
        let set_of = &self.state.stack_sets[set];
        let mut values = set_of.inputs.parameters.clone();
        if let Some(number) = self.instance(set, home) {
            values.extend(set_of.instances[number].overrides.clone());
        }
        let given = given(values.iter().map(|(key, value)| (key.as_str(), value.clone())));
        let template = set_of.inputs.given().to_owned();
        let made = self.made_from(home, template, &given, &set_of.inputs);
        made.map(|(inputs, _)| inputs).map_err(|refusal| refusal.message)
    }

    /// Ends what an operation does in one account and region, if the stack has come to its end.
    fn end_result(&mut self, set: usize, number: usize, result: usize) -> bool {
        let home = self.operation(set, number).results[result].clone();
        let Some(position) = self.instance_stack(set, home.home()) else { return false };
        let stack = &self.state.stacks[position];
        if stack.is_in_progress() {
            return false;
        }
        match (self.state.stack_sets[set].operations[number].action, stack.status.as_str()) {
            (Action::Delete, "DELETE_COMPLETE") => self.leave(set, number, result),
            (Action::Create | Action::Update, "CREATE_COMPLETE" | "UPDATE_COMPLETE") => {
                self.set_result(set, number, result, ("SUCCEEDED", "CURRENT"), None);
            }
            _ => {
                let reason = first_failure(stack);
                self.fail_result(set, number, result, reason);
            }
        }
        true
    }

    fn fail_result(&mut self, set: usize, number: usize, result: usize, reason: String) {
        let is_stuck = self.operation(set, number).action == Action::Delete;
        let status = if is_stuck { "INOPERABLE" } else { "OUTDATED" };
        self.set_result(set, number, result, ("FAILED", status), Some(reason));
    }

    fn set_result(
        &mut self,
        set: usize,
        number: usize,
        result: usize,
        (status, of_instance): (&str, &str),
        reason: Option<String>,
    ) {
        let operation = self.operation(set, number);
        let id = operation.id.clone();
        let one = &mut operation.results[result];
        one.status = status.to_owned();
        one.reason.clone_from(&reason);
        let one = one.clone();
        if let Some(instance) = self.instance(set, one.home()) {
            let instance = &mut self.state.stack_sets[set].instances[instance];
            instance.status = of_instance.to_owned();
            instance.reason = reason;
            instance.last = (id, one.status);
        }
    }

    /// An instance leaves the set.
    fn leave(&mut self, set: usize, number: usize, result: usize) {
        self.set_result(set, number, result, ("SUCCEEDED", "CURRENT"), None);
        let home = self.operation(set, number).results[result].clone();
        self.state.stack_sets[set].instances.retain(|one| one.home() != home.home());
    }

    /// Brings a stack set to what a resource of a template says; without properties, out of the world. The operations that do
    /// it.
    pub fn follow_resource(
        &mut self,
        id: &str,
        region: &str,
        properties: Option<&Map<String, Json>>,
        time: Millis,
    ) -> Result<Vec<String>, String> {
        let none = Map::new();
        let is_gone = properties.is_none();
        let properties = properties.unwrap_or(&none);
        let found = self.state.stack_sets.iter().position(|set| set.id == id);
        let set = match found {
            Some(set) => set,
            None if is_gone => return Ok(Vec::new()),
            None => {
                let name = properties.get("StackSetName").map(words).unwrap_or_default();
                self.state.stack_sets.push(StackSet::new(id.to_owned(), &name, region));
                self.state.stack_sets.len() - 1
            }
        };
        let before = self.state.stack_sets[set].inputs.clone();
        if !is_gone {
            let inputs = self.inputs_of_resource(self.here(region), properties)?;
            let all = &mut self.state.stack_sets[set];
            all.inputs = inputs;
            all.description = properties.get("Description").map(words);
            all.settings = settings(properties);
        }
        let wanted = self.wanted_instances(properties);
        let preferences = properties.get("OperationPreferences").cloned().unwrap_or_default();
        let inputs = &self.state.stack_sets[set].inputs;
        let is_changed = !before.make_the_same(inputs);
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        for one in &mut self.state.stack_sets[set].instances {
            let home = (one.account.clone(), one.region.clone());
            match wanted.get(&home) {
                None => gone.push(home),
                Some(overrides) => {
                    if is_changed || one.overrides != *overrides || one.status != "CURRENT" {
                        one.overrides.clone_from(overrides);
                        changed.push(home);
                    }
                }
            }
        }
        let is_there =
            |(account, region): &(String, String)| self.instance(set, Home { account, region }).is_some();
        let new: Vec<_> = wanted.into_iter().filter(|(home, _)| !is_there(home)).collect();
        let added: Vec<_> = new.iter().map(|(home, _)| home.clone()).collect();
        for (home, overrides) in new {
            self.add_instance(set, home, overrides);
        }
        let mut ids = Vec::new();
        for (action, homes) in [(Action::Delete, gone), (Action::Update, changed), (Action::Create, added)] {
            if !homes.is_empty() {
                let id = unique_id();
                let order =
                    Order { id: id.clone(), action, homes, preferences: preferences.clone(), retains: false };
                self.order(set, order, time);
                ids.push(id);
            }
        }
        let set = &mut self.state.stack_sets[set];
        set.is_leaving = is_gone;
        set.is_deleted |= is_gone && set.instances.is_empty();
        Ok(ids)
    }

    pub fn add_instance(
        &mut self,
        set: usize,
        (account, region): (String, String),
        overrides: IndexMap<String, String>,
    ) {
        self.state.stack_sets[set].instances.push(Instance {
            account,
            region,
            stack: None,
            status: "OUTDATED".into(),
            reason: None,
            overrides,
            last: (String::new(), "PENDING".into()),
        });
    }

    fn inputs_of_resource(&self, home: Home<'_>, properties: &Map<String, Json>) -> Result<Inputs, String> {
        let text = |name: &str| properties.get(name).map(words);
        let list = |name: &str| properties.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
        let template = match text("TemplateURL") {
            Some(url) => self.object_of_url(&url).map_err(|refusal| refusal.message)?,
            None => text("TemplateBody").unwrap_or_default(),
        };
        let before = Inputs {
            tags: tags(&list("Tags")),
            capabilities: list("Capabilities").iter().map(words).collect(),
            ..Inputs::default()
        };
        let made =
            self.made_from(home, template, &list("Parameters"), &before).and_then(|(inputs, wanted)| {
                wanted.check_capabilities(&inputs.capabilities)?;
                Ok(inputs)
            });
        made.map_err(|refusal| refusal.message)
    }

    /// The accounts and regions that a resource names, with their own values.
    fn wanted_instances(
        &self,
        properties: &Map<String, Json>,
    ) -> IndexMap<(String, String), IndexMap<String, String>> {
        let mut wanted = IndexMap::new();
        let groups = properties.get("StackInstancesGroup").and_then(Json::as_array);
        for group in groups.into_iter().flatten() {
            let overrides =
                overrides(group["ParameterOverrides"].as_array().map(Vec::as_slice).unwrap_or_default());
            let regions = group["Regions"].as_array().into_iter().flatten().map(words);
            for region in regions {
                for account in self.accounts(&group["DeploymentTargets"]) {
                    wanted.insert((account, region.clone()), overrides.clone());
                }
            }
        }
        wanted
    }

    /// The accounts of deployment targets. No organization is rehearsed: a unit is the endpoint's own account.
    pub fn accounts(&self, targets: &Json) -> Vec<String> {
        let named: Vec<String> = targets["Accounts"].as_array().into_iter().flatten().map(words).collect();
        match named.is_empty() && targets["OrganizationalUnitIds"].is_array() {
            true => vec![self.settings.account.clone()],
            false => named,
        }
    }

    /// When the operations of a stack set ended, if they have.
    pub fn operations_end(&self, ids: &[String]) -> Option<Millis> {
        let ended = self.operations_of(ids).map(|operation| operation.ended);
        ended.collect::<Option<Vec<_>>>().map(|all| all.into_iter().max().unwrap_or(0))
    }

    /// Why operations of a stack set did not go well, if so.
    pub fn operations_failure(&self, ids: &[String]) -> Option<String> {
        let failed = self.operations_of(ids).find(|operation| operation.status != "SUCCEEDED")?;
        let first = failed.results.iter().find(|result| result.status == "FAILED");
        let reason = first.map(|result| {
            let why = result.reason.as_deref().unwrap_or_default();
            format!("Account [{}], Region [{}]: {why}", result.account, result.region)
        });
        Some(format!("Stack set operation {} {}. {}", failed.id, failed.status, reason.unwrap_or_default()))
    }

    fn operations_of<'c>(&'c self, ids: &'c [String]) -> impl Iterator<Item = &'c SetOperation> {
        let all = self.state.stack_sets.iter().flat_map(|set| &set.operations);
        all.filter(|operation| ids.contains(&operation.id))
    }
}

/// What a stack set has beside its inputs.
const SETTINGS: [&str; 5] =
    ["AdministrationRoleARN", "ExecutionRoleName", "PermissionModel", "AutoDeployment", "ManagedExecution"];

/// Those of them that a request or a resource gives.
pub(crate) fn settings(given: &Map<String, Json>) -> Map<String, Json> {
    let named = SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), given.get(*name)?.clone())));
    named.collect()
}

pub(crate) fn overrides(given: &[Json]) -> IndexMap<String, String> {
    given.iter().map(|one| (words(&one["ParameterKey"]), words(&one["ParameterValue"]))).collect()
}

/// Why a stack of a set failed, in the words of the set.
fn first_failure(stack: &Stack) -> String {
    let failed = stack.events.iter().rev().take_while(|event| {
        !(event.physical_id == stack.id && event.reason.as_deref() == Some("User Initiated"))
    });
    let is_cause = |reason: &str| !reason.contains("cancelled");
    let first = failed
        .filter(|event| event.status.ends_with("_FAILED") && event.physical_id != stack.id)
        .filter(|event| event.reason.as_deref().is_some_and(is_cause))
        .last();
    match first {
        Some(event) => format!(
            "ResourceLogicalId:{}, ResourceType:{}, ResourceStatusReason:{}.",
            event.logical_id,
            event.type_name,
            event.reason.as_deref().unwrap_or_default()
        ),
        None => stack.reason.clone(),
    }
}
