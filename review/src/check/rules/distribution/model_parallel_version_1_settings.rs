//! `model-parallel-version-1-settings`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::is_version_1;
use crate::check::rules::rule;
use crate::check::value::{boolean, number, string};
use crate::check::view::View;

rule! {
    /// Settings of SageMaker model parallel version 1 are unknown, exclude each other or are out of range.
    ///
    /// # Why it matters
    ///
    /// The library stops the job when it starts.
    ///
    /// # How to fix
    ///
    /// Correct the setting that the message names.
    Error "model-parallel-version-1-settings",
    source: "sagemaker 2.257.7 fw_utils.py validate_mp_config",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let Some(parameters) = job.model_parallel().filter(is_version_1) else { continue };
        let location = &job.arguments["HyperParameters"]["mp_parameters"];
        for (name, known) in [
            ("pipeline", ["simple", "interleaved", "_only_forward"].as_slice()),
            ("placement_strategy", &["spread", "cluster"]),
            ("optimize", &["speed", "memory"]),
        ] {
            let unknown = string(&parameters[name]).filter(|given| !known.contains(given));
            if let Some(given) = unknown {
                findings.add(
                    job.resource,
                    location,
                    format!("{name} does not accept the value {given}"),
                    format!("use {}", known.join(", ")),
                );
            }
        }
        if boolean(&parameters["ddp"]) == Some(true) && boolean(&parameters["horovod"]) == Some(true) {
            findings.add(job.resource, location, "ddp and horovod exclude each other", "");
        }
        if let (Some(given), Some(all)) =
            (number(&parameters["default_partition"]), number(&parameters["partitions"]))
            && given >= all
        {
            findings.add(
                job.resource,
                location,
                format!("the partition {given} does not exist"),
                format!("use a number below {all}"),
            );
        }
        if let Some(given) =
            number(&parameters["memory_weight"]).filter(|weight| !(0.0..=1.0).contains(weight))
        {
            findings.add(
                job.resource,
                location,
                format!("memory_weight {given} is out of range"),
                "use a value from 0 to 1",
            );
        }
    }
}
