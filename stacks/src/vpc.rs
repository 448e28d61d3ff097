//! Where in a network something runs.

use stackwright_synth::{IntoValue, Value};

/// Subnets and security groups of a VPC that network interfaces of jobs and endpoints are put into.
#[derive(Clone, Debug)]
pub struct VpcConfig {
    pub(crate) subnets: Value<Vec<String>>,
    pub(crate) security_groups: Value<Vec<String>>,
}

impl VpcConfig {
    /// By the ids of subnets and security groups.
    #[track_caller]
    pub fn new(subnets: impl IntoValue<Vec<String>>, security_groups: impl IntoValue<Vec<String>>) -> Self {
        Self {
            subnets: subnets.into().with_caller_location(),
            security_groups: security_groups.into().with_caller_location(),
        }
    }
}
