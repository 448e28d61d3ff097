//! The data of the endpoint: stacks, buckets, and the resources that deleted stacks have retained. This module contains only
//! functions that read and change the data. [`Store`] writes the data to a directory, so that a later process can continue with
//! the same state.

mod bucket;
mod change_set;
mod deployment_config;
mod hook;
mod objects;
mod operation;
mod parameter;
mod refactor;
mod seal;
mod stack;
mod stack_set;
mod stacks;
mod store;
mod time;

pub(crate) use self::bucket::*;
pub(crate) use self::change_set::*;
pub(crate) use self::deployment_config::DeploymentConfig;
pub(crate) use self::hook::*;
pub(crate) use self::objects::Content;
pub(crate) use self::operation::*;
pub(crate) use self::parameter::*;
pub(crate) use self::refactor::*;
pub(crate) use self::stack::*;
pub(crate) use self::stack_set::*;
pub(crate) use self::stacks::Stacks;
pub(crate) use self::store::Store;
pub(crate) use self::time::*;
pub(crate) use stackwright_schemas::status::{
    ChangeAction, ChangeSetStatus, ChangeSetType, DriftStatus, ExecutionStatus, OperationType, PolicyAction,
    RefactorExecutionStatus, Replacement, ResourceStatus, StackDriftStatus, StackInstanceStatus,
    StackRefactorStatus, StackSetOperationStatus, StackSetResultStatus, StackStatus,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// All data of the endpoint.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub stacks: Stacks,
    pub buckets: Buckets,
    pub rest: Rest,
    /// The number of requests by operation. It is not saved.
    pub requests: BTreeMap<String, usize>,
}

/// The part of the state that is small enough to be written as a whole.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rest {
    pub refactors: Vec<Refactor>,
    pub stack_sets: Vec<StackSet>,
    pub hook_results: Vec<HookResult>,
    /// Multipart uploads that are not completed, by their IDs.
    pub uploads: BTreeMap<String, Upload>,
    /// Retained resources, which belong to no stack.
    pub unowned: Vec<Resource>,
    /// SSM parameters that a caller has created, by region and name.
    pub parameters: BTreeMap<String, BTreeMap<String, Parameter>>,
    /// Secrets that a caller has created, by region and name.
    pub secrets: BTreeMap<String, BTreeMap<String, Parameter>>,
}

impl Rest {
    /// Returns whether the state may contain secret values. A retained resource can contain one from a parameter of its stack,
    /// and the record of a part of an upload contains the hash of its content.
    pub fn has_secrets(&self) -> bool {
        let mut parameters = self.parameters.values().flat_map(BTreeMap::values);
        let of_refactors = self.refactors.iter().flat_map(|one| &one.stacks).map(|side| &side.inputs);
        let mut inputs = self.stack_sets.iter().map(|set| &set.inputs).chain(of_refactors);
        !self.unowned.is_empty()
            || !self.uploads.is_empty()
            || self.secrets.values().any(|all| !all.is_empty())
            || parameters.any(|one| one.kind == "SecureString")
            || inputs.any(Inputs::may_have_secrets)
    }
}

impl State {
    /// Removes a bucket with its objects, and with the uploads to it that are not completed.
    pub fn remove_bucket(&mut self, name: &str) {
        self.buckets.remove(name);
        let uploads = self.rest.uploads.extract_if(.., |_, one| one.bucket == name);
        let files: Vec<String> =
            uploads.flat_map(|(_, one)| one.parts.into_values()).map(|part| part.file).collect();
        files.into_iter().for_each(|file| self.buckets.release(file));
    }

    /// Removes an upload that is completed or aborted.
    pub fn remove_upload(&mut self, id: &str) {
        let parts = self.rest.uploads.remove(id).into_iter().flat_map(|one| one.parts.into_values());
        parts.for_each(|part| self.buckets.release(part.file));
    }

    /// Returns whether the content of an object, or of a part of an upload, is in a file.
    pub fn uses_file(&self, file: &str) -> bool {
        let mut parts = self.rest.uploads.values().flat_map(|one| one.parts.values());
        self.buckets.uses_file(file) || parts.any(|part| part.file == file)
    }

    /// Returns the index of the stack with an ID.
    pub fn position_of(&self, id: &str) -> Option<usize> {
        self.stacks.iter().position(|stack| stack.id == id)
    }

