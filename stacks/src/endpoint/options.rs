//! The setters that kinds of endpoints share, as traits.

use std::time::Duration;

use stackwright_resources::sagemaker::endpoint_config::InferenceAmiVersion;
use stackwright_synth::{IntoValue, Value};

use super::deployment::{BlueGreen, Rolling, Update};
use super::hosting::{Hosting, InstanceMetrics, Routing};
use super::settings::Settings;
use crate::autoscaling::{CapacityRange, Scaling, Target};
use crate::duration::Seconds;
use crate::key::EncryptionKey;
use crate::s3::S3Location;
use crate::topic::TopicReference;

/// The setters of every endpoint and inference component: its name, tags, alarms and logs.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{EndpointOptions, ServerlessEndpoint};
/// use stackwright_stacks::{ContainerImage, Processor};
///
/// ServerlessEndpoint::new(Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu)))
///     .name("relevance")
///     .tag("team", "vision")
///     .error_alarm(0.05)
///     .latency_alarm(Duration::from_millis(250))
///     .dashboard();
/// ```
pub trait EndpointOptions: Sized {
    /// Returns the settings that the other methods change.
    #[doc(hidden)]
    fn settings(&mut self) -> &mut Settings;

    /// Sets the name of the endpoint or the component (`EndpointName` or `InferenceComponentName`). The default is
    /// `STACK-ID`, the stack's name and the construct's ID; a default with more than 63 characters is an error. If the
    /// name is changed, CloudFormation replaces the resource.
    #[track_caller]
    fn name(mut self, name: impl IntoValue<String>) -> Self {
        self.settings().name = Some(name.into().with_caller_location());
        self
    }

    /// Adds a tag to the endpoint and its configuration, or to the component, in addition to the tags of the stack
    /// (`Tags`). A second call for the same key replaces the value.
    #[track_caller]
    fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.settings().tags, key, value.into().with_caller_location());
        self
    }

    /// Adds an SNS topic that is notified when one of the construct's alarms enters `ALARM`: an
    /// [`AlarmTopic`](crate::AlarmTopic), or any topic by its handle or ARN. By default, the alarms notify nobody.
    #[track_caller]
    fn notify(mut self, topic: impl Into<TopicReference>) -> Self {
        self.settings().topics.push(topic.into());
        self
    }

    /// Sets the share of requests with a server error (5xx), from 0 to 1, above which an alarm enters `ALARM` and
    /// rolls an update back. Two of three minutes have to be above it. The default is 0.01.
    #[track_caller]
    fn error_alarm(mut self, share: impl IntoValue<f64>) -> Self {
        self.settings().errors = share.into().with_caller_location();
        self
    }

    /// Sets the 99th percentile of the time in the container (`ModelLatency`) above which an alarm enters `ALARM` and
    /// rolls an update back. Two of three minutes have to be above it. The default is half of the maximum duration that
    /// SageMaker allows for a request to this kind of endpoint.
    #[track_caller]
    fn latency_alarm(mut self, time: Duration) -> Self {
        self.settings().latency = Some(Value::from(time.as_secs_f64() * 1e6).with_caller_location());
        self
    }

    /// Creates no alarms: only the alarms of [`rollback_on`](Self::rollback_on) roll an update back. By default, there is an
    /// alarm on errors and one on latency for each variant or component.
    fn without_alarms(mut self) -> Self {
        self.settings().watches = false;
        self
    }

    /// Adds a CloudWatch alarm, given by its name, that rolls an update back when it enters `ALARM`
    /// (`AutoRollbackConfiguration`). An endpoint has at most ten alarms, including those that the construct creates.
    #[track_caller]
    fn rollback_on(mut self, alarm_name: impl IntoValue<String>) -> Self {
        self.settings().alarms.push(alarm_name.into().with_caller_location());
        self
    }

    /// Creates a CloudWatch dashboard with requests, errors, latencies and utilization (`AWS::CloudWatch::Dashboard`). By
    /// default, there is none.
    fn dashboard(mut self) -> Self {
        self.settings().dashboard = true;
        self
    }

    /// Sets the number of days for which logs are kept, one of the values that CloudWatch Logs accepts, such as 30 or
    /// 365 (`RetentionInDays`). The log group is then a resource of the stack, and no log group of that name may exist
    /// yet. Without this call, SageMaker creates the log group, whose logs never expire.
    #[track_caller]
    fn log_retention_days(mut self, days: impl IntoValue<i64>) -> Self {
        self.settings().log_retention = Some(days.into().with_caller_location());
        self
    }

    /// Encrypts the log group with a KMS key, given as a handle or an ARN. The log group is then a resource of the stack, and no
    /// log group of that name may exist yet. Without this call, CloudWatch Logs encrypts the logs with a key of its own, even
    /// if the stack has a default key. An alias is an error.
    ///
    /// The policy of the key has to allow CloudWatch Logs to use it:
    /// [`PrivateKey::allow_log_groups`](crate::PrivateKey::allow_log_groups) adds that statement.
    #[track_caller]
    fn log_kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.settings().log_key = Some(key.into());
        self
    }
}

