//! Interface endpoints: the services that an isolated network reaches without the internet.

/// A service of AWS that instances reach through a VPC endpoint of the type `Interface` (`AWS::EC2::VPCEndpoint`). The
/// description of each variant starts with the last part of the name of the endpoint service.
///
/// The constants list the endpoints that each kind of workload needs in a network without a route to the internet; a
/// [`Network`](super::Network) always has the gateway endpoint of S3 in addition. The lists come from the AWS
/// documentation of each service and from the Terraform modules of `aws-samples/awsome-distributed-training`
/// (`modules/vpc_endpoints`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InterfaceEndpoint {
    /// `aps-workspaces`: Amazon Managed Service for Prometheus.
    Prometheus,
    /// `autoscaling`: EC2 Auto Scaling.
    AutoScaling,
    /// `cloudformation`: AWS CloudFormation, to which instances send signals.
    CloudFormation,
    /// `ec2`: the API of Amazon EC2, which the Amazon VPC CNI of EKS and scripts on instances call.
    Ec2,
    /// `ec2messages`: messages between Systems Manager and the SSM Agent.
    Ec2Messages,
    /// `ecs`: Amazon ECS.
    Ecs,
    /// `ecs-agent`: the agent of Amazon ECS.
    EcsAgent,
    /// `ecs-telemetry`: metrics of the agent of Amazon ECS.
    EcsTelemetry,
    /// `ecr.api`: the API of Amazon ECR.
    EcrApi,
    /// `ecr.dkr`: the Docker registry of Amazon ECR.
    EcrDkr,
    /// `eks`: the API of Amazon EKS.
    Eks,
    /// `eks-auth`: EKS Pod Identity.
    EksAuth,
    /// `elasticfilesystem`: Amazon EFS.
    Efs,
    /// `fsx`: the API of Amazon FSx, which scripts that mount file systems call.
    Fsx,
    /// `kms`: AWS Key Management Service.
    Kms,
    /// `logs`: CloudWatch Logs.
    Logs,
    /// `monitoring`: CloudWatch metrics.
    Monitoring,
    /// `sagemaker.api`: the API of SageMaker.
    SageMakerApi,
    /// `sagemaker.runtime`: requests to endpoints (`InvokeEndpoint`).
    SageMakerRuntime,
    /// `secretsmanager`: AWS Secrets Manager.
    SecretsManager,
    /// `ssm`: the API of AWS Systems Manager.
    Ssm,
    /// `ssmmessages`: Session Manager.
    SsmMessages,
    /// `sts`: AWS Security Token Service.
    Sts,
}

impl InterfaceEndpoint {
    /// The endpoints that SageMaker training and processing jobs need.
    pub const TRAINING: &'static [Self] = &[
        Self::EcrApi,
        Self::EcrDkr,
        Self::Kms,
        Self::Logs,
        Self::Monitoring,
        Self::SageMakerApi,
        Self::SageMakerRuntime,
        Self::Sts,
    ];

    /// The endpoints that the nodes of a HyperPod cluster with Slurm need.
    pub const HYPERPOD_SLURM: &'static [Self] = &[
        Self::Ec2,
        Self::Ec2Messages,
        Self::EcrApi,
        Self::EcrDkr,
        Self::Fsx,
        Self::Kms,
        Self::Logs,
        Self::Monitoring,
        Self::SageMakerApi,
        Self::SecretsManager,
        Self::Ssm,
        Self::SsmMessages,
        Self::Sts,
    ];

    /// The endpoints that the nodes of a HyperPod cluster with Amazon EKS need.
    pub const HYPERPOD_EKS: &'static [Self] = &[
        Self::Ec2,
        Self::Ec2Messages,
        Self::EcrApi,
        Self::EcrDkr,
        Self::Eks,
        Self::EksAuth,
        Self::Fsx,
        Self::Kms,
        Self::Logs,
        Self::Monitoring,
        Self::Prometheus,
        Self::SageMakerApi,
        Self::Ssm,
        Self::SsmMessages,
        Self::Sts,
    ];

    /// The endpoints that EC2 instances need if users connect to them through Session Manager and they pull images
    /// from Amazon ECR.
    pub const FLEET: &'static [Self] = &[
        Self::AutoScaling,
        Self::CloudFormation,
        Self::Ec2,
        Self::Ec2Messages,
        Self::EcrApi,
        Self::EcrDkr,
        Self::Kms,
        Self::Logs,
        Self::Monitoring,
        Self::Ssm,
        Self::SsmMessages,
        Self::Sts,
    ];

    /// The endpoints that instances of AWS Batch need. They run containers with Amazon ECS.
    pub const BATCH: &'static [Self] = &[
        Self::Ec2,
        Self::Ecs,
        Self::EcsAgent,
        Self::EcsTelemetry,
        Self::EcrApi,
        Self::EcrDkr,
        Self::Kms,
        Self::Logs,
        Self::Monitoring,
        Self::Ssm,
        Self::SsmMessages,
        Self::Ec2Messages,
        Self::Sts,
    ];

    /// Returns the last part of the service name, after the region.
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Prometheus => "aps-workspaces",
            Self::AutoScaling => "autoscaling",
            Self::CloudFormation => "cloudformation",
            Self::Ec2 => "ec2",
            Self::Ec2Messages => "ec2messages",
            Self::Ecs => "ecs",
            Self::EcsAgent => "ecs-agent",
            Self::EcsTelemetry => "ecs-telemetry",
            Self::EcrApi => "ecr.api",
            Self::EcrDkr => "ecr.dkr",
            Self::Eks => "eks",
            Self::EksAuth => "eks-auth",
            Self::Efs => "elasticfilesystem",
            Self::Fsx => "fsx",
            Self::Kms => "kms",
            Self::Logs => "logs",
            Self::Monitoring => "monitoring",
            Self::SageMakerApi => "sagemaker.api",
            Self::SageMakerRuntime => "sagemaker.runtime",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::SsmMessages => "ssmmessages",
            Self::Sts => "sts",
        }
    }

    /// Returns the part of the logical ID that names the endpoint.
    pub(super) fn id(self) -> String {
        format!("{self:?}Endpoint")
    }
}
