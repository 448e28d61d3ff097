//! `ds_config.json`: read, checked as DeepSpeed's own classes check it, and shipped.

use std::panic::Location;

use serde_json::Value as JsonValue;
use stackwright_schemas::deepspeed::schema;
use stackwright_synth::CallerLocation;

use super::Launch;

/// The name of the file beside the entry point.
const FILE: &str = "ds_config.json";

/// A DeepSpeed configuration: made by [`DeepSpeed`](super::DeepSpeed), or a file that stands already.
///
/// ```
/// use stackwright_stacks::training::DeepSpeedConfig;
///
/// DeepSpeedConfig::from_json(r#"{ "train_micro_batch_size_per_gpu": 1, "zero_optimization": { "stage": 3 } }"#);
/// ```
#[derive(Clone, Debug)]
pub struct DeepSpeedConfig {
    config: Result<JsonValue, String>,
    argument: String,
    file_name: String,
    /// Whether the trainer of Hugging Face fills in the values that are `"auto"`.
    is_for_trainer: bool,
    smddp: Option<CallerLocation>,
    source: CallerLocation,
}

impl DeepSpeedConfig {
    pub(super) fn new(config: JsonValue, smddp: Option<CallerLocation>, source: CallerLocation) -> Self {
        Self {
            config: Ok(config),
            argument: "deepspeed_config".into(),
            file_name: FILE.into(),
            is_for_trainer: false,
            smddp,
            source,
        }
    }

    /// A file's text, such as `include_str!("ds_config.json")` gives it. A key that DeepSpeed does not know is
    /// refused.
    #[track_caller]
    pub fn from_json(text: &str) -> Self {
        let source = Location::caller();
        let config = serde_json::from_str(text).map_err(|error| error.to_string());
        Self { config, ..Self::new(JsonValue::Null, None, source) }
    }

    /// The text of a file that the `Trainer` of Hugging Face Transformers reads: values may be `"auto"`, which the
    /// trainer replaces by its own arguments, and the script gets the file's name in the hyperparameter `deepspeed`.
    #[track_caller]
    pub fn for_trainer(text: &str) -> Self {
        let config = Self::from_json(text);
        Self { argument: "deepspeed".into(), is_for_trainer: true, ..config }
    }

