//! Triton's model repository: a folder for each model, with its versions and its `config.pbtxt`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use handlebars::{Handlebars, handlebars_helper, no_escape};
use serde_json::Value as JsonValue;
use stackwright_schemas::nearest;
use stackwright_synth::{Asset, AssetHandle, CallerLocation, Construct, Scope};

use super::super::Need;
use super::model::{Ensemble, EnsembleStep, Tensor, TritonModel, TritonType};
use crate::deferred_error::DeferredError;

/// Models by their names, and ensembles of them. By itself it is an archive for a multi-model endpoint; in
/// [`Triton`](super::Triton) it is what the container serves.
///
/// What the parts say of each other is checked: whether an ensemble's models are there, whether its tensors come from
/// somewhere and have the types that they are taken for, whether a preferred batch fits.
#[derive(Clone, Debug, Default)]
pub struct ModelRepository {
    models: Vec<TritonModel>,
    ensembles: Vec<Ensemble>,
}

impl ModelRepository {
    /// An empty repository.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a model.
    pub fn model(mut self, model: TritonModel) -> Self {
        self.models.push(model);
        self
    }

    /// Adds an ensemble of its models.
    pub fn ensemble(mut self, ensemble: Ensemble) -> Self {
        self.ensembles.push(ensemble);
        self
    }

    /// The model that stands for all of them, if one does.
    pub(super) fn main_model(&self) -> Option<&str> {
        match (self.ensembles.as_slice(), self.models.as_slice()) {
            ([ensemble], _) => Some(&ensemble.name),
            ([], [model]) => Some(&model.name),
            _ => None,
        }
    }

    /// What the models ask of instances.
    pub(super) fn needs(&self) -> Vec<Need> {
        let plans = self.models.iter().filter_map(|model| Some((model, model.built_on.clone()?)));
        plans
            .map(|(model, built_on)| Need {
                what: format!("the TensorRT plan of `{}`", model.name),
                built_on,
                source: model.source,
            })
            .collect()
    }

    /// The repository as an archive, without a container: a pipeline puts trained weights into it and registers the result.
    pub fn archive(self) -> Asset {
        self.into_archive().0
    }

    /// The archive, and what is wrong with the models.
    pub(super) fn into_archive(self) -> (Asset, Vec<DeferredError>) {
        let problems = self.problems();
        let mut archive = Asset::archive();
        for model in &self.models {
            archive = archive.file(format!("{}/config.pbtxt", model.name), render(&model.fields()));
            for (number, path) in &model.versions {
                let mut name = format!("{}/{number}", model.name);
                if !path.is_dir() {
                    name = format!("{name}/{}", model.file_name());
                }
                archive = archive.copy(name, path);
            }
        }
        for ensemble in &self.ensembles {
            // Triton wants a folder for a version, though an ensemble has nothing to put there; and an archive of
            // files has no empty folder.
            archive = archive
                .file(format!("{}/config.pbtxt", ensemble.name), render(&ensemble.fields()))
                .file(format!("{}/1/.keep", ensemble.name), "");
        }
        (archive, problems)
    }

    fn problems(&self) -> Vec<DeferredError> {
        let mut found = Found(Vec::new());
        let mut names = BTreeMap::new();
        let models = self.models.iter().map(|model| (&model.name, model.source));
        for (name, source) in models.chain(self.ensembles.iter().map(|one| (&one.name, one.source))) {
            let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            if name.is_empty() || !name.chars().all(legal) {
                found.add(
                    source,
                    format!("{name:?} is no name for a model"),
                    "take letters, digits, `_`, `-` and `.`",
                );
            }
            if names.insert(name, source).is_some() {
                found.add(source, format!("two models are called `{name}`"), "give one of them another name");
            }
        }
        for model in &self.models {
            let Some((batching, source)) = &model.batching else { continue };
            let most = model.max_batch_size;
            if let Some(size) = batching.preferred.iter().find(|size| **size > most) {
                found.add(
                    source,
                    format!(
                        "the preferred batch of {size} is above the {most} that `{}` takes at most",
                        model.name
                    ),
                    "raise `.max_batch_size(…)`, or prefer smaller batches",
                );
            }
        }
        for ensemble in &self.ensembles {
            self.look_at(ensemble, &mut found);
        }
        found.0
    }

