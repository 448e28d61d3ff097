//! CloudWatch alarms on metrics that SageMaker publishes.

use stackwright_resources::cloudwatch::alarm::{ComparisonOperator, Dimension, TreatMissingData};
use stackwright_resources::cloudwatch::{self, AlarmHandle};
use stackwright_synth::{Construct, Scope, Value};

use crate::metric::{Metric, Subject};

/// How an alarm treats missing data.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    /// Missing data does not breach the threshold: there were no requests.
    Fine,
    /// Missing data is ignored: the alarm keeps its state.
    Ignored,
}

/// An alarm on a metric of a variant or an inference component.
pub(crate) struct Alarm {
    pub metric: Metric,
    pub subject: Subject,
    pub comparison: ComparisonOperator,
    pub threshold: Value<f64>,
    /// The length of a period in seconds.
    pub period: Value<i64>,
    /// The number of periods that are evaluated.
    pub periods: Value<i64>,
    /// The number of periods that have to breach the threshold.
    pub breaching: Value<i64>,
    pub missing: Missing,
    pub description: String,
    /// The ARNs of the actions, such as SNS topics.
    pub actions: Vec<Value<String>>,
}

impl Construct for Alarm {
    type Handle = AlarmHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> AlarmHandle {
        let dimensions: Vec<_> = self
            .metric
            .dimensions(&self.subject)
            .into_iter()
            .map(|(name, value)| Dimension::new().value(value).name(name))
            .collect();
        let mut alarm = cloudwatch::Alarm::new()
            .alarm_description(self.description)
            .namespace(self.metric.namespace(&self.subject))
            .metric_name(self.metric.name());
        if !dimensions.is_empty() {
            alarm = alarm.dimensions(dimensions);
        }
        let statistic = self.metric.stat();
        alarm = if self.metric.has_extended_statistic() {
            alarm.extended_statistic(statistic)
        } else {
            alarm.statistic(statistic.clone())
        };
        alarm = alarm
            .period(self.period)
            .evaluation_periods(self.periods)
            .datapoints_to_alarm(self.breaching)
            .comparison_operator(self.comparison)
            .threshold(self.threshold)
            .treat_missing_data(match self.missing {
                Missing::Fine => TreatMissingData::NotBreaching,
                Missing::Ignored => TreatMissingData::Ignore,
            });
        if !self.actions.is_empty() {
            alarm = alarm.alarm_actions(self.actions);
        }
        scope.add_default(alarm)
    }
}
