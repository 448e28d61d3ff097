//! GPU instances on EC2: p5 instances with EFA in a capacity block, and a mix of g5 and g6 instances, most of them spot.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::stacks::fleet::{
    Ami, GpuFleet, InstanceRefresh, LaunchBan, LifecycleHook, MonthlyBudget, Os, ScheduledSize, SpotMix,
};
use stackwright::stacks::network::{InterfaceEndpoint, Network};

/// The capacity reservation of the capacity block.
const BLOCK: &str = "cr-0123456789abcdef0";

/// Returns the app with the stack of the project.
pub fn app() -> App {
    let app = App::new("gpu-fleet");
    let stack = app
        .stack("Fleets")
        .region("us-east-1")
        .description("p5 instances in a capacity block, and a spot mix of g5 and g6 instances");
    let network = stack.add(
        "Network",
        Network::isolated("10.0.0.0/16", 2)
            .zone_ids(["use1-az4", "use1-az6"])
            .efa()
            .endpoints(InterfaceEndpoint::FLEET),
    );
    let training = stack.add(
        "Training",
        GpuFleet::capacity_block(
            &network.in_subnet(0),
            "p5.48xlarge",
            Ami::deep_learning_base(Os::Ubuntu2204),
            BLOCK,
        )
        .capacity_zone_id("use1-az4")
        .instances(0..=4)
        .efa()
        .root_volume_gb(500)
        .stripe_local_disks()
        .user_data("#!/bin/bash\nset -euo pipefail\nmkdir -p /local/checkpoints\n")
        .tag("team", "research"),
    );
    let inference = stack.add(
        "Inference",
        GpuFleet::mixed(
            &network,
            SpotMix::of(["g5.12xlarge", "g6.12xlarge"]).on_demand_base(1).spot_percent(80),
            Ami::deep_learning_base(Os::AmazonLinux2023),
        )
        .instances(0..=8)
        .track_gpu_utilization(70.0)
        // The group has no instances at night and at weekends, and is also scaled to zero when its GPUs are idle for
        // two hours.
        .schedule(ScheduledSize::new("Night", "0 20 * * *", 0..=0).time_zone("Europe/Berlin"))
        .schedule(ScheduledSize::new("Morning", "0 7 * * MON-FRI", 1..=8).time_zone("Europe/Berlin"))
        .switch_off_when_idle(5.0, Duration::from_hours(2))
        .lifecycle_hook(LifecycleHook::terminating("Drain", Duration::from_mins(5)))
        .instance_refresh(
            InstanceRefresh::keeping_healthy(90).checkpoints([20, 100], Duration::from_mins(10)),
        )
        .tag("team", "research"),
    );
    let budget = stack.add(
        "Budget",
        MonthlyBudget::new(20_000.0).of_tag("team", "research").email("ml-costs@example.com").at_percent(90),
    );
    // When the budget is spent, the researchers can start no more instances and jobs.
    stack.add(
        "Ban",
        LaunchBan::new(budget.reference(), 100.0).role("Researchers").email("ml-costs@example.com"),
    );
    stack.add("TrainingGroup", Output::new(training.group_name()));
    stack.add("InferenceGroup", Output::new(inference.group_name()));
    app
}
