//! `stream-without-start`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// An event source mapping of a stream of the template has no `StartingPosition`, or one of a queue has it.
    ///
    /// # Why it matters
    ///
    /// Lambda refuses the mapping. A stream is read from a position; a queue has none.
    ///
    /// # How to fix
    ///
    /// Set `StartingPosition` to `LATEST` or `TRIM_HORIZON` for Kinesis, DynamoDB and Kafka. Remove it for SQS.
    Error "stream-without-start",
    source: "AWS Lambda API Reference, CreateEventSourceMapping",
    applies_to: ["AWS::Lambda::EventSourceMapping"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for mapping in view.of_type("AWS::Lambda::EventSourceMapping") {
        let source = view.target(&mapping.properties["EventSourceArn"]).map(|source| source.type_name);
        let start = &mapping.properties["StartingPosition"];
        match source {
            Some(
                "AWS::Kinesis::Stream"
                | "AWS::DynamoDB::Table"
                | "AWS::DynamoDB::GlobalTable"
                | "AWS::MSK::Cluster",
            ) if !is_set(start) => {
                let help = "set it to `LATEST` or `TRIM_HORIZON`";
                findings.add_at(
                    mapping,
                    Some(&[]),
                    "`StartingPosition` is missing, which the mapping of a stream needs",
                    help,
                );
            }
            Some("AWS::SQS::Queue") if is_set(start) => {
                findings.add(
                    mapping,
                    start,
                    "a queue does not support `StartingPosition`",
                    "remove `StartingPosition`",
                );
            }
            _ => {}
        }
    }
}
