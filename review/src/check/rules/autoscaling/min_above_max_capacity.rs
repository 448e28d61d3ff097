//! `min-above-max-capacity`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::value::{items, number};
use crate::check::view::View;

rule! {
    /// The minimum capacity of a scalable target, of one of its scheduled actions or of an Auto Scaling group is above
    /// the maximum.
    ///
    /// # Why it matters
    ///
    /// The service refuses the resource.
    ///
    /// # How to fix
    ///
    /// Lower the minimum or raise the maximum.
    Error "min-above-max-capacity",
    source: "Application Auto Scaling API Reference, RegisterScalableTarget",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget", "AWS::AutoScaling::AutoScalingGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let actions =
            items(&target.properties["ScheduledActions"]).map(|action| &action["ScalableTargetAction"]);
        for holder in Some(&target.properties).into_iter().chain(actions) {
            let (least, most) = (&holder["MinCapacity"], &holder["MaxCapacity"]);
            if let (Some(lower), Some(upper)) = (number(least), number(most))
                && lower > upper
            {
                findings.add(
                    target,
                    least,
                    format!("`MinCapacity` {lower} is above `MaxCapacity` {upper}"),
                    format!("set it to at most {upper}"),
                );
            }
        }
    }
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let of_group = |name: &str| &group.properties[name];
        for (lower, upper) in [("MinSize", "MaxSize"), ("DesiredCapacity", "MaxSize")] {
            if let (Some(least), Some(most)) = (number(of_group(lower)), number(of_group(upper)))
                && least > most
            {
                let message = format!("`{lower}` {least} is above `{upper}` {most}");
                findings.add(group, of_group(lower), message, format!("set it to at most {most}"));
            }
        }
        let desired = of_group("DesiredCapacity");
        if let (Some(least), Some(given)) = (number(of_group("MinSize")), number(desired))
            && given < least
        {
            let message = format!("`DesiredCapacity` {given} is below `MinSize` {least}");
            findings.add(group, desired, message, format!("set it to at least {least}"));
        }
    }
}
