//! `gpu-image-on-serverless`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::variants;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A serverless endpoint uses an AWS image for GPUs.
    ///
    /// # Why it matters
    ///
    /// Serverless endpoints have no GPU, and most of these images exceed the limit of 10 GB.
    ///
    /// # How to fix
    ///
    /// Use an image for CPUs.
    Warning "gpu-image-on-serverless",
    source: "Amazon SageMaker Developer Guide, serverless-endpoints.md, feature exclusions (2023-06)",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

/// Repositories of AWS without an image for processors.
const FOR_GPUS_ONLY: [&str; 2] = ["djl-inference", "huggingface-pytorch-tgi-inference"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view).filter(|one| one.is_serverless()) {
        for (model, container) in variant.containers() {
            let image = &container["Image"];
            let is_for_gpus = string(image).is_some_and(|uri| {
                let name = uri.split_once('/').map_or(uri, |(_, name)| name);
                let (repository, tag) = name.split_once(':').unwrap_or((name, ""));
                tag.split('-').any(|part| part == "gpu")
                    || FOR_GPUS_ONLY.contains(&repository)
                    || (repository == "sagemaker-tritonserver" && !tag.ends_with("-cpu"))
            });
            if is_for_gpus {
                findings.add(
                    model,
                    image,
                    "this image needs a GPU, and serverless endpoints have none".to_owned(),
                    "use the CPU image, or a real-time or asynchronous endpoint",
                );
            }
        }
    }
}
