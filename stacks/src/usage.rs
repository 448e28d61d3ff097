//! The expected usage of a construct, stated in the program.

use stackwright_estimate::cost::{ResourceUsage, USAGE_MEMBER};
use stackwright_synth::{Construct, Customized, Resource, ResourceOptions as _};

/// The setter of the expected usage of a construct, from which the command `estimate` computes costs.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::{PrivateBucket, UsageOptions};
/// use stackwright_estimate::cost::{self, ResourceUsage};
/// use stackwright_synth::App;
///
/// let app = App::new("shop");
/// let models = PrivateBucket::new().usage(ResourceUsage::new().gigabytes(500));
/// app.stack("Serving").region("us-east-1").add("Models", models);
/// let estimate = cost::of_assembly(&app.synth()?, &cost::Options::default());
/// // 500 GB x 0.023 USD a month.
/// assert_eq!(estimate.monthly().ceiling.exact(), "11.50");
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
pub trait UsageOptions: Construct + Sized {
    /// States the usage of the construct's main resource: requests per month and their duration, the typical share of
    /// the capacity, stored gigabytes, and others. For a pipeline, a state machine or a schedule, the usage applies to each of
    /// its jobs. By default, no usage is stated.
    ///
    /// The usage is written into the `Metadata` of the resource as `stackwright-usage`. A value in the file of
    /// `estimate --usage` takes precedence.
    #[track_caller]
    fn usage(self, usage: ResourceUsage) -> Customized<Self> {
        let statement = serde_json::to_value(&usage).unwrap_or_default();
        self.customize_part("", move |resource: Resource| resource.metadata(USAGE_MEMBER, statement.clone()))
    }
}

impl<C: Construct> UsageOptions for C {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stackwright_estimate::cost;
    use stackwright_synth::App;

    use super::*;
    use crate::container::Container;
    use crate::endpoint::{MemorySize, ServerlessEndpoint};
    use crate::{ContainerImage, Processor, S3Location};

    #[test]
    fn a_serverless_endpoint_states_its_requests() {
        let app = App::new("shop");
        let stack = app.stack("DevTest").region("us-east-1");
        let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
            .model(S3Location::new("my-models", "relevance/3/model.tar.gz"));
        let usage = ResourceUsage::new().requests_per_month(30_000).duration(Duration::from_millis(1667));
        stack.add("Scorer", ServerlessEndpoint::new(container).memory(MemorySize::Gb6).usage(usage));
        let assembly = app.synth().unwrap();
        let template: serde_json::Value = serde_json::from_str(assembly.stacks[0].template.json()).unwrap();
        let statement = serde_json::json!({ "requests_per_month": 30_000, "duration_ms": 1667 });
        assert_eq!(template["Resources"]["Scorer"]["Metadata"][USAGE_MEMBER], statement);
        let estimate = cost::of_assembly(&assembly, &cost::Options::default());
        let line = estimate.lines.iter().find(|line| line.item.contains("serverless requests")).unwrap();
        // 30,000 x 1.667 s x 6 GB x 0.00002 USD.
        assert_eq!(line.ceiling.unwrap().to_string(), "6.00");
    }
}
