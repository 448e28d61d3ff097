//! `wrong-traffic-routing`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::ENDPOINT;
use crate::check::value::{is_set, number, string};
use crate::check::view::View;

rule! {
    /// The traffic routing of a blue/green update has no size for its type, the size of another type, or a size out of
    /// range.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the update of the endpoint.
    ///
    /// # How to fix
    ///
    /// Set `CanarySize` with `CANARY`, at most half of the capacity, or `LinearStepSize` with `LINEAR`, between 10 %
    /// and 50 %.
    Error "wrong-traffic-routing",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json TrafficRoutingConfig",
    applies_to: ["AWS::SageMaker::Endpoint"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for endpoint in view.of_type(ENDPOINT) {
        let routing =
            &endpoint.properties["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"];
        let Some(kind) = string(&routing["Type"]) else { continue };
        for (of_kind, name, range) in
            [("CANARY", "CanarySize", 1.0..=50.0), ("LINEAR", "LinearStepSize", 10.0..=50.0)]
        {
            let size = &routing[name];
            if kind != of_kind && is_set(size) {
                findings.add(
                    endpoint,
                    size,
                    format!("`{name}` applies to {of_kind}, and the type is {kind}"),
                    "leave it out, or change the type",
                );
            } else if kind == of_kind && !is_set(size) {
                findings.add(endpoint, routing, format!("{kind} needs `{name}`"), "");
            } else if kind == of_kind && string(&size["Type"]) == Some("CAPACITY_PERCENT") {
                let outside = number(&size["Value"]).filter(|value| !range.contains(value));
                if let Some(value) = outside {
                    let help = format!("use {} to {}", range.start(), range.end());
                    findings.add(
                        endpoint,
                        &size["Value"],
                        format!("`{name}` of {value} % is out of range"),
                        help,
                    );
                }
            }
        }
    }
}
