//! Checks of a model repository: whether the tensors of an ensemble exist and match, and whether the settings of a
//! model are consistent.

use std::collections::BTreeMap;

use stackwright_schemas::nearest;
use stackwright_synth::CallerLocation;

use super::model::{Ensemble, EnsembleStep, Tensor, TritonModel, TritonType};
use crate::deferred_error::DeferredError;

/// The errors of a check.
pub(super) struct Found(pub Vec<DeferredError>);

impl Found {
    pub(super) fn add(&mut self, source: CallerLocation, message: String, help: impl Into<String>) {
        self.0.push(DeferredError { name: "triton-model", message, help: help.into(), source });
    }
}

/// Finds a tensor of a model by its name, or reports that the model does not have it.
fn tensor_of<'a>(
    tensors: &'a [Tensor],
    name: &str,
    model: &TritonModel,
    kind: &str,
    source: CallerLocation,
    found: &mut Found,
) -> Option<&'a Tensor> {
    let tensor = tensors.iter().find(|tensor| tensor.name == name);
    if tensor.is_none() {
        let help = suggestion(name, tensors.iter().map(|tensor| tensor.name.as_str()));
        found.add(source, format!("`{}` has no {kind} `{name}`", model.name), help);
    }
    tensor
}

fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("the most similar name is `{near}`"),
        None => format!("there is {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Reports that a model has two schedulers.
pub(super) fn check_scheduling(model: &TritonModel, found: &mut Found) {
    if let (Some(_), Some((_, source))) = (&model.batching, &model.sequences) {
        found.add(
            source,
            format!("`{}` has both dynamic batching and sequence batching", model.name),
            "Triton accepts one of the two: `SequenceBatching::oldest` batches dynamically within sequences",
        );
    }
}

/// Reports warm-up requests that the model cannot run.
pub(super) fn check_warm_ups(model: &TritonModel, found: &mut Found) {
    for (request, source) in &model.warm_ups {
        for (tensor, _) in &request.inputs {
            if tensor.dims.iter().any(|size| *size < 0) {
                found.add(
                    source,
                    format!(
                        "the input `{}` of the warm-up request has a dimension of variable size",
                        tensor.name
                    ),
                    "set the size of each dimension",
                );
            }
            // Some backends complete the configuration themselves; then the inputs are not known here.
            if !model.inputs.is_empty()
                && let Some(input) = tensor_of(&model.inputs, &tensor.name, model, "input", source, found)
                && input.data_type != tensor.data_type
            {
                found.add(
                    source,
                    format!(
                        "`{}` has the type {}, and the warm-up request has {}",
                        tensor.name,
                        input.data_type.name(),
                        tensor.data_type.name()
                    ),
                    "use the same type for both",
                );
            }
        }
    }
}

/// Checks an ensemble against the models of its repository.
pub(super) struct EnsembleCheck<'r> {
    pub models: &'r [TritonModel],
    pub ensemble: &'r Ensemble,
    pub found: &'r mut Found,
}

/// The types of the ensemble's tensors, for inputs and for outputs of the steps so far.
type Produced<'r> = BTreeMap<&'r str, TritonType>;

impl<'r> EnsembleCheck<'r> {
    pub(super) fn run(mut self) {
        let ensemble = self.ensemble;
        if ensemble.steps.is_empty() {
            let message = format!("the ensemble `{}` has no steps", ensemble.name);
            self.found.add(ensemble.source, message, "add one with `.step(…)`");
        }
        let steps = self.steps();
        // The output types of an unknown model are unknown too.
        let all_known = steps.len() == ensemble.steps.len();
        let mut produced: Produced<'r> =
            ensemble.inputs.iter().map(|tensor| (tensor.name.as_str(), tensor.data_type)).collect();
        for (step, model) in &steps {
            self.check_batch(step, model);
            self.collect_outputs(step, model, &mut produced);
        }
        for (step, model) in &steps {
            self.check_inputs(step, model, &produced, all_known);
            self.check_missing_inputs(step, model);
        }
        if all_known {
            self.check_outputs(&produced);
        }
    }