    /// Returns the stack with an ID.
    pub fn stack_of(&self, id: &str) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.id == id)
    }

    /// Returns the index of the stack with a name or an ID in a region. A deleted stack, and one of another account, is found by
    /// its ID only.
    pub fn position(&self, environment: Environment<'_>, name: &str) -> Option<usize> {
        self.stacks.iter().position(|stack| {
            (stack.id == name && stack.region == environment.region)
                || (stack.name == name && stack.environment() == environment && !stack.is_deleted())
        })
    }

    /// Returns every stack of an account and region that is not deleted.
    pub fn stacks_in<'s>(&'s self, environment: Environment<'s>) -> impl Iterator<Item = &'s Stack> {
        self.stacks.iter().filter(move |stack| stack.environment() == environment && !stack.is_deleted())
    }

    /// Returns every export by its name: its value and the ID of the stack that exports it.
    pub fn exports(&self, environment: Environment<'_>) -> BTreeMap<String, (String, String)> {
        self.stacks_in(environment)
            .flat_map(|stack| {
                stack.outputs.iter().filter_map(|output| {
                    Some((output.export.clone()?, (output.value.clone(), stack.id.clone())))
                })
            })
            .collect()
    }

    /// Returns the stacks that import an export.
    pub fn importers<'s>(
        &'s self,
        environment: Environment<'s>,
        export: &'s str,
    ) -> impl Iterator<Item = &'s Stack> {
        self.stacks_in(environment).filter(move |stack| stack.imports.iter().any(|name| name == export))
    }

    /// Returns an SSM parameter that a stack or a caller has created.
    pub fn parameter(&self, environment: Environment<'_>, name: &str) -> Option<Parameter> {
        let of_stack = |resource: &Resource| {
            let text = |name: &str| Some(resource.live.get(name)?.as_str()?.to_owned());
            Some(Parameter {
                kind: text("Type").unwrap_or_else(|| "String".to_owned()),
                value: text("Value")?,
                version: 1,
                time: resource.time,
            })
        };
        let created = self.resource_in(environment, "AWS::SSM::Parameter", name).and_then(of_stack);
        created.or_else(|| self.rest.parameters.get(environment.region)?.get(name).cloned())
    }

    /// Returns the value of a secret that a stack or a caller has created, by its name or its ARN.
    pub fn secret(&self, environment: Environment<'_>, id: &str) -> Option<String> {
        const SECRET: &str = "AWS::SecretsManager::Secret";
        let named = |one: &&Resource| {
            one.type_name == SECRET
                && (one.physical_id == id || one.live.get("Name").is_some_and(|name| name == id))
        };
        let created = self.stacks_in(environment).flat_map(|stack| stack.resources.values()).find(named);
        if let Some(resource) = created {
            let given = resource.live.get("SecretString").and_then(|text| text.as_str());
            // Secrets Manager generates a random value.
            return Some(
                given.map_or_else(|| stackwright_synth::sha256(&resource.physical_id), str::to_owned),
            );
        }
        let name = id.split_once(":secret:").map_or(id, |(_, name)| name);
        Some(self.rest.secrets.get(environment.region)?.get(name)?.value.clone())
    }

    /// Returns a resource of a stack by its type and its physical ID.
    fn resource_in(&self, environment: Environment<'_>, type_name: &str, id: &str) -> Option<&Resource> {
        self.stacks
            .iter()
            .filter(|one| one.environment() == environment && !one.is_deleted())
            .find_map(|stack| stack.resources.values().find(|one| one.is(type_name, id)))
    }

    /// Returns whether a resource belongs to a stack.
    pub fn is_owned(&self, type_name: &str, physical_id: &str) -> bool {
        let owns = |stack: &Stack| stack.resources.values().any(|one| one.is(type_name, physical_id));
        self.stacks.iter().any(|stack| !stack.is_deleted() && owns(stack))
    }

    /// Returns whether a resource with a physical ID exists already where a stack creates one. The identifier of some types has
    /// more parts than the physical ID shows, such as the role of an inline policy: the properties distinguish them.
    pub fn is_taken(
        &self,
        stack: &Stack,
        type_name: &str,
        physical_id: &str,
        properties: &Map<String, Json>,
    ) -> bool {
        let kind = stackwright_schemas::registry::resource_type(type_name);
        let differs = |one: &Resource| {
            let parts = kind.into_iter().flat_map(|kind| kind.primary_identifier());
            parts.filter_map(|part| Some((one.live.get(part)?, properties.get(part)?))).any(|(a, b)| a != b)
        };
        // A bucket name is unique in the partition, a role name in the account, any other name in the region.
        let (is_global, in_account) = (type_name == BUCKET, type_name.starts_with("AWS::IAM::"));
        let owned = self.stacks.iter().filter(|other| {
            let is_near = other.account == stack.account && (in_account || other.region == stack.region);
            !other.is_deleted() && (is_global || is_near)
        });
        // A resource whose creation failed does not count, because the stack creates it again.
        let is_in_the_way = |owner: &Stack, one: &Resource| {
            owner.id != stack.id || one.status != ResourceStatus::CreateFailed
        };
        let owned = owned.flat_map(|owner| owner.resources.values().map(move |one| (owner, one)));
        let owned = owned.filter(|(owner, one)| is_in_the_way(owner, one)).map(|(_, one)| one);
        let mut all = owned.chain(&self.rest.unowned);
        all.any(|one| one.is(type_name, physical_id) && !physical_id.is_empty() && !differs(one))
    }
}

/// The type of a bucket.
pub(crate) const BUCKET: &str = "AWS::S3::Bucket";
