//! The shape of a model: the members of its configuration that determine how much memory it needs.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The architecture of a model, which determines the operators of its layers.
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
    /// Gemma, the first generation.
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
    /// T5: an encoder and a decoder.
    T5,
    /// Vision transformer with a classification head.
    Vit,
}

/// The code that runs a Llama-style decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Implementation {
    /// Hugging Face's transformers: norms consist of several operators, which keep copies in fp32 for the backward pass.
    Transformers,
    /// PyTorch's own operators (`torch.nn.functional.rms_norm`), as in Megatron, torchtitan and fused kernels.
    Fused,
    /// The configuration was not written by transformers and does not state which code runs the model. The estimate
    /// assumes [`Self::Fused`]; its verdict assumes [`Self::Transformers`], which needs more memory.
    Unknown,
}

/// The mixture of experts of a model: their number and widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Experts {
    /// The number of experts of a layer.
    pub count: u64,
    /// The number of experts that each token is sent to.
    pub per_token: u64,
    /// The width of an expert's hidden layer.
    pub ffn: u64,
    /// The width of the hidden layer of the shared expert, which every token is sent to in addition to the others,
    /// with a gate (Qwen2 MoE); 0 if there is none.
    #[serde(default)]
    pub shared_ffn: u64,
}

/// The vision encoder of a vision-language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Vision {
    /// The number of layers of the encoder.
    pub layers: u64,
    /// The width of the model (`hidden_size`).
    pub hidden: u64,
    /// The width of the hidden layer of the feed-forward network (`intermediate_size`).
    pub ffn: u64,
    /// The number of attention heads.
    pub heads: u64,
    /// The side length of a patch in pixels.
    pub patch: u64,
    /// The side length of the square of patches that becomes one token, in patches.
    pub merge: u64,
    /// The number of layers of the encoder whose results are passed to the decoder in addition to the last one
    /// (Qwen3-VL).
    pub deepstack: u64,
    /// Whether the feed-forward network has a gate (Qwen2.5-VL).
    #[serde(default)]
    pub gated: bool,
    /// Whether each position has a learned embedding (Qwen3-VL).
    #[serde(default = "yes")]
    pub learned_positions: bool,
}

fn yes() -> bool {
    true
}

/// The size of the images of a vision transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
#[non_exhaustive]
pub struct ImageSize {
    /// The side length of an image in pixels.
    pub side: u64,
    /// The side length of a patch in pixels.
    pub patch: u64,
}

impl From<(u64, u64)> for ImageSize {
    fn from((side, patch): (u64, u64)) -> Self {
        Self { side, patch }
    }
}

impl From<ImageSize> for (u64, u64) {
    fn from(size: ImageSize) -> Self {
        (size.side, size.patch)
    }
}

/// The shape of a model: the architecture of its layers, and their numbers and widths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[must_use]
pub struct ModelShape {
    /// The architecture of the layers.
    pub architecture: Architecture,
    /// The width of the model (`hidden_size`).
    pub hidden: u64,
    /// The number of layers; for a model with an encoder, those of the encoder.
    pub layers: u64,
    /// The number of layers of a separate decoder (T5).
    pub decoder_layers: u64,
    /// The number of attention heads.
    pub heads: u64,
    /// The number of heads of keys and values.
    pub kv_heads: u64,
    /// The width of a head.
    pub head_dim: u64,
    /// The width of the hidden layer of the feed-forward network (`intermediate_size`).
    pub ffn: u64,
    /// The number of tokens of the vocabulary; for a classifier, the number of classes.
    pub vocab: u64,
    /// The number of positions with a learned embedding; 0 if there are none.
    pub positions: u64,
    /// Whether the output layer shares the weights of the embedding.
    pub tied: bool,
    /// The mixture of experts, if the model has one.
    pub experts: Option<Experts>,
    /// The vision encoder, if the model has one.
    pub vision: Option<Vision>,
    /// Whether the feed-forward network has a gate.
    pub gated: bool,
    /// Whether queries and keys are normalized.
    pub qk_norm: bool,
    /// The number of tokens in the sliding window of attention, if there is one.
    pub window: Option<u64>,
    /// Whether the probability of dropout is above zero.
    pub dropout: bool,
    /// The size of the images; `None` unless the model is a vision transformer.
    pub image: Option<ImageSize>,
    /// The code that runs the model.
    pub implementation: Implementation,
    /// Restrictions of the accuracy, which are shown with the estimate.
    pub notes: Vec<String>,
}