    /// The steps whose model is in the repository.
    fn steps(&mut self) -> Vec<(&'r EnsembleStep, &'r TritonModel)> {
        let models = self.models;
        let mut steps = Vec::new();
        for step in &self.ensemble.steps {
            match models.iter().find(|model| model.name == step.model) {
                Some(model) => steps.push((step, model)),
                None => {
                    let help = suggestion(&step.model, models.iter().map(|model| model.name.as_str()));
                    self.found.add(
                        step.source,
                        format!("the repository has no model `{}`", step.model),
                        help,
                    );
                }
            }
        }
        steps
    }

    fn check_batch(&mut self, step: &EnsembleStep, model: &TritonModel) {
        if model.max_batch_size < self.ensemble.max_batch_size {
            let message = format!(
                "the ensemble accepts batches of {}, and `{}` in it accepts batches of {}",
                self.ensemble.max_batch_size, model.name, model.max_batch_size
            );
            self.found.add(
                step.source,
                message,
                "lower the ensemble's `.max_batch_size(…)`, or raise the model's",
            );
        }
    }

    fn collect_outputs(&mut self, step: &'r EnsembleStep, model: &TritonModel, produced: &mut Produced<'r>) {
        for (of_model, tensor) in &step.outputs {
            let output = tensor_of(&model.outputs, of_model, model, "output", step.source, self.found);
            let Some(output) = output else { continue };
            if produced.insert(tensor, output.data_type).is_some() {
                self.found.add(
                    step.source,
                    format!("two steps produce `{tensor}`"),
                    "give one of them another name",
                );
            }
        }
    }

    fn check_inputs(
        &mut self,
        step: &EnsembleStep,
        model: &TritonModel,
        produced: &Produced<'r>,
        all_known: bool,
    ) {
        for (of_model, tensor) in &step.inputs {
            let input = tensor_of(&model.inputs, of_model, model, "input", step.source, self.found);
            let Some(input) = input else { continue };
            match produced.get(tensor.as_str()) {
                None if !all_known => {}
                None => {
                    let help = suggestion(tensor, produced.keys().copied());
                    self.found.add(step.source, format!("no step or input produces `{tensor}`"), help);
                }
                Some(kind) if *kind != input.data_type => {
                    let message = format!(
                        "`{tensor}` is {}, and the input `{of_model}` of `{}` is {}",
                        kind.name(),
                        model.name,
                        input.data_type.name()
                    );
                    self.found.add(step.source, message, "use the same type for both");
                }
                Some(_) => {}
            }
        }
    }

    fn check_missing_inputs(&mut self, step: &EnsembleStep, model: &TritonModel) {
        for input in model.inputs.iter().filter(|input| !input.optional) {
            if !step.inputs.iter().any(|(name, _)| *name == input.name) {
                self.found.add(
                    step.source,
                    format!("the input `{}` of `{}` is not connected", input.name, model.name),
                    "connect it to a tensor with `.input(…)`",
                );
            }
        }
    }

    fn check_outputs(&mut self, produced: &Produced<'r>) {
        let ensemble = self.ensemble;
        for output in &ensemble.outputs {
            match produced.get(output.name.as_str()) {
                None => {
                    let help = suggestion(&output.name, produced.keys().copied());
                    let message = format!("no step produces the output `{}`", output.name);
                    self.found.add(ensemble.source, message, help);
                }
                Some(kind) if *kind != output.data_type => {
                    let message = format!(
                        "the output `{}` has the type {}, and the step that produces it has {}",
                        output.name,
                        output.data_type.name(),
                        kind.name()
                    );
                    self.found.add(ensemble.source, message, "use the same type for both");
                }
                Some(_) => {}
            }
        }
    }
}
