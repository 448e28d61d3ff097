//! Triton's model repository: a directory for each model, with its versions and its `config.pbtxt`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use handlebars::{Handlebars, handlebars_helper, no_escape};
use serde_json::Value as JsonValue;
use stackwright_synth::{Asset, AssetHandle, Construct, Scope};

use super::super::Need;
use super::check::{EnsembleCheck, Found, check_scheduling, check_warm_ups};
use super::model::{Ensemble, TritonModel, VersionData};
use crate::deferred_error::DeferredError;

/// A Triton model repository: models and ensembles with different names. It is the model data of a
/// [`Triton`](super::Triton) container. Added to a stack, it becomes an archive that is uploaded with the stack's assets,
/// for example for a multi-model endpoint.
///
/// Synthesis checks the parts against each other: whether the models of an ensemble exist, whether its tensors are
/// produced and have matching types, and whether a preferred batch size is allowed.
///
/// ```
/// use stackwright_stacks::container::{ModelRepository, TritonModel};
/// # use stackwright_synth::Asset;
///
/// # let file = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
/// ModelRepository::new().model(TritonModel::onnx("scorer", file));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ModelRepository {
    models: Vec<TritonModel>,
    ensembles: Vec<Ensemble>,
}

impl ModelRepository {
    /// Creates an empty repository.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a model. A name that another model or ensemble of the repository has is an error, and so is a name with
    /// other characters than letters, digits, `_`, `-` and `.`.
    pub fn model(mut self, model: TritonModel) -> Self {
        self.models.push(model);
        self
    }

    /// Adds an ensemble of models of the repository. For its name, the same applies as to [`model`](Self::model).
    pub fn ensemble(mut self, ensemble: Ensemble) -> Self {
        self.ensembles.push(ensemble);
        self
    }

    /// Returns the default model, if there is one.
    pub(super) fn main_model(&self) -> Option<&str> {
        match (self.ensembles.as_slice(), self.models.as_slice()) {
            ([ensemble], _) => Some(&ensemble.name),
            ([], [model]) => Some(&model.name),
            _ => None,
        }
    }

    /// Returns the hardware that the models require.
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

    /// Returns the repository as an archive (`.tar.gz`), without a container, for example to let a pipeline add trained
    /// weights and register the result. Errors of the models are not reported; they are reported if the repository itself is
    /// added to a stack or used in a container.
    pub fn archive(self) -> Asset {
        self.into_archive().0
    }

    /// The archive, and the errors that were found in the models.
    pub(super) fn into_archive(self) -> (Asset, Vec<DeferredError>) {
        let problems = self.problems();
        let mut archive = Asset::archive();
        for model in &self.models {
            archive = archive.file(format!("{}/config.pbtxt", model.name), render(&model.fields()));
            for (number, data) in &model.versions {
                let directory = format!("{}/{number}", model.name);
                let file = format!("{directory}/{}", model.file_name());
                archive = match data {
                    VersionData::Text(text) => archive.file(file, text.as_str()),
                    // The directory of a SavedModel keeps its name; for other backends, the contents of the directory
                    // are copied to the version.
                    VersionData::Path(path) if path.is_dir() && !file.ends_with(".savedmodel") => {
                        archive.copy(directory, path)
                    }
                    VersionData::Path(path) => archive.copy(file, path),
                    VersionData::Missing => archive,
                };
            }
        }
        for ensemble in &self.ensembles {
            // Triton requires a directory for each version, although an ensemble has no files in it, and an archive
            // of files cannot contain an empty directory.
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
                    format!("{name:?} is not a valid name of a model"),
                    "use letters, digits, `_`, `-` and `.`",
                );
            }
            if names.insert(name, source).is_some() {
                found.add(
                    source,
                    format!("two models have the name `{name}`"),
                    "give one of them another name",
                );
            }
        }
        for model in &self.models {
            check_scheduling(model, &mut found);
            check_warm_ups(model, &mut found);
            if model.versions.iter().any(|(_, data)| matches!(data, VersionData::Missing)) {
                found.add(
                    model.source,
                    format!("the asset of the model `{}` refers to no file or directory", model.name),
                    "use `asset!(\"PATH\")` or `Asset::new(PATH)`",
                );
            }
            let Some((batching, source)) = &model.batching else { continue };
            let most = model.max_batch_size;
            if let Some(size) = batching.preferred.iter().find(|size| **size > most) {
                found.add(
                    source,
                    format!(
                        "the preferred batch size {size} is larger than {most}, the maximum batch size of `{}`",
                        model.name
                    ),
                    "raise `.max_batch_size(…)`, or set a smaller preferred batch size",
                );
            }
        }
        for ensemble in &self.ensembles {
            EnsembleCheck { models: &self.models, ensemble, found: &mut found }.run();
        }
        found.0
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

handlebars_helper!(quoted: |text: str| {
    // Escapes a string for protobuf's text format, in which control characters are octal.
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

/// Renders the `config.pbtxt` of a model.
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

#[cfg(test)]
mod tests {
    use stackwright_synth::App;

    use super::*;

    #[test]
    fn a_model_without_a_file_is_an_error() {
        let app = App::new("app");
        let model = TritonModel::onnx("scorer", Asset::archive().file("model.onnx", ""));
        app.stack("Main").add("Repository", ModelRepository::new().model(model));
        let errors = app.synth().unwrap_err().to_string();
        assert!(errors.contains("`scorer` refers to no file"), "{errors}");
    }
}
