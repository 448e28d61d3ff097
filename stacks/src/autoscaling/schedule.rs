//! Scheduled actions, which change the minimum and maximum capacity.

use stackwright_resources::applicationautoscaling::scalable_target::{ScalableTargetAction, ScheduledAction};
use stackwright_synth::{IntoValue, Value};

use super::CapacityRange;
use crate::launch::ScheduleExpression;
use crate::timestamp::Timestamp;

/// A scheduled action: it sets the minimum and maximum capacity, which apply until the next scheduled action.
///
/// ```
/// use stackwright_stacks::autoscaling::ScheduledCapacity;
///
/// ScheduledCapacity::new("Morning", "cron(0 7 ? * MON-FRI *)", 2..=8).time_zone("Europe/Berlin");
/// ScheduledCapacity::new("Evening", "cron(0 20 ? * MON-FRI *)", 1..=2).time_zone("Europe/Berlin");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ScheduledCapacity {
    name: Value<String>,
    schedule: Value<String>,
    capacity: CapacityRange,
    time_zone: Option<Value<String>>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl ScheduledCapacity {
    /// Creates a scheduled action with its name, its schedule (`cron(0 7 ? * MON-FRI *)`, `rate(1 day)` or
    /// `at(2027-01-01T00:00:00)`) and the capacity range that it sets. The name is unique for the scalable target.
    #[track_caller]
    pub fn new(
        name: impl IntoValue<String>,
        schedule: impl Into<ScheduleExpression>,
        capacity: impl Into<CapacityRange>,
    ) -> Self {
        Self {
            name: name.into().with_caller_location(),
            schedule: schedule.into().0,
            capacity: capacity.into(),
            time_zone: None,
            start: None,
            end: None,
        }
    }

    /// Sets the time zone of a schedule of the form `cron(…)` or `at(…)`, such as `Europe/Berlin`. The default is UTC.
    #[track_caller]
    pub fn time_zone(mut self, name: impl IntoValue<String>) -> Self {
        self.time_zone = Some(name.into().with_caller_location());
        self
    }

    /// Sets the time in UTC at which the schedule starts (`StartTime`), such as `2027-01-01T00:00:00Z`. By default, the
    /// schedule applies as soon as it is deployed. Another form is an error at the caller's line.
    #[track_caller]
    pub fn starts(mut self, time: impl Into<Timestamp>) -> Self {
        self.start = Some(time.into());
        self
    }

    /// Sets the time in UTC at which the schedule ends (`EndTime`), such as `2027-12-31T00:00:00Z`. By default, a schedule with
    /// `cron(…)` or `rate(…)` does not end. Another form is an error at the caller's line.
    #[track_caller]
    pub fn ends(mut self, time: impl Into<Timestamp>) -> Self {
        self.end = Some(time.into());
        self
    }

    pub(super) fn lower(self) -> ScheduledAction {
        let bounds =
            ScalableTargetAction::new().min_capacity(self.capacity.least).max_capacity(self.capacity.most);
        let mut action = ScheduledAction::new()
            .scheduled_action_name(self.name)
            .schedule(self.schedule)
            .scalable_target_action(bounds);
        if let Some(zone) = self.time_zone {
            action = action.timezone(zone);
        }
        if let Some(time) = self.start {
            action = action.start_time(time.0);
        }
        if let Some(time) = self.end {
            action = action.end_time(time.0);
        }
        action
    }
}
