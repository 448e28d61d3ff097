//! `efa-needs-open-group`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::{first_closed, lets_itself_in};
use crate::check::rules::rule;
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
        let references = &job.arguments["VpcConfig"]["SecurityGroupIds"];
        let closed = first_closed(view, references, |group| lets_itself_in(view, group));
        if let (Some((reference, group)), true) = (closed, is_multi_node) {
            findings.add(
                job.resource,
                reference,
                format!("`{}` does not allow all inbound traffic from itself, which EFA needs", group.id),
                "add an ingress rule with protocol -1 whose source is the security group itself",
            );
        }
    }
}
