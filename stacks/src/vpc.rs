//! The VPC configuration of jobs, models and endpoints.

use stackwright_synth::{IntoValue, Value};

use crate::network::NetworkHandle;

/// The subnets and security groups of a VPC for the network interfaces of jobs, endpoints and functions (`VpcConfig`).
///
/// Functions that take `impl Into<VpcConfig>` also accept the handle of a network, which stands for all its private subnets
/// and its security groups for instances.
///
/// ```
/// use stackwright_stacks::VpcConfig;
/// use stackwright_synth::Value;
///
/// let subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"].map(Value::from).to_vec();
/// VpcConfig::new(subnets, vec![Value::from("sg-0123456789abcdef0")]);
/// ```
#[derive(Clone, Debug)]
pub struct VpcConfig {
    pub(crate) subnets: Value<Vec<String>>,
    pub(crate) security_groups: Value<Vec<String>>,
}

impl VpcConfig {
    /// Creates a configuration with the IDs of subnets, such as `subnet-0123456789abcdef0`, and the IDs of security groups, such
    /// as `sg-0123456789abcdef0`.
    #[track_caller]
    pub fn new(subnets: impl IntoValue<Vec<String>>, security_groups: impl IntoValue<Vec<String>>) -> Self {
        Self {
            subnets: crate::arn::all_with_prefix(subnets, "subnet-", "a subnet"),
            security_groups: crate::arn::all_with_prefix(security_groups, "sg-", "a security group"),
        }
    }
}

impl From<&NetworkHandle> for VpcConfig {
    fn from(network: &NetworkHandle) -> Self {
        Self::new(network.subnet_ids(), network.security_group_ids())
    }
}
