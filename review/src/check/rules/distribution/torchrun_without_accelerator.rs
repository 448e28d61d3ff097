//! `torchrun-without-accelerator`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// torchrun of SageMaker's toolkit is used on an instance type without GPU or Trainium, or with an entry point that
    /// is not a Python file.
    ///
    /// # Why it matters
    ///
    /// The toolkit refuses to start the job.
    ///
    /// # How to fix
    ///
    /// Use an accelerated instance type and a Python entry point.
    Error "torchrun-without-accelerator",
    source: "sagemaker 2.257.7 fw_utils.py validate_torch_distributed_distribution",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        if !job.is_on("sagemaker_torch_distributed_enabled") {
            continue;
        }
        for (location, name, facts) in job.training_instances() {
            if facts.is_some_and(|facts| facts.accelerator_count == Some(0)) {
                findings.add(
                    job.resource,
                    location,
                    format!("torchrun is supported on GPU and Trainium, and {name} has neither"),
                    "",
                );
            }
        }
        let program = job.hyperparameter("sagemaker_program");
        let other = program.as_ref().and_then(string).filter(|name| !name.ends_with(".py"));
        if let Some(name) = other {
            let location = &job.arguments["HyperParameters"]["sagemaker_program"];
            findings.add(
                job.resource,
                location,
                format!("torchrun starts a Python file, not {name}"),
                "name a .py file",
            );
        }
    }
}
