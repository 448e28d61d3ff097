//! Hugging Face Text Generation Inference (TGI).

use std::collections::BTreeMap;

use stackwright_synth::Value;

use super::{Container, Weights};
use crate::image::{ContainerImage, Processor};

/// The container of Hugging Face Text Generation Inference (TGI) in AWS's image.
///
/// A setting whose setter is not called is not passed to the container, so that the default of TGI applies.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{TextGeneration, Weights};
///
/// TextGeneration::new("3.3.6", Weights::prefix(S3Location::new("my-models", "qwen3-8b/")))
///     .accelerators(1)
///     .max_input_tokens(4_096)
///     .max_total_tokens(8_192);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TextGeneration {
    image: ContainerImage,
    weights: Weights,
    settings: BTreeMap<&'static str, Value<String>>,
}

impl TextGeneration {
    /// Creates a container with AWS's image of TGI, with the version of TGI, such as `3.3.6`, and the weights of a model.
    #[track_caller]
    pub fn new(version: impl Into<String>, weights: Weights) -> Self {
        Self {
            image: ContainerImage::aws("huggingface-tgi", version, Processor::Gpu),
            weights,
            settings: BTreeMap::new(),
        }
    }

    /// Sets another image, for example one that is based on AWS's image, or a copy of it in the account (`Image`). The
    /// default is AWS's image with the version of the constructor.
    pub fn image(mut self, image: ContainerImage) -> Self {
        self.image = image;
        self
    }

    #[track_caller]
    fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.insert(name, Value::from(value.to_string()).with_caller_location());
        self
    }

    /// Sets the number of accelerators that the model is split over (environment variable `SM_NUM_GPUS`). The default is that
    /// of the image.
    #[track_caller]
    pub fn accelerators(self, number: u32) -> Self {
        self.set("SM_NUM_GPUS", number)
    }

    /// Sets the maximum number of tokens of a prompt (environment variable `MAX_INPUT_TOKENS`). The default is that of TGI. It
    /// must be less than [`max_total_tokens`](Self::max_total_tokens).
    #[track_caller]
    pub fn max_input_tokens(self, tokens: u32) -> Self {
        self.set("MAX_INPUT_TOKENS", tokens)
    }

    /// Sets the maximum number of tokens of a prompt and its response together (environment variable `MAX_TOTAL_TOKENS`). The
    /// default is that of TGI.
    #[track_caller]
    pub fn max_total_tokens(self, tokens: u32) -> Self {
        self.set("MAX_TOTAL_TOKENS", tokens)
    }

    /// Sets the maximum number of tokens of all prompts that are processed in one prefill batch (environment variable
    /// `MAX_BATCH_PREFILL_TOKENS`). The default is that of TGI.
    #[track_caller]
    pub fn max_batch_prefill_tokens(self, tokens: u32) -> Self {
        self.set("MAX_BATCH_PREFILL_TOKENS", tokens)
    }
}

impl From<TextGeneration> for Container {
    fn from(server: TextGeneration) -> Self {
        let container = server.weights.in_container(Container::new(server.image));
        server
            .settings
            .into_iter()
            .fold(container, |container, (name, value)| container.environment(name, value))
    }
}
