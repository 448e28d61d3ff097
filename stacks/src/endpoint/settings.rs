//! Settings that kinds of endpoints share.

use stackwright_resources::Tag;
use stackwright_resources::sagemaker::EndpointConfig;
use stackwright_synth::Value;

use crate::iam::RoleSettings;
use crate::key::EncryptionKey;
use crate::vpc::Vpc;

/// What every endpoint has.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub name: Option<Value<String>>,
    pub tags: Vec<(String, Value<String>)>,
    pub topics: Vec<Value<String>>,
    pub watches: bool,
    /// The share of requests that may fail.
    pub errors: Value<f64>,
    /// Microseconds.
    pub latency: Option<Value<f64>>,
    pub alarms: Vec<Value<String>>,
    pub dashboard: bool,
    pub log_retention: Option<Value<i64>>,
    /// Whether an update sets the weights of the variants.
    pub sets_weights: bool,
    pub role: RoleSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: None,
            tags: Vec::new(),
            topics: Vec::new(),
            watches: true,
            errors: 0.01.into(),
            latency: None,
            alarms: Vec::new(),
            dashboard: false,
            log_retention: None,
            sets_weights: false,
            role: RoleSettings::default(),
        }
    }
}

impl Settings {
    pub(super) fn tag_list(&self) -> Vec<Tag> {
        self.tags.iter().map(|(key, value)| Tag::new(key.as_str(), value)).collect()
    }
}

/// What endpoints on instances have.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceSettings {
    pub key: Option<EncryptionKey>,
    pub vpc: Option<Vpc>,
    pub isolated: Option<Value<bool>>,
}

impl InstanceSettings {
    /// Encrypts the volumes of instances. NVMe storage is encrypted by the instance itself.
    pub(super) fn encrypt(&self, config: EndpointConfig) -> EndpointConfig {
        match &self.key {
            Some(key) => config.kms_key_id(key.id()),
            None => config,
        }
    }
}

/// Adds the setters of [`Settings`].
macro_rules! settings {
    ($endpoint:ident $(<$generic:ident>)?) => {
        impl $(<$generic>)? $endpoint $(<$generic>)? {
            /// Names it; without this the stack's name and the construct's id make the name. Changing it replaces it.
            #[track_caller]
            pub fn name(mut self, name: impl stackwright_synth::IntoValue<String>) -> Self {
                self.settings.name = Some(name.into().with_caller_location());
                self
            }

            /// A tag of the endpoint and its configuration.
            #[track_caller]
            pub fn tag(
                mut self,
                key: impl Into<String>,
                value: impl stackwright_synth::IntoValue<String>,
            ) -> Self {
                self.settings.tags.push((key.into(), value.into().with_caller_location()));
                self
            }

            /// Tells a topic, by its ARN, when an alarm goes off.
            #[track_caller]
            pub fn notify(mut self, topic_arn: impl stackwright_synth::IntoValue<String>) -> Self {
                self.settings.topics.push(topic_arn.into().with_caller_location());
                self
            }

            /// The share of requests that may end in a server's error, 0 to 1, before the alarm goes off; 0.01 unless
            /// set.
            #[track_caller]
            pub fn error_alarm(mut self, share: impl stackwright_synth::IntoValue<f64>) -> Self {
                self.settings.errors = share.into().with_caller_location();
                self
            }

            /// How long the slowest hundredth of requests may be in the container before the alarm goes off; half of
            /// what SageMaker allows unless set.
            #[track_caller]
            pub fn latency_alarm(mut self, time: std::time::Duration) -> Self {
                self.settings.latency = Some(stackwright_synth::Value::from(time.as_secs_f64() * 1e6).with_caller_location());
                self
            }

            /// Makes no alarms, so that an update is rolled back only by the alarms of
            /// [`rollback_on`](Self::rollback_on).
            pub fn without_alarms(mut self) -> Self {
                self.settings.watches = false;
                self
            }

            /// Rolls an update back when this alarm goes off too, by its name. At most ten alarms in all.
            #[track_caller]
            pub fn rollback_on(mut self, alarm_name: impl stackwright_synth::IntoValue<String>) -> Self {
                self.settings.alarms.push(alarm_name.into().with_caller_location());
                self
            }

            /// Makes a dashboard: requests, errors, latencies, and how busy what serves them is.
            pub fn dashboard(mut self) -> Self {
                self.settings.dashboard = true;
                self
            }

            /// Keeps logs for so many days. The log group then belongs to the stack and goes with it, and a log group
            /// of that name must not be there yet; without this SageMaker makes it and keeps logs for ever.
            #[track_caller]
            pub fn log_retention_days(mut self, days: impl stackwright_synth::IntoValue<i64>) -> Self {
                self.settings.log_retention = Some(days.into().with_caller_location());
                self
            }
        }
    };
}
pub(super) use settings;

/// Adds the setters of [`InstanceSettings`].
macro_rules! instance_settings {
    ($endpoint:ident $(<$generic:ident>)?) => {
        impl $(<$generic>)? $endpoint $(<$generic>)? {
            /// Encrypts volumes and what the endpoint writes with a KMS key. Instances with NVMe storage encrypt that by
            /// themselves.
            #[track_caller]
            pub fn kms_key(mut self, key: impl Into<$crate::EncryptionKey>) -> Self {
                self.instances.key = Some(key.into());
                self
            }

            /// Puts the containers into a VPC.
            pub fn vpc(mut self, vpc: $crate::vpc::Vpc) -> Self {
                self.instances.vpc = Some(vpc);
                self
            }

            /// Gives the containers no network at all: their model has to be in S3, and they cannot fetch anything.
            #[track_caller]
            pub fn network_isolation(mut self) -> Self {
                self.instances.isolated = Some(stackwright_synth::Value::from(true).with_caller_location());
                self
            }
        }
    };
}
pub(super) use instance_settings;

/// Adds the setter of autoscaling, of what the endpoint scales.
macro_rules! scale {
    ($(#[$doc:meta])* $endpoint:ident, $target:ident) => {
        impl $endpoint {
            $(#[$doc])*
            #[track_caller]
            pub fn scale(
                mut self,
                capacity: impl Into<$crate::autoscaling::Capacity>,
                scaling: impl Into<$crate::autoscaling::Scaling<$target>>,
            ) -> Self {
                self.scaling = Some((capacity.into(), scaling.into()));
                self
            }
        }
    };
}
pub(super) use scale;
