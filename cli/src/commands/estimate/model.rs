//! The description of a model: a Hugging Face `config.json`, explicit numbers, or both.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};
use stackwright_estimate::memory::ModelShape;

use crate::failure::Failure;

/// A model by its configuration or by its numbers. A number replaces the member of the configuration.
#[derive(Args)]
pub(super) struct ModelArguments {
    /// Read the shape of the model from its Hugging Face `config.json`. Required, unless --hidden-size, --layers, --heads,
    /// --intermediate-size and --vocabulary are set
    #[arg(long, value_name = "FILE", required_unless_present = "hidden_size")]
    model: Option<PathBuf>,
    /// Estimate the model like a known `model_type` with the same structure, such as `qwen3`. Default: that of the
    /// configuration; without one, llama
    #[arg(long, value_name = "MODEL_TYPE", help_heading = MODEL)]
    architecture: Option<String>,
    /// Set the width of the model (`hidden_size`), such as 4096
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    hidden_size: Option<u64>,
    /// Set the number of layers (`num_hidden_layers`)
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    layers: Option<u64>,
    /// Set the number of attention heads (`num_attention_heads`)
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    heads: Option<u64>,
    /// Set the number of heads of keys and values (`num_key_value_heads`). Default: the number of heads
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    kv_heads: Option<u64>,
    /// Set the width of a head (`head_dim`). Default: --hidden-size divided by --heads
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    head_size: Option<u64>,
    /// Set the width of the hidden layer of the feed-forward network, or of one expert (`intermediate_size`)
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    intermediate_size: Option<u64>,
    /// Set the number of tokens of the vocabulary (`vocab_size`)
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    vocabulary: Option<u64>,
    /// Set the number of experts of a layer (`num_local_experts`). Without a configuration, the default architecture is then
    /// mixtral
    #[arg(long, value_name = "NUMBER", help_heading = MODEL)]
    experts: Option<u64>,
    /// Set the number of experts to which each token is sent (`num_experts_per_tok`). Default: 2
    #[arg(long, value_name = "NUMBER", requires = "experts", help_heading = MODEL)]
    experts_per_token: Option<u64>,
    /// Share the weights of the embedding with the output layer (`tie_word_embeddings`). Default: as the configuration; without
    /// one, the weights are separate
    #[arg(long, help_heading = MODEL)]
    tied_embeddings: bool,
}

const MODEL: &str = "Numbers of the model, which replace those of --model";

impl ModelArguments {
    /// Reads the configuration, and replaces the numbers that the options set.
    pub(super) fn read(&self) -> Result<ModelShape, Failure> {
        let (name, mut config) = match &self.model {
            Some(file) => {
                let path = file.display().to_string();
                let text = std::fs::read_to_string(file)
                    .map_err(|error| Failure::usage(format!("{path}: {error}")))?;
                let config: Value = serde_json::from_str(&text)
                    .map_err(|error| Failure::usage(format!("{path}: {error}")))?;
                let Value::Object(config) = config else {
                    return Err(Failure::usage(format!("{path}: the configuration is not a JSON object")));
                };
                (path, config)
            }
            None => ("the model".to_owned(), self.of_numbers()),
        };
        self.put_in(&mut config);
        ModelShape::from_config(&Value::Object(config))
            .map_err(|error| Failure::usage(format!("{name}: {error}")))
    }

    /// Returns a configuration that has only the architecture, and the members that transformers writes.
    fn of_numbers(&self) -> Map<String, Value> {
        let architecture = if self.experts.is_some() { "mixtral" } else { "llama" };
        let config = json!({"model_type": architecture, "rms_norm_eps": 1e-5, "tie_word_embeddings": false});
        config.as_object().cloned().unwrap_or_default()
    }

    fn put_in(&self, config: &mut Map<String, Value>) {
        let numbers = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("num_key_value_heads", self.kv_heads),
            ("head_dim", self.head_size),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocabulary),
            ("num_local_experts", self.experts),
            ("num_experts_per_tok", self.experts_per_token),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                config.insert(name.to_owned(), value.into());
            }
        }
        if let Some(architecture) = &self.architecture {
            config.insert("architecture".to_owned(), architecture.as_str().into());
        }
        if self.tied_embeddings {
            config.insert("tie_word_embeddings".to_owned(), true.into());
        }
    }
}
