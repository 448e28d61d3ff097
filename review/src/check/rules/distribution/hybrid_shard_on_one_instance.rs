//! `hybrid-shard-on-one-instance`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// PyTorch FSDP uses `HYBRID_SHARD` on one instance.
    ///
    /// # Why it matters
    ///
    /// Without a second instance to replicate to, the strategy is the same as `FULL_SHARD`.
    ///
    /// # How to fix
    ///
    /// Use `FULL_SHARD`, or more instances.
    Warning "hybrid-shard-on-one-instance",
    source: "PyTorch, torch.distributed.fsdp.ShardingStrategy: HYBRID_SHARD shards within a node and replicates across nodes",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let location = &job.arguments["Environment"]["FSDP_SHARDING_STRATEGY"];
        if string(location) == Some("HYBRID_SHARD") && job.count() == Some(1.0) {
            findings.add(
                job.resource,
                location,
                "HYBRID_SHARD replicates across instances, and the job has one instance",
                "use FULL_SHARD, or more instances",
            );
        }
    }
}
