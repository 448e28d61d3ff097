//! The parts of a SageMaker HyperPod recipe that a training job uses.

use stackwright_synth::{CallerLocation, Scope};

/// The name of the file that a recipe becomes.
pub(super) const RECIPE_FILE: &str = "recipe.yaml";

/// The channel from which images for fine-tuning read a recipe.
pub(super) const RECIPE_CHANNEL: &str = "recipe";

/// Reports a recipe that the adapter of HyperPod cannot run as a job on this number of instances.
pub(super) fn check(recipe: &str, instances: Option<u64>, location: CallerLocation, scope: &Scope<'_>) {
    let is_resolved = check_channel(recipe, instances, location, scope);
    if is_resolved && members(recipe, "trainer").is_none() {
        scope.error(
            "invalid-recipe",
            "the recipe has no member `trainer`".to_owned(),
            "a recipe of HyperPod has the members `trainer`, `model` and `exp_manager`".to_owned(),
            Some(location),
        );
    }
}

/// Reports a recipe that an image cannot run on this number of instances. Returns whether all of its values are resolved.
pub(super) fn check_channel(
    recipe: &str,
    instances: Option<u64>,
    location: CallerLocation,
    scope: &Scope<'_>,
) -> bool {
    let error = |message: String, help: &str| {
        scope.error("invalid-recipe", message, help.to_owned(), Some(location));
    };
    let interpolation = recipe.lines().position(|line| line.contains("${"));
    if let Some(line) = interpolation {
        error(
            format!("line {} of the recipe has an interpolation, which the job does not resolve", line + 1),
            "write the value, as `main.py --cfg job --resolve` of sagemaker-hyperpod-recipes prints it",
        );
    }
    let trainer = members(recipe, "trainer").unwrap_or_default();
    let nodes = trainer.iter().find_map(|line| line.strip_prefix("num_nodes:"));
    let nodes = nodes.and_then(|value| value.split('#').next()?.trim().parse::<u64>().ok());
    if let (Some(nodes), Some(instances)) = (nodes, instances)
        && nodes != instances
    {
        error(
            format!(
                "the recipe is for {nodes} nodes (`trainer.num_nodes`), and the job has {instances} instances"
            ),
            "give the recipe the number of instances",
        );
    }
    interpolation.is_none()
}

/// The lines of a member of a YAML mapping, without their indentation. A member begins at the start of a line.
fn members<'r>(document: &'r str, name: &str) -> Option<Vec<&'r str>> {
    let mut lines = document.lines();
    lines.find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))?;
    let inner = lines.take_while(|line| line.trim().is_empty() || line.starts_with([' ', '\t', '#']));
    Some(inner.map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use stackwright_synth::App;

    use crate::launch::{Pipeline, TrainingStep};
    use crate::training::{Instances, ModelParallel, TrainingJob};
    use crate::{ContainerImage, S3Location};

    fn synthesized(recipe: &str) -> Result<String, String> {
        let app = App::new("recipes");
        let stack = app.stack("Training").region("us-east-1");
        let scripts = stackwright_synth::Asset::archive().file("llama_pretrain.py", "import recipe");
        let output = S3Location::new("my-runs", "models");
        let job = TrainingJob::pytorch("2.4.1", Instances::of("ml.p5.48xlarge", 2), output)
            .distribution(ModelParallel::new())
            .recipe(scripts, "llama_pretrain.py", recipe);
        let mut pipeline = Pipeline::new();
        pipeline.step("Train", TrainingStep::new(job));
        stack.add("Pipeline", pipeline);
        let assembly = app.synth().map_err(|errors| errors.to_string())?;
        let documents = &assembly.stacks[0].documents;
        let is_definition = |name: &str| name.ends_with("PipelineDefinitionBody.json");
        Ok(documents.iter().find(|one| is_definition(&one.name)).unwrap().text.clone())
    }

    #[test]
    fn a_recipe_runs_as_a_training_job() {
        let definition =
            synthesized("trainer:\n  num_nodes: 2 # p5\nmodel:\n  model_type: llama_v3\n").unwrap();
        let definition: serde_json::Value = serde_json::from_str(&definition).unwrap();
        let hyperparameters = &definition["Steps"][0]["Arguments"]["HyperParameters"];
        assert_eq!(hyperparameters["config-path"], "\".\"");
        assert_eq!(hyperparameters["config-name"], "\"recipe.yaml\"");
        assert_eq!(hyperparameters["sagemaker_program"], "\"llama_pretrain.py\"");
    }

    #[test]
    fn a_recipe_of_a_channel_is_uploaded_and_checked() {
        let synthesized = |recipe: &str| {
            let app = App::new("recipes");
            let stack = app.stack("Training").region("us-east-1");
            let image = "327873000638.dkr.ecr.us-east-1.amazonaws.com/hyperpod-recipes:llmft-v1.0.0";
            let output = S3Location::new("my-runs", "models");
            let job =
                TrainingJob::new(ContainerImage::from_uri(image), Instances::of("ml.p5.48xlarge", 2), output)
                    .recipe_channel(recipe);
            let mut pipeline = Pipeline::new();
            pipeline.step("Train", TrainingStep::new(job));
            stack.add("Pipeline", pipeline);
            app.synth().map_err(|errors| errors.to_string())
        };
        // Recipes of `verl` have no trainer.
        let recipe = "run:\n  model_type: verl\ntraining_config:\n  rollout: 2\n";
        let assembly = synthesized(recipe).unwrap();
        let uploaded = &assembly.stacks[0].assets[0];
        assert!(uploaded.object_key.ends_with("/recipe.yaml"), "{}", uploaded.object_key);
        assert_eq!(std::fs::read_to_string(&uploaded.path).unwrap(), recipe);
        let template = assembly.stacks[0].template.json();
        assert!(template.contains(&format!("/{}", uploaded.object_key)), "{template}");
        for (recipe, expected) in [
            ("trainer:\n  num_nodes: 4\n", "for 4 nodes"),
            ("run:\n  name: ${name}\n", "line 2 of the recipe has an interpolation"),
        ] {
            let error = synthesized(recipe).unwrap_err();
            assert!(error.contains(expected) && error.contains("recipe.rs:"), "{expected}: {error}");
        }
    }

    #[test]
    fn a_recipe_that_does_not_fit_the_job_is_an_error() {
        for (recipe, expected) in [
            ("model:\n  model_type: llama_v3\n", "no member `trainer`"),
            ("trainer:\n  num_nodes: 4\n", "for 4 nodes"),
            ("trainer:\n  num_nodes: ${nodes}\n", "line 2 of the recipe has an interpolation"),
        ] {
            let error = synthesized(recipe).unwrap_err();
            assert!(error.contains(expected) && error.contains("recipe.rs:"), "{expected}: {error}");
        }
    }
}
