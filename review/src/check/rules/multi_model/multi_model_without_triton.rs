//! `multi-model-without-triton`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{is_gpu, is_multi_model, variants};
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A GPU multi-model endpoint uses another container than NVIDIA Triton.
    ///
    /// # Why it matters
    ///
    /// SageMaker loads models onto a GPU through Triton only.
    ///
    /// # How to fix
    ///
    /// Use a Triton image.
    ///
    /// # Limitations
    ///
    /// An image of another registry is accepted if its name does not show what it contains.
    Error "multi-model-without-triton",
    source: "Amazon SageMaker Developer Guide, multi-model-support.md",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view) {
        if !variant.instance().is_some_and(is_gpu) {
            continue;
        }
        for (model, container) in variant.containers().into_iter().filter(|(_, one)| is_multi_model(one)) {
            let image = &container["Image"];
            // A repository of AWS that is another framework's.
            let other = string(image).filter(|uri| {
                let repository = uri.split_once('/').map_or("", |(_, rest)| rest);
                let frameworks = [
                    "pytorch-inference",
                    "tensorflow-inference",
                    "huggingface-pytorch",
                    "mxnet-inference",
                    "djl-inference",
                    "sagemaker-scikit-learn",
                    "sagemaker-xgboost",
                    "stabilityai-pytorch",
                ];
                frameworks.iter().any(|name| repository.starts_with(name))
            });
            if let Some(uri) = other {
                findings.add(
                    model,
                    image,
                    format!("a GPU multi-model endpoint needs the Triton image, not {uri}"),
                    "use the repository sagemaker-tritonserver",
                );
            }
        }
    }
}
