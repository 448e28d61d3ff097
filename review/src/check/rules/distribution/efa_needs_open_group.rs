//! `efa-needs-open-group`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::lets_itself_in;
use crate::check::rules::rule;
use crate::check::value::items;
use crate::check::view::View;

rule! {
    /// Instances communicate through EFA in a security group that does not allow all traffic from and to itself.
    ///
    /// # Why it matters
    ///
    /// The job waits for the network until it times out.
    ///
    /// # How to fix
    ///
    /// Add ingress and egress rules for all protocols with the group itself as source and destination.
    Error "efa-needs-open-group",
    source: "Amazon SageMaker Developer Guide, EFA in training; EC2 User Guide, efa-start.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let is_multi_node = job.count().is_some_and(|count| count > 1.0)
            && job.instances().iter().any(|(_, _, facts)| {
                facts.and_then(|facts| facts.efa_interfaces).is_some_and(|number| number > 0)
            });
        for reference in items(&job.arguments["VpcConfig"]["SecurityGroupIds"]).filter(|_| is_multi_node) {
            if let Some(group) = view.target(reference).filter(|group| !lets_itself_in(view, group)) {
                let message =
                    format!("`{}` does not allow all inbound traffic from itself, which EFA needs", group.id);
                findings.add(
                    job.resource,
                    reference,
                    message,
                    "add an ingress rule with protocol -1 whose source is the security group itself",
                );
            }
        }
    }
}
