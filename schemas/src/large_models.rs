//! The settings of AWS's large model inference containers.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

#[derive(Deserialize)]
struct Keys {
    common: Vec<String>,
    vllm: Vec<String>,
    tensorrt_llm: Vec<String>,
}

/// The inference engine of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// vLLM.
    Vllm,
    /// NVIDIA TensorRT-LLM.
    TensorRtLlm,
}

/// Returns the keys of `serving.properties` that DJL Serving documents for an engine, without the prefix `option.`.
pub fn option_keys(engine: Engine) -> impl Iterator<Item = &'static str> {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    let keys: &'static Keys =
        KEYS.get_or_init(|| embedded(include_str!("../facts/large_model_inference.json")));
    let own = match engine {
        Engine::Vllm => &keys.vllm,
        Engine::TensorRtLlm => &keys.tensorrt_llm,
    };
    keys.common.iter().chain(own).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::{Engine, option_keys};

    #[test]
    fn each_engine_has_its_own_keys() {
        assert!(option_keys(Engine::Vllm).any(|key| key == "max_model_len"));
        assert!(option_keys(Engine::TensorRtLlm).any(|key| key == "max_num_tokens"));
        assert!(!option_keys(Engine::TensorRtLlm).any(|key| key == "max_model_len"));
        assert!(option_keys(Engine::TensorRtLlm).any(|key| key == "tensor_parallel_degree"));
    }
}