/// The setters of variants on instances, and of endpoints with one variant.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{HostingOptions, Routing, Variant};
/// use stackwright_stacks::{ContainerImage, Processor};
///
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu));
/// Variant::new("Main", container, "ml.g5.2xlarge")
///     .volume_gb(100)
///     .health_check_timeout(Duration::from_mins(20))
///     .routing(Routing::least_outstanding_requests());
/// ```
pub trait HostingOptions: Sized {
    /// Returns the settings that the other methods change.
    #[doc(hidden)]
    fn hosting(&mut self) -> &mut Hosting;

    /// Sets the size of the EBS volume of each instance in GB, 1 to 512 (`VolumeSizeInGB`). The default is that of SageMaker.
    /// Instance types with local NVMe storage have no EBS volume.
    #[track_caller]
    fn volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.hosting().volume_gb = Some(size.into().with_caller_location());
        self
    }

    /// Sets the maximum time for downloading and extracting the model, one minute to one hour
    /// (`ModelDataDownloadTimeoutInSeconds`). The default is that of SageMaker.
    #[track_caller]
    fn download_timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.hosting().download_timeout = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the maximum time until the container passes health checks, one minute to one hour
    /// (`ContainerStartupHealthCheckTimeoutInSeconds`). It includes loading the model. The default is that of SageMaker.
    #[track_caller]
    fn health_check_timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.hosting().health_check_timeout = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the maximum time for which SageMaker tries to get instances, five minutes to one hour
    /// (`VariantInstanceProvisionTimeoutInSeconds`). If the capacity of one instance pool is insufficient, it tries the next
    /// one. The default is that of SageMaker.
    #[track_caller]
    fn provision_timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.hosting().provision_timeout = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the AMI of the instances, which determines the version of the GPU driver (`InferenceAmiVersion`). By default,
    /// SageMaker chooses.
    #[track_caller]
    fn ami_version(mut self, version: impl IntoValue<InferenceAmiVersion>) -> Self {
        self.hosting().ami_version = Some(version.into().with_caller_location());
        self
    }

    /// Runs the instances only in a capacity reservation (a SageMaker training plan for endpoints), given by its ARN
    /// (`CapacityReservationConfig`). An ARN of another service is an error at the caller's line. By default, they use
    /// on-demand capacity.
    #[track_caller]
    fn capacity_reservation(mut self, arn: impl IntoValue<String>) -> Self {
        let arn = crate::arn::checked(
            arn,
            "sagemaker",
            "arn:aws:sagemaker:us-east-1:123456789012:training-plan/plan",
        );
        self.hosting().reservation = Some(arn);
        self
    }

    /// Sets how SageMaker selects the instance for a request. The default is [`Routing::random`], and
    /// [`Routing::least_outstanding_requests`] for a [`ComponentEndpoint`](super::ComponentEndpoint).
    fn routing(mut self, routing: Routing) -> Self {
        self.hosting().routing = Some(routing);
        self
    }

    /// Writes the memory of a container that crashed to a location in S3 (`CoreDumpConfig`). The role may write there. By
    /// default, it is not written.
    fn core_dumps(mut self, location: impl Into<S3Location>) -> Self {
        self.hosting().core_dumps = Some(location.into());
        self
    }

    /// Sets whether AWS Systems Manager may open a session in the containers, for debugging (`EnableSSMAccess`). The default
    /// is `false`.
    #[track_caller]
    fn ssm_access(mut self, allowed: impl IntoValue<bool>) -> Self {
        self.hosting().ssm_access = Some(allowed.into().with_caller_location());
        self
    }
}

