//! The shape of a model: what of its configuration decides how much memory it takes.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// How the layers of a model are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Architecture {
    /// A Llama-style decoder written with PyTorch's own operators (fused RMSNorm, no rotary embedding kept).
    Plain,
    /// Llama and Mistral as Hugging Face implements them.
    Llama,
    /// Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections.
    Qwen2,
    /// Qwen3: Llama with normalized queries and keys.
    Qwen3,
    /// Mixtral: Llama with a mixture of experts.
    Mixtral,
    /// Gemma.
    Gemma,
    /// Gemma 2: four norms a layer, soft-capped logits.
    Gemma2,
    /// Gemma 3: four norms a layer, normalized queries and keys.
    Gemma3,
    /// GPT-2.
    Gpt2,
    /// GPT-NeoX and Pythia.
    GptNeoX,
    /// Phi and Phi-2.
    Phi,
    /// Phi-3 and Phi-4: Llama with fused projections.
    Phi3,
    /// T5.
    T5,
    /// Vision transformer with a classification head.
    Vit,
}

/// Which code runs a Llama-style decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Implementation {
    /// Hugging Face's transformers: norms are written out and keep copies in fp32.
    Transformers,
    /// PyTorch's own operators (`torch.nn.functional.rms_norm`), as Megatron, torchtitan and fused kernels have them.
    Fused,
    /// The configuration was not written by transformers and does not say. The estimate assumes [`Self::Fused`]; its
    /// verdict assumes [`Self::Transformers`], which takes more.
    Unknown,
}

/// A mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experts {
    /// Experts of a layer.
    pub count: u64,
    /// Experts that each token is sent to.
    pub per_token: u64,
    /// Width of an expert's hidden layer.
    pub ffn: u64,
}

/// The vision encoder of a vision-language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vision {
    /// Layers of the encoder.
    pub layers: u64,
    /// Width.
    pub hidden: u64,
    /// Width of the hidden layer of the feed-forward network.
    pub ffn: u64,
    /// Attention heads.
    pub heads: u64,
    /// Side of a patch, pixels.
    pub patch: u64,
    /// Side of the square of patches that becomes one token.
    pub merge: u64,
    /// Layers of the encoder whose results are passed to the decoder beside the last (Qwen3-VL).
    pub deepstack: u64,
}

/// The shape of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelShape {
    /// How the layers are built.
    pub architecture: Architecture,
    /// Width.
    pub hidden: u64,
    /// Layers; of the encoder where there is one.
    pub layers: u64,
    /// Layers of a separate decoder (T5).
    pub decoder_layers: u64,
    /// Attention heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Width of the hidden layer of the feed-forward network.
    pub ffn: u64,
    /// Words of the vocabulary; classes of a classifier.
    pub vocab: u64,
    /// Positions with a learned embedding; 0 where there are none.
    pub positions: u64,
    /// Whether the output layer shares the weights of the embedding.
    pub tied: bool,
    /// Mixture of experts.
    pub experts: Option<Experts>,
    /// Vision encoder.
    pub vision: Option<Vision>,
    /// Whether the feed-forward network has a gate.
    pub gated: bool,
    /// Whether queries and keys are normalized.
    pub qk_norm: bool,
    /// Sliding window of attention, where there is one.
    pub window: Option<u64>,
    /// Probability of dropout above zero.
    pub dropout: bool,
    /// Side of the image and of a patch (vision transformers).
    pub image: Option<(u64, u64)>,
    /// Which code runs the model.
    pub implementation: Implementation,
    /// Doubts to be shown with the estimate.
    pub notes: Vec<String>,
}

/// Why a configuration gives no shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A member is missing.
    #[error("the configuration has no `{0}`")]
    Missing(&'static str),
    /// A member has a value that makes no model.
    #[error("`{name}` of the configuration is {value}; set it to {expected}")]
    Invalid {
        /// The member.
        name: &'static str,
        /// What it says.
        value: String,
        /// What would be valid.
        expected: &'static str,
    },
    /// The architecture is not known.
    #[error(
        "the architecture `{0}` is not known; set `architecture` to the known one that it is built like, or give the numbers explicitly"
    )]
    Unknown(String),
}

/// No member of a configuration is larger than this.
const LARGEST: u64 = 1 << 32;

struct Config<'a>(&'a Json);

