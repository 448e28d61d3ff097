//! `bfloat16-on-old-accelerator`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A model is loaded as bfloat16 on accelerators below compute capability 8.0.
    ///
    /// # Why it matters
    ///
    /// The accelerator does not compute with bfloat16, and the container stops.
    ///
    /// # How to fix
    ///
    /// Use float16, or an instance type with newer accelerators than the T4 and the V100.
    Error "bfloat16-on-old-accelerator",
    source: "djl-serving configurations.md:92; CUDA compute capability by instance type",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let location = settings.location("DTYPE");
        if !matches!(settings.get("DTYPE"), Some("bf16" | "bfloat16")) {
            continue;
        }
        for instance in settings.instances(view, model) {
            let capability = instance.accelerators().and_then(|facts| facts.cuda_compute_capability);
            if let Some(has) = capability.filter(|has| *has < 8.0) {
                let message = format!(
                    "{} does not support bfloat16 (compute capability {has})",
                    instance.instance_type
                );
                findings.add(model, location, message, "use fp16, or a g5 or newer instance type");
            }
        }
    }
}