/// The setter of utilization metrics, for endpoints on instances.
pub trait MetricsOptions: EndpointOptions {
    /// Sets how SageMaker publishes utilization metrics of the endpoint (`MetricsConfig`). By default, it publishes metrics of
    /// the endpoint every 60 seconds.
    fn metrics(mut self, metrics: InstanceMetrics) -> Self {
        self.settings().metrics = Some(metrics);
        self
    }
}

/// The setter of the number of instances, for variants and for endpoints with one variant.
pub trait InstanceCountOptions: HostingOptions {
    /// Sets the initial number of instances (`InitialInstanceCount`). The default is 1. With
    /// [`scale`](AutoscalingOptions::scale), autoscaling changes the number afterwards, and updates keep it.
    #[track_caller]
    fn instances(mut self, count: impl IntoValue<i64>) -> Self {
        self.hosting().count = count.into().with_caller_location();
        self
    }
}

/// The setter of autoscaling, for variants, endpoints and inference components.
///
/// ```
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{AutoscalingOptions, Variant};
/// use stackwright_stacks::{ContainerImage, Processor};
///
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu));
/// Variant::new("Main", container, "ml.g5.2xlarge")
///     .scale(1..=4, TargetTracking::invocations_per_instance(200.0));
/// ```
pub trait AutoscalingOptions: Sized {
    /// The scalable dimension, such as the number of instances, which determines the available policies.
    type Scales: Target;

    /// Returns the setting that the other method changes.
    #[doc(hidden)]
    fn scaling(&mut self) -> &mut Option<(CapacityRange, Scaling<Self::Scales>)>;

    /// Lets Application Auto Scaling change the number of instances, of copies, or the provisioned concurrency within the given
    /// bounds, by the given policies. By default, the number is fixed.
    ///
    /// Instances of a real-time variant can be scaled to one at least, those of an asynchronous endpoint and copies of an
    /// inference component to zero: an alarm on requests without capacity then starts the first one. A serverless
    /// endpoint starts with the lower bound as its provisioned concurrency.
    ///
    /// SageMaker refuses another instance type for a variant with autoscaling: deploy without `scale`, then with the other
    /// type, then with `scale` again.
    #[track_caller]
    fn scale(
        mut self,
        capacity: impl Into<CapacityRange>,
        scaling: impl Into<Scaling<Self::Scales>>,
    ) -> Self {
        *self.scaling() = Some((capacity.into(), scaling.into()));
        self
    }
}

/// The setter of a blue/green update, for endpoints.
pub trait BlueGreenOptions: Sized {
    /// Returns the setting that the other method changes.
    #[doc(hidden)]
    fn update(&mut self) -> &mut Update;

    /// Sets how an update shifts traffic to the new fleet. The default is [`BlueGreen::all_at_once`]. It replaces a rolling
    /// update.
    fn blue_green(mut self, update: BlueGreen) -> Self {
        *self.update() = Update::BlueGreen(update);
        self
    }
}

/// The setter of a rolling update, for endpoints with one variant.
pub trait RollingOptions: BlueGreenOptions {
    /// Updates the endpoint in batches of instances, instead of with a second fleet. It replaces
    /// [`blue_green`](BlueGreenOptions::blue_green).
    fn rolling(mut self, update: Rolling) -> Self {
        *self.update() = Update::Rolling(update);
        self
    }
}
