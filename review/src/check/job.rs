//! Training jobs as requests: their instances, and how their hyperparameters launch the script.

use serde_json::Value as JsonValue;
use stackwright_schemas::instances::{Instance, instance};

use super::cursor::Cursor;
use super::value::{items, number, string};
use super::view::{Resource, View};

/// The resource types whose documents start jobs.
pub(crate) const LAUNCHERS: [&str; 3] =
    ["AWS::StepFunctions::StateMachine", "AWS::SageMaker::Pipeline", "AWS::Scheduler::Schedule"];

/// A request to train.
pub(crate) struct Job<'v, 'a> {
    pub resource: &'v Resource<'a>,
    pub arguments: &'v Cursor<'a>,
}

/// Returns every training job that a document starts; those that a tuning job starts are described by its definitions.
pub(crate) fn jobs<'v, 'a>(view: &'v View<'a>) -> Vec<Job<'v, 'a>> {
    let mut jobs: Vec<Job<'v, 'a>> = view
        .requests("CreateTrainingJob")
        .map(|(resource, request)| Job { resource, arguments: &request.arguments })
        .collect();
    for (resource, request) in view.requests("CreateHyperParameterTuningJob") {
        let arguments = &request.arguments;
        let definitions = Some(&arguments["TrainingJobDefinition"])
            .into_iter()
            .chain(items(&arguments["TrainingJobDefinitions"]));
        jobs.extend(definitions.filter(|one| one.is_object()).map(|arguments| Job { resource, arguments }));
    }
    jobs
}

impl<'v, 'a> Job<'v, 'a> {
    pub fn resources(&self) -> &'v Cursor<'a> {
        &self.arguments["ResourceConfig"]
    }

    pub fn stopping(&self) -> &'v Cursor<'a> {
        &self.arguments["StoppingCondition"]
    }

    /// Returns the values that name an instance type, each with the facts about the type.
    pub fn instances(&self) -> Vec<(&'v Cursor<'a>, &'v str, Option<&'static Instance>)> {
        let groups = items(&self.resources()["InstanceGroups"]);
        self.instances_of(groups)
    }

    /// Returns the instance types on which a strategy runs: those of the groups that it names, or all.
    pub fn training_instances(&self) -> Vec<(&'v Cursor<'a>, &'v str, Option<&'static Instance>)> {
        let Some(names) = self.hyperparameter("sagemaker_distribution_instance_groups") else {
            return self.instances();
        };
        let is_named = |group: &&Cursor<'_>| items(&names).any(|name| group["InstanceGroupName"] == *name);
        self.instances_of(items(&self.resources()["InstanceGroups"]).filter(is_named))
    }

    fn instances_of(
        &self,
        groups: impl Iterator<Item = &'v Cursor<'a>>,
    ) -> Vec<(&'v Cursor<'a>, &'v str, Option<&'static Instance>)> {
        Some(&self.resources()["InstanceType"])
            .into_iter()
            .chain(groups.map(|group| &group["InstanceType"]))
            .filter_map(|value| string(value).map(|name| (value, name, instance(name))))
            .collect()
    }

    /// Returns the number of instances of the job; `None` if it is not known.
    pub fn count(&self) -> Option<f64> {
        let resources = self.resources();
        let groups = &resources["InstanceGroups"];
        if groups.is_array() {
            return items(groups).map(|group| number(&group["InstanceCount"])).sum();
        }
        number(&resources["InstanceCount"])
    }

    /// Returns the number of accelerators of all instances; `None` if it is not known.
    pub fn accelerators(&self) -> Option<f64> {
        let each = instance(string(&self.resources()["InstanceType"])?)?.accelerator_count?;
        Some(self.count()? * f64::from(each))
    }

    /// Returns a hyperparameter, which SageMaker's toolkit writes as JSON in a text.
    pub fn hyperparameter(&self, name: &str) -> Option<JsonValue> {
        let written = string(&self.arguments["HyperParameters"][name])?;
        Some(serde_json::from_str(written).unwrap_or_else(|_| JsonValue::from(written)))
    }

    /// Returns whether a hyperparameter is true; some write `True`, and a condition returns texts.
    pub fn is_on(&self, name: &str) -> bool {
        let value = self.hyperparameter(name);
        value.is_some_and(|value| super::value::boolean(&value) == Some(true))
    }

    /// Returns the parameters of SageMaker model parallel.
    pub fn model_parallel(&self) -> Option<JsonValue> {
        self.hyperparameter("mp_parameters").filter(JsonValue::is_object)
    }

    /// Returns the version of PyTorch, in `2.5.1-gpu-py311`, that a training image of AWS has, with the image's location.
    pub fn pytorch(&self) -> Option<(&'v Cursor<'a>, [u32; 3])> {
        let location = &self.arguments["AlgorithmSpecification"]["TrainingImage"];
        let (repository, tag) = string(location)?.rsplit_once(':')?;
        repository.contains("pytorch-training").then_some(())?;
        let mut parts = tag.split('-').next()?.split('.').map(str::parse::<u32>);
        let mut next = || parts.next().and_then(Result::ok);
        Some((location, [next()?, next()?, next().unwrap_or(0)]))
    }
}
