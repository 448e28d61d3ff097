//! `alarm-period`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// The period of an alarm is not 10, 20 or 30 seconds and not a multiple of 60.
    ///
    /// # Why it matters
    ///
    /// CloudWatch refuses the alarm.
    ///
    /// # How to fix
    ///
    /// Set `Period` to 10, 20, 30 or a multiple of 60.
    Error "alarm-period",
    source: "Amazon CloudWatch API Reference, PutMetricAlarm",
    applies_to: ["AWS::CloudWatch::Alarm"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for alarm in view.of_type("AWS::CloudWatch::Alarm") {
        let period = &alarm.properties["Period"];
        let fits =
            |seconds: &f64| [10.0, 20.0, 30.0].contains(seconds) || *seconds >= 60.0 && seconds % 60.0 == 0.0;
        if let Some(given) = number(period).filter(|seconds| !fits(seconds)) {
            findings.add(
                alarm,
                period,
                format!("a period of {given} s is not allowed"),
                "use 10, 20, 30 or a multiple of 60",
            );
        }
    }
}
