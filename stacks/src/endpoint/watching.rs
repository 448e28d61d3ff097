//! What watches an endpoint: alarms, a dashboard, logs.

use serde_json::json;
use stackwright_resources::cloudwatch::Dashboard;
use stackwright_resources::cloudwatch::alarm::ComparisonOperator;
use stackwright_resources::logs::{LogGroup, LogGroupHandle};
use stackwright_synth::intrinsic::{json_text, region};
use stackwright_synth::{Json, Properties, Scope, Value};

use super::settings::Settings;
use crate::alarm::{Alarm, Missing};
use crate::metric::{Metric, Subject, json_list};

impl Settings {
    /// Adds the alarms on errors and latency of each variant or component, under ids that start with its part; the names
    /// of all alarms that roll an update back.
    pub(super) fn add_alarms(
        &self,
        watched: &[(String, Subject)],
        longest_request: u32,
        scope: &mut Scope<'_>,
    ) -> Vec<Value<String>> {
        let mut names = Vec::new();
        if self.watches {
            for (part, subject) in watched {
                let errors = Metric::invocations_named("Invocation5XXErrors");
                let description = "Too many requests end in a server's error";
                let alarm = self.alarm(errors, subject, self.errors.clone(), description);
                names.push(scope.add(&format!("{part}ErrorsAlarm"), alarm).reference());

                let half = f64::from(longest_request) / 2.0 * 1e6;
                let limit = self.latency.clone().unwrap_or_else(|| half.into());
                let latency = Metric::model_latency().statistic("p99");
                let description = "The slowest hundredth of requests is too slow";
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
            // Two minutes of three: one bad minute is no bad update.
            periods: 3.into(),
            breaching: 2.into(),
            missing: Missing::Fine,
            description: description.into(),
            actions: self.topics.iter().map(|topic| topic.arn().clone()).collect(),
        }
    }

    /// Adds the log group, if it is the stack's.
    pub(super) fn add_log_group(&self, name: Value<String>, scope: &mut Scope<'_>) -> Option<LogGroupHandle> {
        let days = self.log_retention.as_ref()?;
        Some(scope.add("Logs", LogGroup::new().log_group_name(name).retention_in_days(days)))
    }

    /// Adds the dashboard, if there is to be one.
    pub(super) fn add_dashboard(&self, watched: &[(String, Subject)], scope: &mut Scope<'_>) {
        if self.dashboard {
            let body = json_text(dashboard(watched));
            scope.add("Dashboard", Dashboard::new(body));
        }
    }
}

/// The columns of a dashboard, and the height of a widget in its grid.
const COLUMNS: usize = 24;
const HEIGHT: usize = 6;

/// A row of widgets for each variant or component.
fn dashboard(watched: &[(String, Subject)]) -> Value<Json> {
    let graphs = |subject: &Subject| {
        let utilization = match subject {
            Subject::Variant { .. } => vec![
                (Metric::cpu_utilization(), "Average", "CPU"),
                (Metric::memory_utilization(), "Average", "memory"),
                (Metric::gpu_utilization(), "Average", "GPU"),
                (Metric::gpu_memory_utilization(), "Average", "GPU memory"),
                (Metric::disk_utilization(), "Average", "disk"),
            ],
            Subject::Component { .. } => vec![
                (Metric::cpu_utilization(), "Average", "CPU"),
                (Metric::gpu_utilization(), "Average", "GPU"),
                (Metric::gpu_memory_utilization(), "Average", "GPU memory"),
            ],
        };
        let failed = |code: &str| Metric::invocations_named(&format!("Invocation{code}XXErrors"));
        let mut graphs = vec![
            (
                "Requests and errors",
                vec![
                    (Metric::invocations(), "Sum", "requests"),
                    (failed("4"), "Sum", "4xx"),
                    (failed("5"), "Sum", "5xx"),
                ],
            ),
            (
                "Latency in microseconds",
                vec![
                    (Metric::model_latency(), "p50", "model p50"),
                    (Metric::model_latency(), "p90", "model p90"),
                    (Metric::model_latency(), "p99", "model p99"),
                    (Metric::overhead_latency(), "p99", "overhead p99"),
                ],
            ),
            ("Utilization in percent", utilization),
        ];
        if matches!(subject, Subject::Component { .. }) {
            graphs.push((
                "For each copy",
                vec![
                    (Metric::invocations_named("InvocationsPerCopy"), "Sum", "requests"),
                    (Metric::invocations_named("ConcurrentRequestsPerCopy"), "Maximum", "at a time"),
                    (Metric::invocations_named("NoCapacityInvocationFailures"), "Sum", "without a copy"),
                ],
            ));
        }
        graphs
    };
    let mut widgets = Vec::new();
    for (row, (_, subject)) in watched.iter().enumerate() {
        let graphs = graphs(subject);
        let width = COLUMNS / graphs.len();
        for (column, (title, metrics)) in graphs.into_iter().enumerate() {
            let lines: Vec<Value<Json>> = metrics
                .into_iter()
                .map(|(metric, statistic, label)| metric.in_widget(subject, statistic, label))
                .collect();
            let mut properties = Properties::default();
            properties.put("title", subject.title(title));
            properties.put("region", region());
            properties.put("view", "timeSeries");
            properties.put("period", 60);
            properties.put("metrics", Value::<Vec<Json>>::from(lines));
            let mut widget = Properties::default();
            widget.put("type", "metric");
            for (name, number) in
                [("x", column * width), ("y", row * HEIGHT), ("width", width), ("height", HEIGHT)]
            {
                widget.put(name, json!(number));
            }
            widget.put("properties", properties);
            widgets.push(widget);
        }
    }
    let mut body = Properties::default();
    body.put("widgets", json_list(widgets));
    Value::from(body).cast()
}

impl Subject {
    fn title(&self, of: &str) -> Value<String> {
        match self {
            Self::Variant { variant, .. } => stackwright_synth::sub!("{}: {}", variant, of),
            Self::Component { name } => stackwright_synth::sub!("{}: {}", name, of),
        }
    }
}
