//! Large model inference (LMI) containers.

mod bfloat16_on_old_accelerator;
mod draft_model_without_path;
mod inference_memory_exceeded;
mod pipeline_parallel_with_vllm;
mod removed_rolling_batch;
mod rolling_batch_of_another_container;
mod tensor_parallel_above_accelerators;
mod unsupported_quantization;

use stackwright_schemas::instances::Instance;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::serving::{MODEL, containers};
use crate::check::text::Text;
use crate::check::value::string;
use crate::check::view::{Resource, View};

pub(super) const RULES: &[&Rule] = &[
    &removed_rolling_batch::RULE,
    &rolling_batch_of_another_container::RULE,
    &unsupported_quantization::RULE,
    &tensor_parallel_above_accelerators::RULE,
    &pipeline_parallel_with_vllm::RULE,
    &draft_model_without_path::RULE,
    &bfloat16_on_old_accelerator::RULE,
    &inference_memory_exceeded::RULE,
];

/// The options of an LMI container in its environment.
struct Settings<'v, 'a> {
    container: &'v Cursor<'a>,
}

/// Returns the LMI containers of a template, each with its model.
fn servers<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = (&'v Resource<'a>, Settings<'v, 'a>)> {
    view.of_type(MODEL).flat_map(|model| {
        let is_lmi = |container: &&Cursor<'_>| {
            Text::of(&container["Image"]).fragments().any(|part| part.contains("djl-inference"))
        };
        containers(model).filter(is_lmi).map(move |container| (model, Settings { container }))
    })
}

impl<'v, 'a> Settings<'v, 'a> {
    /// Returns the value of an option: `ROLLING_BATCH` is `OPTION_ROLLING_BATCH`.
    fn location(&self, option: &str) -> &'v Cursor<'a> {
        &self.container["Environment"][format!("OPTION_{option}")]
    }

    fn get(&self, option: &str) -> Option<&'v str> {
        string(self.location(option))
    }

    /// Returns whether the image is TensorRT-LLM's; not known of an image without a known tag.
    fn is_tensorrt(&self) -> Option<bool> {
        let image = string(&self.container["Image"])?;
        let tag = image.rsplit_once(':')?.1;
        (tag.contains("tensorrtllm") || tag.contains("lmi")).then(|| tag.contains("tensorrtllm"))
    }

    /// Returns the instance types that serve the model.
    fn instances(&self, view: &View<'_>, model: &Resource<'_>) -> Vec<&'static Instance> {
        let hosts = view.hosts().of_variants.get(model.id);
        hosts.into_iter().flatten().map(|(instance, _)| *instance).collect()
    }
}
