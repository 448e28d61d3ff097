//! `instances-given-twice`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set};
use crate::check::view::View;

rule! {
    /// The instances of a job are set in more than one way: `InstanceType` with `InstanceCount`, `InstanceGroups` or
    /// `InstancePreferences`.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts one of them.
    ///
    /// # How to fix
    ///
    /// Keep one of them.
    Error "instances-given-twice",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ResourceConfig",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let resources = job.resources();
        let groups = &resources["InstanceGroups"];
        let preferences = &resources["InstancePreferences"];
        let of_one_type = ["InstanceType", "InstanceCount"].iter().any(|name| is_set(&resources[*name]));
        for (location, others) in
            [(groups, of_one_type || is_set(preferences)), (preferences, is_set(&resources["InstanceType"]))]
        {
            if is_set(location) && others {
                findings.add(
                    job.resource,
                    location,
                    "`InstanceType`, `InstanceGroups` and `InstancePreferences` exclude each other",
                    "keep one of them",
                );
            }
        }
        if is_set(preferences) && boolean(&job.arguments["EnableManagedSpotTraining"]) == Some(true) {
            findings.add(
                job.resource,
                preferences,
                "`InstancePreferences` do not support managed spot training",
                "use one instance type",
            );
        }
    }
}