/// The reason why the shape of a model cannot be read from a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A member is missing.
    #[error("the configuration has no `{0}`")]
    Missing(&'static str),
    /// A member has a value that is not possible in a model.
    #[error("`{name}` of the configuration is {value}; set it to {expected}")]
    Invalid {
        /// The name of the member of the configuration, such as `hidden_size`.
        name: &'static str,
        /// The value in the configuration.
        value: String,
        /// A description of the valid values.
        expected: &'static str,
    },
    /// The configuration describes a model with more parameters than any model has.
    #[error(
        "the configuration describes a model of about {0} parameters, and models of more than 10^15 parameters are not estimated"
    )]
    TooLarge(u128),
    /// The architecture is not known.
    #[error(
        "the architecture `{0}` is not known; set `architecture` (`--architecture`) to a known one with the same structure, such as `llama` or `gpt_neox`"
    )]
    Unknown(String),
}

/// The largest value that a member of a configuration may have.
const MAX_MEMBER: u64 = 1 << 24;
/// The largest number of parameters that is estimated.
const MAX_PARAMETERS: u128 = 1_000_000_000_000_000;

struct Config<'a>(&'a Json);

impl Config<'_> {
    /// Returns the first of some members that is set; 0 and `null` count as not set.
    fn find(&self, names: &[&'static str]) -> Result<Option<u64>, ShapeError> {
        for name in names {
            let Some(value) = self.0.get(*name).filter(|value| !value.is_null()) else { continue };
            // Some writers write whole numbers as 4096.0.
            let whole = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
            match whole.filter(|number| *number <= MAX_MEMBER as f64) {
                Some(0.0) => {}
                Some(number) => return Ok(Some(number as u64)),
                None => {
                    let expected = "a whole number from 1 to 16777216";
                    return Err(ShapeError::Invalid { name, value: value.to_string(), expected });
                }
            }
        }
        Ok(None)
    }

    fn need(&self, names: &[&'static str]) -> Result<u64, ShapeError> {
        let name = names.first().copied().unwrap_or_default();
        self.find(names)?.ok_or(ShapeError::Missing(name))
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

/// The numbers of layers and attention heads, and the size of a head.
struct Depth {
    layers: u64,
    heads: u64,
    kv_heads: u64,
    head_dim: u64,
}

impl Depth {
    fn of(config: &Config<'_>, hidden: u64) -> Result<Self, ShapeError> {
        let layers = config.need(&["num_hidden_layers", "n_layer", "num_layers", "layers"])?;
        let heads = config.need(&["num_attention_heads", "n_head", "num_heads", "heads"])?;
        let invalid = |name, value: u64, expected| {
            Err(ShapeError::Invalid { name, value: value.to_string(), expected })
        };
        if layers > 10_000 {
            return invalid("num_hidden_layers", layers, "at most 10000");
        }
        if heads > 4096 {
            return invalid("num_attention_heads", heads, "at most 4096");
        }
        let kv_heads = config.find(&["num_key_value_heads", "kv_heads"])?.unwrap_or(heads);
        let head_dim = config.find(&["head_dim", "d_kv"])?.unwrap_or(hidden / heads);
        if head_dim == 0 {
            return invalid("num_attention_heads", heads, "at most `hidden_size`");
        }
        if kv_heads > heads {
            return invalid("num_key_value_heads", kv_heads, "at most `num_attention_heads`");
        }
        Ok(Self { layers, heads, kv_heads, head_dim })
    }
}

/// Returns what was not compared with measurements, or is not counted, of a model with this name.
fn notes(outer: &Config<'_>, config: &Config<'_>, name: &str) -> Result<Vec<String>, ShapeError> {
    let has_shared_expert =
        name.contains("moe") && config.find(&["shared_expert_intermediate_size"])?.is_some();
    let notes = [
        (
            outer.0.get("vision_config").is_some() && name.starts_with("qwen2"),
            "activations of this vision encoder were not compared with measurements",
        ),
        (has_shared_expert, "the shared expert was not compared with measurements"),
        (name.contains("omni"), "audio encoders are not counted"),
        (
            name.starts_with("granite"),
            "Granite was not compared with measurements; its layers are counted as those of Llama",
        ),
    ];
    Ok(notes.into_iter().filter(|(applies, _)| *applies).map(|(_, note)| note.to_owned()).collect())
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
        ("granite", Llama),
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
    // Mixtures of Granite, and its hybrids with state space layers, have another structure than Granite.
    let is_other = name.starts_with("granite") && name != "granite" && name != "graniteforcausallm";
    let found = known.iter().find(|(start, _)| name.starts_with(start) && !is_other);
    match found {
        Some((_, architecture)) => Ok((*architecture, name)),
        None => Err(ShapeError::Unknown(name)),
    }
}

impl ModelShape {
    /// Reads a Hugging Face `config.json`, or explicit numbers with the same names. The member `architecture` can
    /// state a known architecture with the same structure.
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
    /// Returns an error if the architecture is not known, or if a member that determines the size is missing or is
    /// not a positive number.
    pub fn from_config(config: &Json) -> Result<Self, ShapeError> {
        let outer = Config(config);
        let (architecture, name) = architecture(config)?;
        // Vision-language models hold the decoder's numbers in a member of their own.
        let config = Config(config.get("text_config").filter(|inner| inner.is_object()).unwrap_or(config));
        let hidden = config.need(&["hidden_size", "n_embd", "d_model", "hidden"])?;
        let Depth { layers, heads, kv_heads, head_dim } = Depth::of(&config, hidden)?;
        let four = || Some(4 * hidden).filter(|_| architecture == Architecture::Gpt2);
        let experts_ffn = config.find(&["moe_intermediate_size"])?;
        let ffn = config
            .find(&["intermediate_size", "n_inner", "d_ff", "ffn"])?
            .or_else(four)
            .or(experts_ffn)
            .ok_or(ShapeError::Missing("intermediate_size"))?;
        let vocab = match architecture {
            Architecture::Vit => classes(&outer)?,
            _ => config.need(&["vocab_size", "vocab"])?,
        };
        let experts = experts(&config, architecture, experts_ffn.unwrap_or(ffn))?;
        let tied = outer.flag("tie_word_embeddings").or(config.flag("tie_word_embeddings"));
        let positions = match architecture {
            Architecture::Gpt2 => config.find(&["n_positions", "max_position_embeddings"])?.unwrap_or(1024),
            _ => 0,
        };
        let shape = Self {
            architecture,
            hidden,
            layers,
            decoder_layers: match architecture {
                Architecture::T5 => config.find(&["num_decoder_layers"])?.unwrap_or(layers),
                _ => 0,
            },
            heads,
            kv_heads,
            head_dim,
            ffn,
            vocab,
            positions,
            // transformers shares T5's matrices whatever the configuration states.
            tied: architecture == Architecture::T5 || tied.unwrap_or(default_tied(architecture)),
            experts,
            vision: vision(&outer, &name)?,
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
                .find(&["sliding_window"])?
                .filter(|_| config.flag("use_sliding_window") != Some(false)),
            dropout: match architecture {
                Architecture::Gpt2 => config.positive("resid_pdrop").unwrap_or(true),
                Architecture::T5 => config.positive("dropout_rate").unwrap_or(true),
                _ => false,
            },
            image: match architecture {
                Architecture::Vit => {
                    let side = outer.find(&["image_size"])?.unwrap_or(224);
                    Some(ImageSize { side, patch: outer.find(&["patch_size"])?.unwrap_or(16) })
                }
                _ => None,
            },
            implementation: implementation(outer.0, architecture),
            notes: notes(&outer, &config, &name)?,
        };
        shape.checked()
    }

    /// Returns the shape, or an error if its numbers describe a model that is larger than any existing one.
    pub(crate) fn checked(self) -> Result<Self, ShapeError> {
        let numbers =
            [self.hidden, self.layers, self.heads, self.kv_heads, self.head_dim, self.ffn, self.vocab];
        let is_wrong =
            numbers.iter().any(|number| *number == 0 || *number > MAX_MEMBER) || self.layers > 10_000;
        match self.bound() {
            many if many > MAX_PARAMETERS || is_wrong || self.is_too_deep() => {
                Err(ShapeError::TooLarge(many))
            }
            _ => Ok(self),
        }
    }

    fn is_too_deep(&self) -> bool {
        self.decoder_layers > 10_000
            || self.vision.is_some_and(|vision| vision.layers.max(vision.deepstack) > 10_000)
    }

    /// At least as many as the model has parameters.
    fn bound(&self) -> u128 {
        let wide = u128::from;
        let attention = 4 * wide(self.hidden) * wide(self.heads) * wide(self.head_dim);
        let ffn = self.experts.map_or(wide(self.ffn), |experts| {
            wide(experts.count) * wide(experts.ffn + 1) + wide(experts.shared_ffn)
        });
        let layer = 2 * attention + 3 * wide(self.hidden) * ffn;
        let side = self.image.map_or(0, |size| wide(size.side / size.patch.max(1) + size.patch));
        let vision = self.vision.map_or(0, |vision| {
            let square = wide(vision.hidden) * (4 * wide(vision.hidden) + 2 * wide(vision.ffn));
            let merged = wide(vision.hidden) * wide(vision.merge) * wide(vision.merge);
            let mergers = wide(vision.deepstack + 1) * merged * (merged + wide(self.hidden));
            wide(vision.layers) * square
                + mergers
                + 6 * wide(vision.patch) * wide(vision.patch) * wide(vision.hidden)
        });
        let tables = 2 * wide(self.vocab) + wide(self.positions) + 4 * side * side;
        (wide(self.layers) + wide(self.decoder_layers)) * layer + wide(self.hidden) * tables + vision
    }

    /// Returns the model with another implementation.
    pub fn run_by(mut self, implementation: Implementation) -> Self {
        self.implementation = implementation;
        self
    }

    /// Returns whether a layer attends to the sliding window only: all of Mistral, every second of Gemma 2, five of
    /// six of Gemma 3.
    pub(crate) fn is_windowed(&self, layer: u64) -> bool {
        match self.architecture {
            Architecture::Gemma2 => layer.is_multiple_of(2),
            Architecture::Gemma3 => layer % 6 != 5,
            _ => true,
        }
    }

    /// Returns the number of parameters.
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

fn classes(config: &Config<'_>) -> Result<u64, ShapeError> {
    let labels = config.0.get("id2label").and_then(Json::as_object).map(|labels| labels.len() as u64);
    Ok(config.find(&["num_labels"])?.or(labels).unwrap_or(2))
}

fn experts(config: &Config<'_>, architecture: Architecture, ffn: u64) -> Result<Option<Experts>, ShapeError> {
    if architecture != Architecture::Mixtral {
        return Ok(None);
    }
    Ok(Some(Experts {
        count: config.need(&["num_local_experts", "num_experts"])?,
        per_token: config.find(&["num_experts_per_tok"])?.unwrap_or(2),
        ffn,
        shared_ffn: config.find(&["shared_expert_intermediate_size"])?.unwrap_or(0),
    }))
}

fn vision(config: &Config<'_>, name: &str) -> Result<Option<Vision>, ShapeError> {
    let Some(inner) = ["vision_config", "vision"].iter().find_map(|name| config.0.get(*name)) else {
        return Ok(None);
    };
    let inner = Config(inner);
    let deepstack =
        inner.0.get("deepstack_visual_indexes").and_then(Json::as_array).map(|list| list.len() as u64);
    // Qwen2-VL: `hidden_size` is the width of the decoder, and `mlp_ratio` that of the feed-forward network.
    let hidden = inner.need(&["embed_dim", "hidden_size"])?;
    let by_ratio = inner.find(&["mlp_ratio"])?.map(|ratio| ratio.saturating_mul(hidden));
    let is_first = name.starts_with("qwen2");
    Ok(Some(Vision {
        layers: inner.need(&["depth", "num_hidden_layers"])?,
        hidden,
        ffn: match by_ratio {
            Some(ffn) => ffn,
            None => inner.need(&["intermediate_size"])?,
        },
        heads: inner.need(&["num_heads", "num_attention_heads"])?,
        patch: inner.find(&["patch_size"])?.unwrap_or(if is_first { 14 } else { 16 }),
        merge: inner.find(&["spatial_merge_size"])?.unwrap_or(2),
        deepstack: deepstack.unwrap_or(if is_first { 0 } else { 3 }),
        gated: name.starts_with("qwen2_5"),
        learned_positions: !is_first,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(member: &str, value: Json) -> Result<ModelShape, ShapeError> {
        let mut config = json!({
            "model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000, "num_local_experts": 8
        });
        config[member] = value;
        ModelShape::from_config(&config)
    }

    #[test]
    fn numbers_that_make_no_model_are_refused_with_their_name() {
        for value in
            [json!(-1), json!(1.5), json!("many"), json!(1e300), json!(u64::MAX), json!([1]), json!(true)]
        {
            for member in ["hidden_size", "num_key_value_heads", "intermediate_size", "num_experts_per_tok"] {
                let error = with(member, value.clone()).unwrap_err().to_string();
                assert!(error.contains(member) && error.contains(&value.to_string()), "{error}");
            }
        }
        assert_eq!(with("hidden_size", json!(0)).unwrap_err(), ShapeError::Missing("hidden_size"));
        assert_eq!(with("hidden_size", json!(null)).unwrap_err(), ShapeError::Missing("hidden_size"));
        assert_eq!(with("hidden_size", json!(4096.0)).unwrap(), with("hidden_size", json!(4096)).unwrap());
        let heads = with("num_attention_heads", json!(4097)).unwrap_err().to_string();
        assert!(heads.contains("at most 4096"), "{heads}");
        let heads = with("num_key_value_heads", json!(64)).unwrap_err().to_string();
        assert!(heads.contains("at most `num_attention_heads`"), "{heads}");
        let deep = with("num_hidden_layers", json!(10_001)).unwrap_err().to_string();
        assert!(deep.contains("at most 10000"), "{deep}");
        let large = with("num_local_experts", json!(16_777_216)).unwrap_err();
        assert!(matches!(large, ShapeError::TooLarge(_)), "{large}");
        for unknown in ["granitemoe", "deepseek_v3", "falcon"] {
            assert!(
                matches!(with("model_type", json!(unknown)).unwrap_err(), ShapeError::Unknown(_)),
                "{unknown}"
            );
        }
        assert!(matches!(with("model_type", json!("mamba")).unwrap_err(), ShapeError::Unknown(_)));
    }

    /// Explicit numbers with an architecture that is built alike, whatever the configuration names itself.
    #[test]
    fn explicit_numbers_describe_a_model_whose_own_architecture_is_not_known() {
        let numbers = json!({
            "model_type": "brandnew", "architecture": "llama", "hidden_size": 4096, "layers": 32, "heads": 32, "kv_heads": 8,
            "ffn": 14336, "vocab": 128256, "tie_word_embeddings": false
        });
        assert_eq!(ModelShape::from_config(&numbers).unwrap().parameters(), 8_030_261_248);
        // Granite 3.0 8B: 49155 x 4096 + 40 x (2 x 4096 x 4096 + 2 x 1024 x 4096 + 3 x 12800 x 4096 + 2 x 4096) + 4096.
        let granite = ModelShape::from_config(&json!({
            "model_type": "granite", "hidden_size": 4096, "num_hidden_layers": 40, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 12800, "vocab_size": 49155, "tie_word_embeddings": true
        }))
        .unwrap();
        assert_eq!(granite.parameters(), 8_170_848_256);
        assert_eq!(granite.notes.len(), 1);
    }

    /// The numbers of parameters that the models' pages state.
    #[test]
    fn parameters_of_vision_language_models_and_of_a_shared_expert() {
        let decoder = |members: Json| {
            let mut config = json!({
                "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
                "intermediate_size": 18944, "vocab_size": 152064, "tie_word_embeddings": false
            });
            config.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            ModelShape::from_config(&config).unwrap()
        };
        // Qwen2-VL-7B-Instruct: 8,291,375,616.
        let first = decoder(
            json!({"model_type": "qwen2_vl", "vision_config": {"depth": 32, "embed_dim": 1280,
            "hidden_size": 3584, "mlp_ratio": 4, "num_heads": 16, "patch_size": 14, "spatial_merge_size": 2}}),
        );
        assert_eq!(first.parameters(), 8_291_375_616);
        // Qwen2.5-VL-7B-Instruct: 8,292,166,656.
        let second = decoder(
            json!({"model_type": "qwen2_5_vl", "vision_config": {"depth": 32, "hidden_size": 1280,
            "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584, "patch_size": 14, "spatial_merge_size": 2}}),
        );
        assert_eq!(second.parameters(), 8_292_166_656);
        // Qwen1.5-MoE-A2.7B: 14,315,784,192.
        let mixture = ModelShape::from_config(&json!({
            "model_type": "qwen2_moe", "hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 16,
            "num_key_value_heads": 16, "intermediate_size": 5632, "moe_intermediate_size": 1408, "num_experts": 60,
            "num_experts_per_tok": 4, "shared_expert_intermediate_size": 5632, "vocab_size": 151936,
            "tie_word_embeddings": false
        })).unwrap();
        assert_eq!(mixture.parameters(), 14_315_784_192);
        assert!(!mixture.notes.is_empty() && !first.notes.is_empty());
    }

    #[test]
    fn the_largest_model_that_is_accepted_is_estimated_without_overflow() {
        use crate::memory::{Strategy, Training, training_estimate};

        let shape = with("num_hidden_layers", json!(5000)).unwrap();
        assert!(shape.parameters() > 6_000_000_000_000);
        for strategy in [Strategy::Ddp, Strategy::FullShard, Strategy::Zero1, Strategy::Zero3] {
            let training = Training::new(strategy, 1 << 20);
            assert!(training.validate().is_ok());
            let estimate = training_estimate(&shape, &training, None);
            assert!(estimate.peak.bytes > 1 << 40);
        }
    }
}
