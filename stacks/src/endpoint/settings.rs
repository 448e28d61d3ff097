//! Settings that kinds of endpoints share.

use stackwright_resources::Tag;
use stackwright_synth::Value;

use super::hosting::InstanceMetrics;
use crate::iam::RoleSettings;
use crate::key::EncryptionKey;
use crate::topic::TopicReference;

/// The settings that every endpoint and component has.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) name: Option<Value<String>>,
    pub(super) tags: Vec<(String, Value<String>)>,
    pub(super) topics: Vec<TopicReference>,
    pub(super) watches: bool,
    /// The share of requests that may fail before the alarm enters `ALARM`.
    pub(super) errors: Value<f64>,
    /// The threshold of the latency alarm, in microseconds.
    pub(super) latency: Option<Value<f64>>,
    pub(super) alarms: Vec<Value<String>>,
    pub(super) dashboard: bool,
    pub(super) log_retention: Option<Value<i64>>,
    pub(super) log_key: Option<EncryptionKey>,
    /// Whether an update sets the weights of the variants.
    pub(super) sets_weights: bool,
    pub(super) role: RoleSettings,
    pub(super) metrics: Option<InstanceMetrics>,
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
            log_key: None,
            sets_weights: false,
            role: RoleSettings::default(),
            metrics: None,
        }
    }
}

impl Settings {
    pub(super) fn tag_list(&self) -> Vec<Tag> {
        self.tags.iter().map(|(key, value)| Tag::new(key.as_str(), value)).collect()
    }
}
