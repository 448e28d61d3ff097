//! `malformed-schedule`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// A schedule expression is not a rate, a cron expression or a date that the service takes.
    ///
    /// # Why it matters
    ///
    /// The service refuses the rule, the schedule or the scheduled action.
    ///
    /// # How to fix
    ///
    /// Write `rate(5 minutes)`, with a singular unit for 1, or `cron(minutes hours day-of-month month day-of-week year)`, in
    /// which one of the two days is `?`. EventBridge Scheduler and Application Auto Scaling also take
    /// `at(yyyy-mm-ddThh:mm:ss)`.
    Error "malformed-schedule",
    source: "Amazon EventBridge User Guide, \"Schedule expressions\"; EventBridge Scheduler User Guide, \"Schedule types\"",
    applies_to: [],
    check: Each(check),
}

/// The expressions that a service accepts in addition to `rate(…)` and `cron(…)`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    /// No other expressions.
    Events,
    /// `at(…)`.
    Dates,
    /// `at(…)`, and cron expressions without a year.
    Scaling,
    /// `NOW`, and cron expressions for every hour, or every number of hours.
    Monitoring,
    /// Only a cron expression with five fields, without `cron(…)`.
    Unix,
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        for (value, syntax) in schedules(resource) {
            let Some(text) = string(value).filter(|text| !text.is_empty()) else { continue };
            if let Err((message, help)) = parse(text, syntax) {
                findings.add(resource, value, format!("the schedule {text} is not valid: {message}"), help);
            }
        }
    }
}

