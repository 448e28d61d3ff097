//! Constructs for machine learning on AWS.
//!
//! The crate contains training jobs and their launchers, endpoints and their containers, autoscaling and alarms,
//! clusters, networks, the images, S3 locations and IAM roles that these need, and stack sets for resources that
//! every account should have. Where possible, the types exclude combinations that AWS rejects. Requirements on values are
//! rules of the command `check`.

pub mod autoscaling;
pub mod cluster;
pub mod container;
pub mod endpoint;
pub mod fleet;
pub mod function;
pub mod iam;
pub mod launch;
pub mod network;
pub mod training;

mod alarm;
mod arn;
mod bucket;
mod defaults;
mod deferred_error;
mod document;
mod duration;
mod entries;
mod image;
mod instance_type;
mod key;
mod metric;
mod s3;
mod secret;
mod security;
mod ssm_parameter;
mod stack_set;
mod timestamp;
mod topic;
mod usage;
mod vpc;

pub use arn::{Arn, InvalidArn};
pub use bucket::{BucketReference, ExternalBucket, PrivateBucket, PrivateBucketHandle};
pub use defaults::Defaults;
pub use duration::Seconds;
pub use endpoint::{
    AutoscalingOptions, BlueGreenOptions, EndpointOptions, HostingOptions, InstanceCountOptions,
    MetricsOptions, RollingOptions,
};
pub use iam::{RoleOptions, RoleReference, Statement};
pub use image::{ContainerImage, Mirror, Processor};
pub use key::{EncryptionKey, PrivateKey, PrivateKeyHandle};
pub use metric::{Metric, MetricNamespace, Statistic};
pub use s3::S3Location;
pub use secret::SecretReference;
pub use security::{SecurityOptions, SecuritySettings};
pub use ssm_parameter::SsmParameter;
pub use stack_set::StackSet;
pub use timestamp::Timestamp;
pub use topic::{AlarmTopic, AlarmTopicHandle, TopicReference};
pub use usage::UsageOptions;
pub use vpc::VpcConfig;
