//! `scaling-without-dependency`

use super::{POLICY, TARGET};
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT, INFERENCE_COMPONENT, Named, Scaled, scaled};
use crate::check::value::{is_set, string};
use crate::check::view::View;

rule! {
    /// A scalable target names its endpoint or inference component, or a scaling policy its target, by a constant, and
    /// no reference or `DependsOn` orders the two.
    ///
    /// # Why it matters
    ///
    /// CloudFormation creates both at the same time. Application Auto Scaling then refuses the target, because the endpoint
    /// does not exist, or the policy, because no target is registered.
    ///
    /// # How to fix
    ///
    /// Refer to the endpoint in `ResourceId`, and to the target with `ScalingTargetId`, or add `DependsOn`.
    Error "scaling-without-dependency",
    source: "Application Auto Scaling API Reference, RegisterScalableTarget and PutScalingPolicy",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    if view.of_type(ENDPOINT).chain(view.of_type(INFERENCE_COMPONENT)).next().is_some() {
        for target in view.of_type(TARGET) {
            let id = &target.properties["ResourceId"];
            let named = match scaled(view, id) {
                Some(
                    Scaled::Variant(Named::Resource(named), _) | Scaled::Component(Named::Resource(named)),
                ) => named,
                _ => continue,
            };
            if string(id).is_some() && !view.written().waits(target.id, named.id) {
                let message = format!(
                    "the target names `{}` by a constant, so that CloudFormation may create it before the resource",
                    named.id
                );
                findings.add(
                    target,
                    id,
                    message,
                    format!("refer to `{0}`, or add `DependsOn: {0}`", named.id),
                );
                findings.fix_last_by_dependency(target, named);
            }
        }
    }
    for policy in view.of_type(POLICY) {
        let id = &policy.properties["ResourceId"];
        let Some(name) = string(id).filter(|_| !is_set(&policy.properties["ScalingTargetId"])) else {
            continue;
        };
        let dimension = &policy.properties["ScalableDimension"];
        let target = view.of_type(TARGET).find(|target| {
            string(&target.properties["ResourceId"]) == Some(name)
                && target.properties["ScalableDimension"] == **dimension
        });
        if let Some(target) = target.filter(|target| !view.written().waits(policy.id, target.id)) {
            let message = format!(
                "the policy names the resource of `{}` by a constant, so that CloudFormation may create it before the target",
                target.id
            );
            findings.add(
                policy,
                id,
                message,
                format!("use `ScalingTargetId: !Ref {0}`, or add `DependsOn: {0}`", target.id),
            );
            findings.fix_last_by_dependency(policy, target);
        }
    }
}
