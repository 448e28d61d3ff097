//! GPU instances on EC2: p5 instances with EFA in a capacity block, and a mix of g5 and g6 instances, most of them spot.

use stackwright::prelude::*;
use stackwright::stacks::fleet::{Ami, GpuFleet, Os, SpotMix};
use stackwright::stacks::network::{Endpoint, Network};

/// The reservation of the capacity block.
const BLOCK: &str = "cr-0123456789abcdef0";

/// The stack of the project.
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
            .endpoints(Endpoint::FLEET),
    );
    let training = stack.add(
        "Training",
        GpuFleet::capacity_block(
            // The zone of the capacity block.
            &network.in_subnet(0),
            "p5.48xlarge",
            Ami::deep_learning_base(Os::Ubuntu2204),
            BLOCK,
        )
        .instances(0..=4)
        .efa()
        .root_volume_gb(500),
    );
    let inference = stack.add(
        "Inference",
        GpuFleet::mixed(
            &network,
            SpotMix::of(["g5.12xlarge", "g6.12xlarge"]).on_demand_base(1).spot_percent(80),
            Ami::deep_learning_base(Os::AmazonLinux2023),
        )
        .instances(1..=8),
    );
    stack.add("TrainingGroup", Output::new(training.group_name()));
    stack.add("InferenceGroup", Output::new(inference.group_name()));
    app
}
