//! `unknown-feature`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_unresolved, items, string};
use crate::check::view::View;
use stackwright_schemas::nearest;

rule! {
    /// The record identifier or the event time of a feature group is not one of its features, or the event time has a type
    /// that does not hold a time.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the feature group.
    ///
    /// # How to fix
    ///
    /// Name a feature of `FeatureDefinitions`. The event time is of the type `Fractional` or `String`.
    Error "unknown-feature",
    source: "Amazon SageMaker API Reference, CreateFeatureGroup",
    applies_to: ["AWS::SageMaker::FeatureGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for group in view.of_type("AWS::SageMaker::FeatureGroup") {
        let definitions = &group.properties["FeatureDefinitions"];
        let names: Option<Vec<&str>> = items(definitions)
            .filter(|one| !is_unresolved(one))
            .map(|feature| string(&feature["FeatureName"]))
            .collect();
        let Some(names) =
            names.filter(|names| !names.is_empty() && !items(definitions).any(|one| is_unresolved(one)))
        else {
            continue;
        };
        for property in ["RecordIdentifierFeatureName", "EventTimeFeatureName"] {
            let value = &group.properties[property];
            let Some(name) = string(value) else { continue };
            if !names.contains(&name) {
                let near = nearest(name, names.iter().copied());
                let help = near.map_or_else(
                    || format!("use {}", names.join(", ")),
                    |near| format!("the most similar name is `{near}`"),
                );
                findings.add(group, value, format!("the feature group has no feature `{name}`"), help);
            }
        }
        let time = &group.properties["EventTimeFeatureName"];
        let feature = items(definitions)
            .find(|feature| string(time).is_some_and(|name| feature["FeatureName"] == name));
        if let Some("Integral") = feature.and_then(|feature| string(&feature["FeatureType"])) {
            findings.add(group, time, "the event time has the type Integral", "use `Fractional` or `String`");
        }
    }
}
