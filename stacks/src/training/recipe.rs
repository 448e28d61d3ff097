//! What a recipe of SageMaker HyperPod has to say for a training job.

use stackwright_synth::{CallerLocation, Scope};

/// Reports a recipe that the adapter of HyperPod cannot run as a job on this number of instances.
pub(super) fn check(recipe: &str, instances: Option<u64>, location: CallerLocation, scope: &Scope<'_>) {
    let error = |message: String, help: &str| {
        scope.error("invalid-recipe", message, help.to_owned(), Some(location));
    };
    if let Some(line) = recipe.lines().position(|line| line.contains("${")) {
        error(
            format!("line {} of the recipe has an interpolation, which the job does not resolve", line + 1),
            "write the value, as `main.py --cfg job --resolve` of sagemaker-hyperpod-recipes prints it",
        );
    }
    let Some(trainer) = members(recipe, "trainer") else {
        error(
            "the recipe has no member `trainer`".to_owned(),
            "a recipe of HyperPod has the members `trainer`, `model` and `exp_manager`",
        );
        return;
    };
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
}

/// The lines of a member of a YAML mapping, without their indentation. A member stands at the start of a line.
fn members<'r>(document: &'r str, name: &str) -> Option<Vec<&'r str>> {
    let mut lines = document.lines();
    lines.find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))?;
    let inner = lines.take_while(|line| line.trim().is_empty() || line.starts_with([' ', '\t', '#']));
    Some(inner.map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use stackwright_synth::App;

    use crate::S3Location;
    use crate::launch::{Pipeline, TrainingStep};
    use crate::training::{Instances, ModelParallel, TrainingJob};

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
        Ok(documents.iter().find(|(name, _)| is_definition(name)).unwrap().1.clone())
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
