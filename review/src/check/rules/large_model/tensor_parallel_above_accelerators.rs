//! `tensor-parallel-above-accelerators`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::serving::neuron_cores;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// The tensor parallel degree is larger than the number of accelerators of the instance. On Inferentia and
    /// Trainium, the rule counts NeuronCores, of which a chip has several.
    ///
    /// # Why it matters
    ///
    /// The container does not start.
    ///
    /// # How to fix
    ///
    /// Lower the degree, or use a larger instance type.
    Error "tensor-parallel-above-accelerators",
    source: "djl-serving configurations.md:93; hardware of instance types, moto 5.2.5",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let location = settings.location("TENSOR_PARALLEL_DEGREE");
        let Some(degree) = number(location) else { continue };
        for instance in settings.instances(view, model) {
            let cores = neuron_cores(instance);
            let unit = if cores.is_some() { "NeuronCores" } else { "accelerators" };
            if let Some(has) = cores.or(instance.accelerator_count).filter(|has| degree > f64::from(*has)) {
                let message = format!(
                    "the tensor parallel degree {degree} is larger than the {has} {unit} of {}",
                    instance.instance_type
                );
                findings.add(model, location, message, "use `max`, or a larger instance type");
            }
        }
    }
}
