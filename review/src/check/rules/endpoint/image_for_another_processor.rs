//! `image-for-another-processor`

use stackwright_schemas::images::{Processor, built_for};

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::serving::variants;
use crate::check::value::{items, string};
use crate::check::view::{Resource, View};

rule! {
    /// An image of AWS is built for another processor than that of the instances on which it runs: an image for GPUs on
    /// instances without GPUs, an image for CPUs on instances with GPUs, Trainium or Inferentia, or an x86 image on Graviton.
    ///
    /// # Why it matters
    ///
    /// An image for CPUs does not use the accelerators, which cost the same without use. An image for GPUs is several
    /// times larger, and programs such as Triton or vLLM do not start without a GPU. An image for another architecture
    /// does not start at all.
    ///
    /// # How to fix
    ///
    /// Use the image for the processor: `-cpu-` or `-gpu-` in the tag, or the repository for Graviton or Neuron. In Rust,
    /// `ContainerImage::for_instances` and `TrainingJob::pytorch` choose it.
    ///
    /// # Limitations
    ///
    /// The rule recognizes AWS's images by repository name and tag, also in copies. In a heterogeneous cluster, the
    /// image has to fit only one of the instance groups. Batch transform jobs and inference components are not checked.
    Warning "image-for-another-processor",
    source: "sagemaker 2.257.7 image_uris.retrieve, which takes the processor from the instance type",
    applies_to: ["AWS::SageMaker::EndpointConfig", "AWS::StepFunctions::StateMachine", "AWS::SageMaker::Pipeline",
        "AWS::Scheduler::Schedule"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let types: Vec<&str> = job.instances().into_iter().map(|(_, name, _)| name).collect();
        let image = &job.arguments["AlgorithmSpecification"]["TrainingImage"];
        compare(job.resource, image, &types, findings);
    }
    for (resource, request) in view.requests("CreateProcessingJob") {
        let kind = &request.arguments["ProcessingResources"]["ClusterConfig"]["InstanceType"];
        let image = &request.arguments["AppSpecification"]["ImageUri"];
        compare(resource, image, &string(kind).into_iter().collect::<Vec<_>>(), findings);
    }
    for variant in variants(view).filter(|variant| !variant.is_serverless()) {
        let pools = items(&variant.value["InstancePools"]).map(|pool| &pool["InstanceType"]);
        let types: Vec<&str> =
            [&variant.value["InstanceType"]].into_iter().chain(pools).filter_map(|one| string(one)).collect();
        for (model, container) in variant.containers() {
            compare(model, &container["Image"], &types, findings);
        }
    }
}

/// Reports an image that fits none of the instance types.
fn compare(resource: &Resource<'_>, image: &Cursor<'_>, types: &[&str], findings: &mut Findings<'_, '_, '_>) {
    let Some(uri) = string(image) else { return };
    let built = built_for(uri);
    let processors: Option<Vec<Processor>> =
        types.iter().map(|name| Processor::of_instance_type(name)).collect();
    let (Some(first), Some(processors)) = (types.first(), processors) else { return };
    if built.is_empty() || processors.iter().any(|processor| built.contains(processor)) {
        return;
    }
    findings.add(
        resource,
        image,
        format!(
            "the image is built for {}, and `{first}` has {}",
            built[0].hardware(),
            processors[0].hardware()
        ),
        "use the image for the processor of the instance type",
    );
}
