//! The monitoring of an endpoint: alarms, a dashboard, a log group.

use std::time::Duration;

use stackwright_resources::cloudwatch::Dashboard;
use stackwright_resources::cloudwatch::alarm::ComparisonOperator;
use stackwright_resources::logs::{LogGroup, LogGroupHandle};
use stackwright_synth::intrinsic::json_text;
use stackwright_synth::{Scope, Value};

use super::dashboard;
use super::settings::Settings;
use crate::alarm::{Alarm, Missing};
use crate::metric::{Metric, Statistic, Subject};

impl Settings {
    /// Adds the alarms on errors and latency of each variant or component, under ids that start with its part; the names
    /// of all alarms that roll an update back.
    pub(super) fn add_alarms(
        &self,
        watched: &[(String, Subject)],
        longest_request: Duration,
        scope: &mut Scope<'_>,
    ) -> Vec<Value<String>> {
        let mut names = Vec::new();
        if self.watches {
            for (part, subject) in watched {
                let errors = Metric::invocations_named("Invocation5XXErrors");
                let description = "Too many requests end in a server error (5xx)";
                let alarm = self.alarm(errors, subject, self.errors.clone(), description);
                names.push(scope.add(&format!("{part}ErrorsAlarm"), alarm).reference());

                let half = longest_request.as_secs_f64() / 2.0 * 1e6;
                let limit = self.latency.clone().unwrap_or_else(|| half.into());
                let latency = Metric::model_latency().statistic(Statistic::Percentile(99.0));
                let description = "The 99th percentile of the model latency is too high";
                let alarm = self.alarm(latency, subject, limit, description);
                names.push(scope.add(&format!("{part}LatencyAlarm"), alarm).reference());
            }
        }
        names.extend(self.alarms.iter().cloned());
        names
    }

    fn alarm(&self, metric: Metric, subject: &Subject, threshold: Value<f64>, description: &str) -> Alarm {
        Alarm {
            metric,
            subject: subject.clone(),
            comparison: ComparisonOperator::GreaterThanThreshold,
            threshold,
            period: 60.into(),
            // Two of three minutes have to breach the threshold, so that errors in one minute do not roll an update
            // back.
            periods: 3.into(),
            breaching: 2.into(),
            missing: Missing::Fine,
            description: description.into(),
            actions: self.topics.iter().map(|topic| topic.arn().clone()).collect(),
        }
    }

    /// Adds the log group, if a setter needs it in the stack: otherwise SageMaker creates it with the first message.
    pub(super) fn add_log_group(&self, name: Value<String>, scope: &mut Scope<'_>) -> Option<LogGroupHandle> {
        if self.log_retention.is_none() && self.log_key.is_none() {
            return None;
        }
        let mut group = LogGroup::new().log_group_name(name);
        if let Some(days) = &self.log_retention {
            group = group.retention_in_days(days);
        }
        if let Some(key) = &self.log_key {
            group = group.kms_key_id(key.without_alias("CloudWatch Logs", scope));
        }
        Some(scope.add("Logs", group))
    }

    /// Adds the dashboard, if the program requests it.
    pub(super) fn add_dashboard(&self, watched: &[(String, Subject)], scope: &mut Scope<'_>) {
        if self.dashboard {
            let body = json_text(dashboard::body(watched));
            scope.add("Dashboard", Dashboard::new(body));
        }
    }
}
