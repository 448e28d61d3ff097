//! The images of GPU instances.

use stackwright_synth::{IntoValue, Value, sub};

use crate::cluster::KubernetesVersion;

/// An Amazon Machine Image (AMI) for the instances of a [`GpuFleet`](super::GpuFleet): by its ID, or by an SSM parameter whose
/// value is the ID of the latest AMI.
///
/// A parameter is written as `{{resolve:ssm:…}}`. CloudFormation resolves it at each update of the launch template, so that a
/// deployment may use a newer image. [`Ami::id`] always uses the same image.
///
/// ```
/// use stackwright_stacks::cluster::KubernetesVersion;
/// use stackwright_stacks::fleet::{Ami, Os};
///
/// Ami::deep_learning_base(Os::Ubuntu2204);
/// Ami::deep_learning_pytorch("2.7");
/// Ami::eks_gpu(KubernetesVersion::V1_33);
/// Ami::id("ami-0123456789abcdef0", "/dev/sda1");
/// Ami::from_parameter("/ml/images/training", "/dev/sda1");
/// Ami::ecs_gpu();
/// ```
#[derive(Clone, Debug)]
pub struct Ami {
    image: Value<String>,
    root_device: &'static str,
}

/// The operating system of a deep learning AMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Os {
    /// Ubuntu 22.04.
    Ubuntu2204,
    /// Ubuntu 24.04.
    Ubuntu2404,
    /// Amazon Linux 2023.
    AmazonLinux2023,
}

impl Os {
    fn name(self) -> &'static str {
        match self {
            Self::Ubuntu2204 => "ubuntu-22.04",
            Self::Ubuntu2404 => "ubuntu-24.04",
            Self::AmazonLinux2023 => "amazon-linux-2023",
        }
    }

    fn root_device(self) -> &'static str {
        match self {
            Self::Ubuntu2204 | Self::Ubuntu2404 => "/dev/sda1",
            Self::AmazonLinux2023 => "/dev/xvda",
        }
    }
}

impl Ami {
    fn parameter(name: &str, root_device: &'static str) -> Self {
        Self { image: format!("{{{{resolve:ssm:{name}}}}}").into(), root_device }
    }

    /// Returns AWS's latest deep learning base AMI with the open NVIDIA driver, CUDA, EFA and Docker, for x86.
    #[track_caller]
    pub fn deep_learning_base(os: Os) -> Self {
        Self::parameter(
            &format!(
                "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-{}/latest/ami-id",
                os.name()
            ),
            os.root_device(),
        )
    }

    /// Returns AWS's latest deep learning AMI with this version of PyTorch, such as `2.7`, on Ubuntu 22.04 for x86. The
    /// version is not validated: a parameter that does not exist is an error of the deployment.
    #[track_caller]
    pub fn deep_learning_pytorch(version: &str) -> Self {
        Self::parameter(
            &format!(
                "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-{version}-ubuntu-22.04/latest/ami-id"
            ),
            "/dev/sda1",
        )
    }

    /// Returns AWS's latest AMI for nodes of Amazon EKS with NVIDIA's driver, on Amazon Linux 2023 for x86, for a version of
    /// Kubernetes such as `1.33`. The version is not validated: a parameter that does not exist is an error of the deployment.
    #[track_caller]
    pub fn eks_gpu(version: KubernetesVersion) -> Self {
        Self::parameter(
            &format!(
                "/aws/service/eks/optimized-ami/{}/amazon-linux-2023/x86_64/nvidia/recommended/image_id",
                version.number()
            ),
            "/dev/xvda",
        )
    }

    /// Returns AWS's latest AMI for instances of Amazon ECS with NVIDIA's driver, on Amazon Linux 2 for x86.
    #[track_caller]
    pub fn ecs_gpu() -> Self {
        Self::parameter("/aws/service/ecs/optimized-ami/amazon-linux-2/gpu/recommended/image_id", "/dev/xvda")
    }

    /// Refers to an AMI by its ID, such as `ami-0123456789abcdef0`, with the name of its root device, such as `/dev/sda1`
    /// (Ubuntu) or `/dev/xvda` (Amazon Linux). The root volume is configured under that name.
    #[track_caller]
    pub fn id(id: impl IntoValue<String>, root_device: &'static str) -> Self {
        Self { image: crate::arn::with_prefix(id, "ami-", "an AMI"), root_device }
    }

    /// Refers to the AMI whose ID is the value of an SSM parameter of the account, by the name of the parameter, such as
    /// `/ml/images/training`, with the name of the AMI's root device, such as `/dev/xvda`.
    #[track_caller]
    pub fn from_parameter(name: impl IntoValue<String>, root_device: &'static str) -> Self {
        let name = name.into().with_caller_location();
        let location = name.location();
        if !root_device.starts_with("/dev/") {
            let message = format!("`{root_device}` is not the name of a root device");
            return Self {
                image: Value::invalid("invalid-root-device", message, "use a name such as `/dev/xvda`"),
                root_device,
            };
        }
        Self { image: sub!("{{{{resolve:ssm:{}}}}}", name).with_location(location), root_device }
    }

    pub(super) fn image(&self) -> &Value<String> {
        &self.image
    }

    pub(super) fn root_device(&self) -> &'static str {
        self.root_device
    }
}