    fn look_at(&self, ensemble: &Ensemble, found: &mut Found) {
        // What each tensor of the ensemble is, once something has made it.
        let mut made: BTreeMap<&str, TritonType> =
            ensemble.inputs.iter().map(|tensor| (tensor.name.as_str(), tensor.data_type)).collect();
        let steps: Vec<(&EnsembleStep, &TritonModel)> = ensemble
            .steps
            .iter()
            .filter_map(|step| {
                let model = self.models.iter().find(|model| model.name == step.model);
                if model.is_none() {
                    let help = meant(&step.model, self.models.iter().map(|model| model.name.as_str()));
                    found.add(step.source, format!("the repository has no model `{}`", step.model), help);
                }
                Some((step, model?))
            })
            .collect();
        for (step, model) in &steps {
            if model.max_batch_size < ensemble.max_batch_size {
                found.add(
                    step.source,
                    format!(
                        "the ensemble takes batches of {}, and `{}` in it only {}",
                        ensemble.max_batch_size, model.name, model.max_batch_size
                    ),
                    "lower the ensemble's `.max_batch_size(…)`, or raise the model's",
                );
            }
            for (of_model, tensor) in &step.outputs {
                let Some(output) = tensor_of(&model.outputs, of_model, model, "output", step.source, found)
                else {
                    continue;
                };
                if made.insert(tensor, output.data_type).is_some() {
                    found.add(
                        step.source,
                        format!("`{tensor}` is made twice"),
                        "give one of them another name",
                    );
                }
            }
        }
        // What an unknown model makes is unknown too.
        let all_known = steps.len() == ensemble.steps.len();
        for (step, model) in &steps {
            for (of_model, tensor) in &step.inputs {
                let Some(input) = tensor_of(&model.inputs, of_model, model, "input", step.source, found)
                else {
                    continue;
                };
                match made.get(tensor.as_str()) {
                    None if !all_known => {}
                    None => {
                        let help = meant(tensor, made.keys().copied());
                        found.add(step.source, format!("nothing makes `{tensor}`"), help);
                    }
                    Some(kind) if *kind != input.data_type => found.add(
                        step.source,
                        format!(
                            "`{tensor}` is {}, and the input `{of_model}` of `{}` is {}",
                            kind.name(),
                            model.name,
                            input.data_type.name()
                        ),
                        "both have to have one type",
                    ),
                    Some(_) => {}
                }
            }
            for input in model.inputs.iter().filter(|input| !input.optional) {
                if !step.inputs.iter().any(|(name, _)| *name == input.name) {
                    found.add(
                        step.source,
                        format!("the input `{}` of `{}` gets nothing", input.name, model.name),
                        "name the tensor that it gets with `.input(…)`",
                    );
                }
            }
        }
        for output in ensemble.outputs.iter().filter(|_| all_known) {
            match made.get(output.name.as_str()) {
                None => {
                    let help = meant(&output.name, made.keys().copied());
                    found.add(ensemble.source, format!("no step makes the output `{}`", output.name), help);
                }
                Some(kind) if *kind != output.data_type => found.add(
                    ensemble.source,
                    format!(
                        "the output `{}` is {}, and the step that makes it says {}",
                        output.name,
                        output.data_type.name(),
                        kind.name()
                    ),
                    "both have to have one type",
                ),
                Some(_) => {}
            }
        }
        if ensemble.steps.is_empty() {
            found.add(
                ensemble.source,
                format!("the ensemble `{}` has no step", ensemble.name),
                "add one with `.step(…)`",
            );
        }
    }
}

impl Construct for ModelRepository {
    type Handle = AssetHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> AssetHandle {
        let (archive, problems) = self.into_archive();
        for problem in problems {
            problem.report(scope);
        }
        scope.add_default(archive)
    }
}

struct Found(Vec<DeferredError>);

impl Found {
    fn add(&mut self, source: CallerLocation, message: String, help: impl Into<String>) {
        self.0.push(DeferredError { name: "triton-model", message, help: help.into(), source });
    }
}

/// The tensor of a model by its name; a name that it does not have is told.
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
        let help = meant(name, tensors.iter().map(|tensor| tensor.name.as_str()));
        found.add(source, format!("`{}` has no {kind} `{name}`", model.name), help);
    }
    tensor
}

fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("the nearest is `{near}`"),
        None => format!("there is {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

handlebars_helper!(quoted: |text: str| {
    // A text of protobuf's text format, in which control characters are written in octal.
    let mut escaped = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            character if character.is_ascii_control() => {
                escaped.push_str(&format!("\\{:03o}", character as u32));
            }
            character => escaped.push(character),
        }
    }
    escaped.push('"');
    escaped
});

/// `config.pbtxt` of a model.
fn render(fields: &JsonValue) -> String {
    static TEMPLATE: OnceLock<Handlebars<'static>> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let mut template = Handlebars::new();
        template.register_escape_fn(no_escape);
        template.register_helper("quoted", Box::new(quoted));
        template
            .register_template_string("config", include_str!("config.pbtxt.hbs"))
            .expect("a test reads the embedded template");
        template
    });
    template.render("config", fields).expect("a test renders every field")
}