impl Config<'_> {
    fn find(&self, names: &[&'static str]) -> Option<u64> {
        names.iter().find_map(|name| self.0.get(*name)?.as_u64())
    }

    fn need(&self, names: &[&'static str]) -> Result<u64, ShapeError> {
        let name = names.first().copied().unwrap_or_default();
        let value = self.find(names).ok_or(ShapeError::Missing(name))?;
        if value == 0 || value > LARGEST {
            return Err(ShapeError::Invalid {
                name,
                value: value.to_string(),
                expected: "a number from 1 to 4294967296",
            });
        }
        Ok(value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    fn positive(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_f64().map(|value| value > 0.0)
    }
}

/// Members that every configuration has that transformers wrote, or that belong to its implementations.
const TRANSFORMERS: [&str; 6] =
    ["transformers_version", "architectures", "rms_norm_eps", "head_dim", "rope_theta", "rope_parameters"];

fn implementation(config: &Json, architecture: Architecture) -> Implementation {
    match architecture {
        Architecture::Plain => Implementation::Fused,
        Architecture::Llama if TRANSFORMERS.iter().all(|name| config.get(*name).is_none()) => {
            Implementation::Unknown
        }
        _ => Implementation::Transformers,
    }
}

fn architecture(config: &Json) -> Result<(Architecture, String), ShapeError> {
    use Architecture::*;
    let config = Config(config);
    let from_class = || {
        let class = config.0.get("architectures")?.get(0)?.as_str()?;
        Some(class.to_lowercase())
    };
    let name = ["architecture", "model_type", "kind"]
        .iter()
        .find_map(|name| config.text(name))
        .map(str::to_lowercase)
        .or_else(from_class)
        // Explicit numbers without a name: a decoder of PyTorch's own operators.
        .unwrap_or_else(|| "plain".to_owned());
    let known = [
        ("plain", Plain),
        ("mixtral", Mixtral),
        ("qwen3_moe", Mixtral),
        ("qwen2_moe", Mixtral),
        ("mistral", Llama),
        ("smollm", Llama),
        ("llama", Llama),
        ("qwen3", Qwen3),
        ("qwen2", Qwen2),
        ("gemma3", Gemma3),
        ("gemma2", Gemma2),
        ("gemma", Gemma),
        ("gpt_neox", GptNeoX),
        ("gptneox", GptNeoX),
        ("gpt2", Gpt2),
        ("phi3", Phi3),
        ("phi4", Phi3),
        ("phi", Phi),
        ("mt5", T5),
        ("t5", T5),
        ("vit", Vit),
    ];
    let found = known.iter().find(|(start, _)| name.starts_with(start));
    match found {
        Some((_, architecture)) => Ok((*architecture, name)),
        None => Err(ShapeError::Unknown(name)),
    }
}

impl ModelShape {
    /// Reads a Hugging Face `config.json`, or explicit numbers under the same names with `architecture` naming a known
    /// architecture that the model is built like.
    ///
    /// ```
    /// use stackwright_estimate::memory::ModelShape;
    ///
    /// let config = serde_json::json!({
    ///     "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    ///     "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": false
    /// });
    /// assert_eq!(ModelShape::from_config(&config)?.parameters(), 8_030_261_248);
    /// # Ok::<(), stackwright_estimate::memory::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the architecture is not known, or a member that decides the size is missing or no positive number.
    pub fn from_config(config: &Json) -> Result<Self, ShapeError> {
        let outer = Config(config);
        let (architecture, name) = architecture(config)?;
        // Vision-language models hold the decoder's numbers in a member of their own.
        let config = Config(config.get("text_config").filter(|inner| inner.is_object()).unwrap_or(config));
        let hidden = config.need(&["hidden_size", "n_embd", "d_model", "hidden"])?;
        let layers = config.need(&["num_hidden_layers", "n_layer", "num_layers", "layers"])?;
        let heads = config.need(&["num_attention_heads", "n_head", "num_heads", "heads"])?;
        let kv_heads = config.find(&["num_key_value_heads", "kv_heads"]).filter(|n| *n > 0).unwrap_or(heads);
        let head_dim = config.find(&["head_dim", "d_kv"]).filter(|n| *n > 0).unwrap_or(hidden / heads);
        let four = || Some(4 * hidden).filter(|_| architecture == Architecture::Gpt2);
        let experts_ffn = config.find(&["moe_intermediate_size"]);
        let ffn = config
            .find(&["intermediate_size", "n_inner", "d_ff", "ffn"])
            .filter(|n| *n > 0)
            .or_else(four)
            .or(experts_ffn)
            .ok_or(ShapeError::Missing("intermediate_size"))?;
        let vocab = match architecture {
            Architecture::Vit => classes(&outer),
            _ => config.need(&["vocab_size", "vocab"])?,
        };
        let mut notes = Vec::new();
        let experts = experts(&config, architecture, experts_ffn.unwrap_or(ffn))?;
        let tied = outer.flag("tie_word_embeddings").or(config.flag("tie_word_embeddings"));
        let positions = match architecture {
            Architecture::Gpt2 => config.find(&["n_positions", "max_position_embeddings"]).unwrap_or(1024),
            _ => 0,
        };
        if name.contains("omni") {
            notes.push("audio encoders are not counted".to_owned());
        }
        Ok(Self {
            architecture,
            hidden,
            layers,
            decoder_layers: match architecture {
                Architecture::T5 => config.find(&["num_decoder_layers"]).unwrap_or(layers),
                _ => 0,
            },
            heads,
            kv_heads,
            head_dim,
            ffn,
            vocab,
            positions,
            // transformers shares T5's matrices whatever the configuration says.
            tied: architecture == Architecture::T5 || tied.unwrap_or(default_tied(architecture)),
            experts,
            vision: vision(&outer)?,
            gated: match architecture {
                Architecture::T5 => {
                    config.text("feed_forward_proj").is_some_and(|form| form.starts_with("gated"))
                }
                Architecture::Gpt2 | Architecture::GptNeoX | Architecture::Phi | Architecture::Vit => false,
                _ => true,
            },
            qk_norm: matches!(architecture, Architecture::Qwen3 | Architecture::Gemma3)
                || name.starts_with("qwen3"),
            window: config
                .find(&["sliding_window"])
                .filter(|_| config.flag("use_sliding_window") != Some(false)),
            dropout: match architecture {
                Architecture::Gpt2 => config.positive("resid_pdrop").unwrap_or(true),
                Architecture::T5 => config.positive("dropout_rate").unwrap_or(true),
                _ => false,
            },
            image: (architecture == Architecture::Vit).then(|| {
                (outer.find(&["image_size"]).unwrap_or(224), outer.find(&["patch_size"]).unwrap_or(16).max(1))
            }),
            implementation: implementation(outer.0, architecture),
            notes,
        })
    }

    /// The same model run by other code.
    #[must_use]
    pub fn run_by(mut self, implementation: Implementation) -> Self {
        self.implementation = implementation;
        self
    }

    /// Whether a layer attends to the sliding window only: all of Mistral, every second of Gemma 2, five of six of
    /// Gemma 3.
    pub(crate) fn is_windowed(&self, layer: u64) -> bool {
        match self.architecture {
            Architecture::Gemma2 => layer.is_multiple_of(2),
            Architecture::Gemma3 => layer % 6 != 5,
            _ => true,
        }
    }

    /// The number of parameters.
    pub fn parameters(&self) -> u64 {
        super::weights::units(self)
            .iter()
            .flat_map(|unit| &unit.tensors)
            .map(|tensor| tensor.elements())
            .sum()
    }
}

fn default_tied(architecture: Architecture) -> bool {
    use Architecture::*;
    matches!(architecture, Gpt2 | Gemma | Gemma2 | Gemma3 | T5)
}

fn classes(config: &Config<'_>) -> u64 {
    let labels = config.0.get("id2label").and_then(Json::as_object).map(|labels| labels.len() as u64);
    config.find(&["num_labels"]).or(labels).unwrap_or(2)
}

fn experts(config: &Config<'_>, architecture: Architecture, ffn: u64) -> Result<Option<Experts>, ShapeError> {
    if architecture != Architecture::Mixtral {
        return Ok(None);
    }
    Ok(Some(Experts {
        count: config.need(&["num_local_experts", "num_experts"])?,
        per_token: config.find(&["num_experts_per_tok"]).unwrap_or(2).max(1),
        ffn,
    }))
}

fn vision(config: &Config<'_>) -> Result<Option<Vision>, ShapeError> {
    let Some(inner) = ["vision_config", "vision"].iter().find_map(|name| config.0.get(*name)) else {
        return Ok(None);
    };
    let inner = Config(inner);
    let deepstack =
        inner.0.get("deepstack_visual_indexes").and_then(Json::as_array).map(|list| list.len() as u64);
    Ok(Some(Vision {
        layers: inner.need(&["depth", "num_hidden_layers"])?,
        hidden: inner.need(&["hidden_size", "embed_dim"])?,
        ffn: inner.need(&["intermediate_size"])?,
        heads: inner.need(&["num_heads", "num_attention_heads"])?,
        patch: inner.find(&["patch_size"]).unwrap_or(16),
        merge: inner.find(&["spatial_merge_size"]).unwrap_or(2).max(1),
        deepstack: deepstack.unwrap_or(3),
    }))
}
