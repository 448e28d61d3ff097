//! The dashboard of an endpoint or of an inference component.

use serde_json::json;
use stackwright_synth::intrinsic::region;
use stackwright_synth::{Json, Properties, Value, sub};

use crate::metric::{Metric, Subject, json_list};

/// The columns of a dashboard, and the height of a widget in its grid.
const COLUMNS: usize = 24;
const HEIGHT: usize = 6;

/// A graph: its title, and its lines, each a metric with a statistic and a label.
struct Graph {
    title: &'static str,
    lines: Vec<(Metric, &'static str, &'static str)>,
}

/// The body of a dashboard with a row of graphs for each variant or component.
pub(super) fn body(watched: &[(String, Subject)]) -> Value<Json> {
    let rows = watched.iter().enumerate().flat_map(|(row, (_, subject))| widgets(row, subject));
    let mut body = Properties::default();
    body.put("widgets", json_list(rows));
    Value::from(body).cast()
}

/// The widgets of one row.
fn widgets(row: usize, subject: &Subject) -> Vec<Properties> {
    let graphs = graphs(subject);
    let width = COLUMNS / graphs.len();
    let location = |(column, graph): (usize, Graph)| {
        let mut widget = Properties::default();
        widget.put("type", "metric");
        for (name, number) in
            [("x", column * width), ("y", row * HEIGHT), ("width", width), ("height", HEIGHT)]
        {
            widget.put(name, json!(number));
        }
        widget.put("properties", graph.properties(subject));
        widget
    };
    graphs.into_iter().enumerate().map(location).collect()
}

impl Graph {
    fn properties(self, subject: &Subject) -> Properties {
        let lines: Vec<Value<Json>> = self
            .lines
            .into_iter()
            .map(|(metric, statistic, label)| metric.in_widget(subject, statistic, label))
            .collect();
        let mut properties = Properties::default();
        properties.put("title", title(subject, self.title));
        properties.put("region", region());
        properties.put("view", "timeSeries");
        properties.put("period", 60);
        properties.put("metrics", Value::<Vec<Json>>::from(lines));
        properties
    }
}

fn title(subject: &Subject, of: &str) -> Value<String> {
    match subject {
        Subject::Variant { variant, .. } => sub!("{}: {}", variant, of),
        Subject::Component { name } => sub!("{}: {}", name, of),
    }
}

/// The graphs of a variant or a component.
fn graphs(subject: &Subject) -> Vec<Graph> {
    let mut graphs = vec![requests(), latency(), utilization(subject)];
    if matches!(subject, Subject::Component { .. }) {
        graphs.push(copies());
    }
    graphs
}

fn requests() -> Graph {
    let failed = |code: &str| Metric::invocations_named(&format!("Invocation{code}XXErrors"));
    let lines = vec![
        (Metric::invocations(), "Sum", "requests"),
        (failed("4"), "Sum", "4xx"),
        (failed("5"), "Sum", "5xx"),
    ];
    Graph { title: "Requests and errors", lines }
}

fn latency() -> Graph {
    let lines = vec![
        (Metric::model_latency(), "p50", "model p50"),
        (Metric::model_latency(), "p90", "model p90"),
        (Metric::model_latency(), "p99", "model p99"),
        (Metric::overhead_latency(), "p99", "overhead p99"),
    ];
    Graph { title: "Latency in microseconds", lines }
}

fn utilization(subject: &Subject) -> Graph {
    let mut lines = vec![(Metric::cpu_utilization(), "Average", "CPU")];
    let of_variant = matches!(subject, Subject::Variant { .. });
    if of_variant {
        lines.push((Metric::memory_utilization(), "Average", "memory"));
    }
    lines.push((Metric::gpu_utilization(), "Average", "GPU"));
    lines.push((Metric::gpu_memory_utilization(), "Average", "GPU memory"));
    if of_variant {
        lines.push((Metric::disk_utilization(), "Average", "disk"));
    }
    Graph { title: "Utilization in percent", lines }
}

fn copies() -> Graph {
    let lines = vec![
        (Metric::invocations_named("InvocationsPerCopy"), "Sum", "requests"),
        (Metric::invocations_named("ConcurrentRequestsPerCopy"), "Maximum", "at a time"),
        (Metric::invocations_named("NoCapacityInvocationFailures"), "Sum", "without a copy"),
    ];
    Graph { title: "For each copy", lines }
}
