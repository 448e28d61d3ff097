//! The security settings of workloads on instances that SageMaker manages: encryption, network and isolation.

use stackwright_synth::{IntoValue, Scope, Value};

use crate::defaults;
use crate::key::EncryptionKey;
use crate::vpc::VpcConfig;

/// The settings of a program for encryption and the network.
#[derive(Clone, Debug, Default)]
pub struct SecuritySettings {
    pub(crate) key: Option<EncryptionKey>,
    pub(crate) vpc: Option<VpcConfig>,
    pub(crate) isolated: Option<Value<bool>>,
}

impl SecuritySettings {
    /// Returns the same settings with the default key of the stack, where no key is set.
    pub(crate) fn with_defaults(mut self, scope: &Scope<'_>) -> Self {
        self.key = defaults::encryption_key(self.key, scope);
        self
    }
}

/// The setters of encryption and of the network, for endpoints on instances.
///
/// ```
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{RealTimeEndpoint, Variant};
/// use stackwright_stacks::{ContainerImage, Processor, SecurityOptions, VpcConfig};
///
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu));
/// RealTimeEndpoint::new(Variant::new("Main", container, "ml.g5.2xlarge"))
///     .kms_key("alias/serving")
///     .vpc(VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]))
///     .network_isolation(true);
/// ```
pub trait SecurityOptions: Sized {
    /// Returns the settings that the other methods change.
    #[doc(hidden)]
    fn security_settings(&mut self) -> &mut SecuritySettings;

    /// Encrypts volumes and outputs with a KMS key, given as a handle, an ARN, an ID or an alias. By default, they are encrypted
    /// with the default key of the stack; if there is none, volumes are encrypted with a key of SageMaker, and outputs with the
    /// key of their bucket. Local NVMe storage is encrypted by the hardware of the instance, with a key of its own.
    #[track_caller]
    fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.security_settings().key = Some(key.into());
        self
    }

    /// Connects the containers to subnets and security groups of a VPC. The role gets the permissions for network interfaces. By
    /// default, they are not connected to a VPC.
    fn vpc(mut self, vpc: impl Into<VpcConfig>) -> Self {
        self.security_settings().vpc = Some(vpc.into());
        self
    }

    /// Sets whether network isolation is enabled (`EnableNetworkIsolation`). If it is, the containers have no network access:
    /// they cannot download files, and their model has to be in S3. The default is `false`.
    #[track_caller]
    fn network_isolation(mut self, isolated: impl IntoValue<bool>) -> Self {
        self.security_settings().isolated = Some(isolated.into().with_caller_location());
        self
    }
}
