//! `tracking-of-fixed-size`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{number, string};
use crate::check::view::View;

rule! {
    /// A target tracking policy scales an Auto Scaling group whose minimum and maximum size are the same.
    ///
    /// # Why it matters
    ///
    /// Amazon EC2 Auto Scaling refuses the policy: there is nothing to scale.
    ///
    /// # How to fix
    ///
    /// Set `MaxSize` above `MinSize`, or remove the policy.
    Error "tracking-of-fixed-size",
    source: "Amazon EC2 Auto Scaling User Guide, \"Target tracking scaling policies\" (cfn-lint 1.58.0, E3712)",
    applies_to: ["AWS::AutoScaling::ScalingPolicy"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for policy in view.of_type("AWS::AutoScaling::ScalingPolicy") {
        if string(&policy.properties["PolicyType"]) != Some("TargetTrackingScaling") {
            continue;
        }
        let group = view.target(&policy.properties["AutoScalingGroupName"]);
        let Some(group) = group.filter(|group| group.type_name == "AWS::AutoScaling::AutoScalingGroup")
        else {
            continue;
        };
        let most = &group.properties["MaxSize"];
        if let (Some(lower), Some(upper)) = (number(&group.properties["MinSize"]), number(most))
            && lower == upper
        {
            let message =
                format!("`{}` tracks a target, and the group always has {upper} instances", policy.id);
            findings.add(group, most, message, format!("set `MaxSize` above {lower}"));
        }
    }
}