    /// The name of the file beside the entry point; `ds_config.json` unless set.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = name.into();
        self
    }

    /// The hyperparameter that contains the file's name for the script; `deepspeed_config` unless set.
    pub fn argument(mut self, name: impl Into<String>) -> Self {
        self.argument = name.into();
        self
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.torchrun(self.source);
        match self.render(launch.instances.accelerators()) {
            Ok(text) => launch.files.push((self.file_name.clone(), text, self.source)),
            Err(problems) => {
                for (message, help) in problems {
                    launch.scope.error("deepspeed-config", message, help, Some(self.source));
                }
            }
        }
        launch.hyperparameter(&self.argument, self.file_name.as_str(), self.source);
        if let Some(source) = self.smddp {
            launch.smddp_collectives(source);
        }
    }

    /// The file's text, with the whole batch in it where the number of accelerators is known; or what is wrong,
    /// each with how to fix it.
    pub(super) fn render(&self, accelerators: Option<u64>) -> Result<String, Vec<(String, String)>> {
        let mut config = match &self.config {
            Ok(config) => config.clone(),
            Err(error) => {
                return Err(vec![(
                    format!("the DeepSpeed configuration is not valid JSON: {error}"),
                    "fix the JSON".into(),
                )]);
            }
        };
        let mut problems = match self.is_for_trainer {
            true => problems(&without_auto(&config)),
            false => problems(&config),
        };
        let number = |key: &str| config[key].as_u64();
        if let (Some(accelerators), Some(micro)) = (accelerators, number("train_micro_batch_size_per_gpu")) {
            let steps = number("gradient_accumulation_steps").unwrap_or(1);
            let whole = micro.saturating_mul(steps).saturating_mul(accelerators);
            match number("train_batch_size") {
                Some(given) if given != whole => problems.push((
                    format!(
                        "train_batch_size {given} is not {micro} × {steps} × {accelerators} = {whole} (micro batch × \
                         accumulation × accelerators)"
                    ),
                    "leave train_batch_size out: it follows from the others".into(),
                )),
                _ if self.is_for_trainer => {}
                _ => config["train_batch_size"] = whole.into(),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if let Some(keys) = config.as_object_mut() {
            keys.sort_keys();
        }
        Ok(serde_json::to_string_pretty(&config).unwrap_or_default() + "\n")
    }
}

/// The configuration without the values that the trainer fills in.
fn without_auto(config: &JsonValue) -> JsonValue {
    match config {
        JsonValue::Object(members) => members
            .iter()
            .filter(|(_, value)| **value != "auto")
            .map(|(key, value)| (key.clone(), without_auto(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// What is wrong with a configuration, each with how to fix it.
fn problems(config: &JsonValue) -> Vec<(String, String)> {
    let validator = jsonschema::validator_for(schema()).expect("a test compiles the embedded schema");
    let mut problems: Vec<(String, String)> = validator
        .iter_errors(config)
        .map(|error| {
            let at = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
            let at = if at.is_empty() { "the configuration".to_owned() } else { at };
            let help = if error.to_string().contains("auto") {
                "\"auto\" is filled in by the trainer of Hugging Face, not by DeepSpeed: write the number, or \
                 use `DeepSpeedConfig::for_trainer` where the trainer reads the file"
                    .to_owned()
            } else {
                "DeepSpeed's documentation lists the settings: deepspeed.ai/docs/config-json".to_owned()
            };
            (format!("{at}: {error}"), help)
        })
        .collect();
    let is_on = |section: &str| config[section]["enabled"] == true;
    if is_on("bf16") && is_on("fp16") {
        problems.push(("bf16 and fp16 are both enabled".into(), "enable one of them".into()));
    }
    let zero = &config["zero_optimization"];
    if zero["stage"].as_u64().unwrap_or(0) < 3 {
        let moves = |part: &str| !matches!(zero[part]["device"].as_str(), None | Some("none"));
        if moves("offload_param") {
            problems.push((
                "offload_param needs stage 3: below it every accelerator holds all parameters".into(),
                "set the stage to 3, or leave offload_param out".into(),
            ));
        }
        if zero["offload_optimizer"]["device"] == "nvme" {
            problems.push((
                "offload_optimizer to nvme needs stage 3".into(),
                "offload to the cpu, or set the stage to 3".into(),
            ));
        }
        if zero["offload_optimizer"]["ratio"].as_f64().is_some_and(|ratio| ratio < 1.0) {
            problems.push((
                "a partial offload (ratio below 1) needs stage 3".into(),
                "leave ratio out, or set the stage to 3".into(),
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::problems;

    fn messages(config: &serde_json::Value) -> Vec<String> {
        problems(config).into_iter().map(|(message, _)| message).collect()
    }

    #[test]
    fn the_trainer_fills_in_what_is_auto() {
        let text = r#"{ "train_micro_batch_size_per_gpu": "auto", "zero_optimization": { "stage": 3, "reduce_bucket_size": "auto" } }"#;
        let rendered = super::DeepSpeedConfig::for_trainer(text).render(Some(16)).unwrap();
        assert!(
            rendered.contains("\"reduce_bucket_size\": \"auto\"") && !rendered.contains("train_batch_size")
        );
        assert!(super::DeepSpeedConfig::from_json(text).render(Some(16)).is_err());
    }

    #[test]
    fn what_deepspeed_refuses_is_refused() {
        let zero = |zero: serde_json::Value| messages(&json!({ "zero_optimization": zero }));
        assert_eq!(zero(json!({ "stage": 3, "offload_param": { "device": "cpu" } })), Vec::<String>::new());
        assert!(
            zero(json!({ "stage": 3, "stage3_max_live_parametres": 1 }))[0]
                .contains("stage3_max_live_parametres")
        );
        assert!(zero(json!({ "stage": 4 }))[0].contains('4'));
        assert!(
            zero(json!({ "stage": 3, "offload_param": { "device": "gpu" } }))[0]
                .starts_with("zero_optimization.offload_param.device")
        );
        assert!(zero(json!({ "stage": 2, "offload_param": { "device": "cpu" } }))[0].contains("stage 3"));
        assert!(
            zero(json!({ "stage": 1, "offload_optimizer": { "device": "cpu", "ratio": 0.5 } }))[0]
                .contains("ratio")
        );
        assert!(zero(json!({ "stage": 3, "reduce_bucket_size": "auto" }))[0].contains("auto"));
        let both = json!({ "bf16": { "enabled": true }, "fp16": { "enabled": true } });
        assert_eq!(messages(&both), ["bf16 and fp16 are both enabled"]);
        assert!(
            messages(&json!({ "gradient_acumulation_steps": 2 }))[0].contains("gradient_acumulation_steps")
        );
    }
}