fn schedules<'v, 'a>(resource: &'v Resource<'a>) -> Vec<(&'v Cursor<'a>, Syntax)> {
    let properties = &resource.properties;
    match resource.type_name {
        "AWS::Events::Rule" => vec![(&properties["ScheduleExpression"], Syntax::Events)],
        "AWS::Scheduler::Schedule" => vec![(&properties["ScheduleExpression"], Syntax::Dates)],
        "AWS::ApplicationAutoScaling::ScalableTarget" => items(&properties["ScheduledActions"])
            .map(|action| (&action["Schedule"], Syntax::Scaling))
            .collect(),
        "AWS::AutoScaling::ScheduledAction" => vec![(&properties["Recurrence"], Syntax::Unix)],
        "AWS::SageMaker::MonitoringSchedule" => {
            let config = &properties["MonitoringScheduleConfig"]["ScheduleConfig"];
            vec![(&config["ScheduleExpression"], Syntax::Monitoring)]
        }
        "AWS::Serverless::Function" | "AWS::Serverless::StateMachine" => entries(&properties["Events"])
            .filter_map(|(_, event)| match event["Type"].as_str()? {
                "Schedule" => Some((&event["Properties"]["Schedule"], Syntax::Events)),
                "ScheduleV2" => Some((&event["Properties"]["ScheduleExpression"], Syntax::Dates)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

type Fault = (String, &'static str);

fn parse(text: &str, syntax: Syntax) -> Result<(), Fault> {
    let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if syntax == Syntax::Unix {
        let fields: Vec<&str> = text.split_whitespace().collect();
        return if fields.len() == 5 {
            Ok(())
        } else {
            Err((
                format!("it has {} fields instead of 5", fields.len()),
                "write minute, hour, day, month and weekday",
            ))
        };
    }
    if let Some(rate) = inner("rate") {
        return rate_of(rate, syntax);
    }
    if let Some(fields) = inner("cron") {
        return cron(fields, syntax);
    }
    if let Some(date) = inner("at").filter(|_| matches!(syntax, Syntax::Dates | Syntax::Scaling)) {
        let shape: String =
            date.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
        let is_date = shape == "0000-00-00T00:00:00";
        return if is_date {
            Ok(())
        } else {
            Err(("the date does not have this form".into(), "write `at(yyyy-mm-ddThh:mm:ss)`"))
        };
    }
    if syntax == Syntax::Monitoring && text == "NOW" {
        return Ok(());
    }
    Err(("it is neither a rate nor a cron expression".into(), "write `rate(1 day)` or `cron(0 12 * * ? *)`"))
}

/// Only rules of EventBridge are documented to refuse `5 minute` and `1 minutes`.
fn rate_of(rate: &str, syntax: Syntax) -> Result<(), Fault> {
    const HELP: &str = "write a positive number and `minute`, `hour` or `day`, in the plural for more than 1";
    let parts: Vec<&str> = rate.split_whitespace().collect();
    let [number, unit] = parts.as_slice() else { return Err(("a rate is a number and a unit".into(), HELP)) };
    let number: u64 = number.parse().map_err(|_| (format!("`{number}` is not a number"), HELP))?;
    if number == 0 {
        return Err(("a rate of 0 is not allowed".into(), HELP));
    }
    let single = unit.strip_suffix('s').unwrap_or(unit);
    if !["minute", "hour", "day"].contains(&single) {
        return Err((format!("the unit `{unit}` does not exist"), HELP));
    }
    if syntax == Syntax::Events && (number == 1) == unit.ends_with('s') {
        let wanted = if number == 1 { single.to_owned() } else { format!("{single}s") };
        return Err((format!("with {number}, the unit is `{wanted}`"), HELP));
    }
    Ok(())
}

/// The name, the least and the most value of each field, and the names that it takes.
const FIELDS: [(&str, u32, u32, &[&str]); 6] = [
    ("minutes", 0, 59, &[]),
    ("hours", 0, 23, &[]),
    ("day of month", 1, 31, &[]),
    ("month", 1, 12, &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
    ("day of week", 1, 7, &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]),
    ("year", 1970, 2199, &[]),
];

fn cron(text: &str, syntax: Syntax) -> Result<(), Fault> {
    const HELP: &str = "write `cron(minutes hours day-of-month month day-of-week year)`";
    let fields: Vec<&str> = text.split_whitespace().collect();
    let is_short = syntax == Syntax::Scaling && fields.len() == 5;
    if fields.len() != 6 && !is_short {
        return Err((format!("it has {} fields instead of 6", fields.len()), HELP));
    }
    for (field, (name, least, most, names)) in fields.iter().zip(FIELDS) {
        if !field.split(',').all(|part| is_field(part, name, least, most, names)) {
            return Err((format!("the field `{field}` for the {name} is not valid"), HELP));
        }
    }
    if syntax == Syntax::Monitoring && fields[0].parse::<u32>().is_err() {
        let message =
            format!("a monitoring schedule runs at most once an hour, and its minutes are `{}`", fields[0]);
        return Err((message, "write `cron(0 * ? * * *)` for every hour"));
    }
    let unset = [fields[2], fields[4]].iter().filter(|field| **field == "?").count();
    // Without a year the expression is that of Unix, which has no `?`.
    if unset != 1 && !is_short {
        let help = "set the day of month or the day of week to `?`";
        return Err(("exactly one of day of month and day of week has to be `?`".into(), help));
    }
    Ok(())
}

fn is_field(part: &str, name: &str, least: u32, most: u32, names: &[&str]) -> bool {
    let is_day = name.starts_with("day");
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    if step.is_some_and(|step| step.parse::<u32>().is_err()) {
        return false;
    }
    let is_value = |text: &str| {
        let is_number = text.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number));
        is_number || names.iter().any(|known| known.eq_ignore_ascii_case(text))
    };
    match range {
        "*" => true,
        "?" => is_day,
        "L" | "LW" => is_day,
        _ => match range.split_once('-') {
            Some((first, last)) => {
                is_value(first) && is_value(last) || is_day && first == "L" && last.parse::<u32>().is_ok()
            }
            None if name == "day of month" => is_value(range.trim_end_matches('W')),
            None if is_day => {
                let (day, number) =
                    range.split_once('#').map_or((range, None), |(day, number)| (day, Some(number)));
                is_value(day.trim_end_matches('L'))
                    && number.is_none_or(|number| number.parse::<u32>().is_ok())
            }
            None => is_value(range),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_schedules_are_accepted() {
        for text in [
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(1 day)",
            "cron(0 12 * * ? *)",
            "cron(15 10 ? * 6L 2026-2030)",
            "cron(0/15 8-17 ? * MON-FRI *)",
            "cron(0 0 L * ? *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 8 3W * ? *)",
        ] {
            assert!(parse(text, Syntax::Events).is_ok(), "{text}: {:?}", parse(text, Syntax::Events));
        }
        assert!(parse("at(2027-01-01T00:00:00)", Syntax::Dates).is_ok());
        for text in ["NOW", "cron(0 * ? * * *)", "cron(0 17/12 ? * * *)"] {
            assert!(parse(text, Syntax::Monitoring).is_ok(), "{text}");
        }
        assert!(parse("cron(0/5 * ? * * *)", Syntax::Monitoring).is_err());
        for syntax in [Syntax::Dates, Syntax::Scaling] {
            assert!(parse("rate(5 minute)", syntax).is_ok() && parse("rate(1 hours)", syntax).is_ok());
            assert!(parse("rate(5 seconds)", syntax).is_err() && parse("rate(0 minutes)", syntax).is_err());
        }
        assert!(parse("0 12 * * 1-5", Syntax::Unix).is_ok());
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "rate(5 minute)",
            "rate(1 minutes)",
            "rate(30 seconds)",
            "rate(0 minutes)",
            "cron(0 12 * * *)",
            "cron(0 12 * * * *)",
            "cron(60 12 * * ? *)",
            "cron(0 12 32 * ? *)",
            "daily",
            "at(2027-01-01T00:00:00)",
            "",
        ] {
            assert!(parse(text, Syntax::Events).is_err(), "{text}");
        }
    }
}
