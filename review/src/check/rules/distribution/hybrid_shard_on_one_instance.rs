//! `hybrid-shard-on-one-instance`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// PyTorch FSDP with `HYBRID_SHARD` on one instance: there is no second instance to hold a copy, so it is `FULL_SHARD` by
    /// another name.
    Warning "hybrid-shard-on-one-instance",
    source: "PyTorch, torch.distributed.fsdp.ShardingStrategy: HYBRID_SHARD shards within a node and replicates across nodes",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let place = &job.arguments["Environment"]["FSDP_SHARDING_STRATEGY"];
        if string(place) == Some("HYBRID_SHARD") && job.count() == Some(1.0) {
            findings.add(
                job.resource,
                place,
                "HYBRID_SHARD on one instance has nothing to replicate across",
                "use FULL_SHARD, or more instances",
            );
        }
    }
}
