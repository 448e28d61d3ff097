//! `wrong-queue-batch`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{boolean, entries, is_set, is_unresolved, number, string};
use crate::check::view::{Resource, View};

rule! {
    /// An event source mapping reads a queue in batches that Lambda does not form: more than 10 messages of a FIFO queue, a
    /// batching window of a FIFO queue, or more than 10 messages of a standard queue without a batching window.
    ///
    /// # Why it matters
    ///
    /// Lambda refuses the event source mapping.
    ///
    /// # How to fix
    ///
    /// For a FIFO queue, set `BatchSize` to at most 10 and remove `MaximumBatchingWindowInSeconds`. For a standard queue, set
    /// `MaximumBatchingWindowInSeconds` to at least 1 if `BatchSize` is above 10.
    ///
    /// # Limitations
    ///
    /// A queue of another stack is a FIFO queue if its ARN is known and ends in `.fifo`.
    Error "wrong-queue-batch",
    source: "AWS Lambda Developer Guide, \"Lambda parameters for Amazon SQS event source mappings\"",
    applies_to: ["AWS::Lambda::EventSourceMapping", "AWS::Serverless::Function"],
    check: Each(check),
}

/// The largest batch without a batching window.
const MAX_WITHOUT_WINDOW: f64 = 10.0;

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for mapping in view.of_type("AWS::Lambda::EventSourceMapping") {
        batch(view, mapping, &mapping.properties["EventSourceArn"], &mapping.properties, findings);
    }
    for function in view.of_type("AWS::Serverless::Function") {
        for (_, event) in entries(&function.properties["Events"]).filter(|(_, event)| event["Type"] == "SQS")
        {
            let settings = &event["Properties"];
            batch(view, function, &settings["Queue"], settings, findings);
        }
    }
}

fn batch<'a>(
    view: &View<'a>,
    resource: &Resource<'a>,
    source: &Cursor<'_>,
    settings: &Cursor<'_>,
    findings: &mut Findings<'_, '_, '_>,
) {
    let queue = view.target(source).filter(|target| target.type_name == "AWS::SQS::Queue");
    let is_fifo = match (queue, string(source)) {
        (Some(queue), _) if is_unresolved(&queue.properties["FifoQueue"]) => return,
        (Some(queue), _) => boolean(&queue.properties["FifoQueue"]) == Some(true),
        (None, Some(arn)) if arn.contains(":sqs:") => arn.ends_with(".fifo"),
        _ => return,
    };
    let (size, window) = (&settings["BatchSize"], &settings["MaximumBatchingWindowInSeconds"]);
    let is_large = number(size).is_some_and(|size| size > MAX_WITHOUT_WINDOW);
    if is_fifo && is_large {
        let message =
            format!("a batch of a FIFO queue has at most 10 messages, and `BatchSize` is {}", **size);
        findings.add(resource, size, message, "set it to at most 10");
    }
    if is_fifo && number(window).is_some_and(|window| window > 0.0) {
        let message = "a FIFO queue does not support a batching window";
        findings.add(resource, window, message, "remove `MaximumBatchingWindowInSeconds`");
    }
    // The constraints of the type report an event source that is given by its ARN.
    let is_checked = resource.type_name != "AWS::Serverless::Function" && queue.is_none();
    let has_window = is_set(window) && number(window) != Some(0.0);
    if !is_fifo && is_large && !has_window && !is_checked {
        let message = format!("batches of {} messages need a batching window", **size);
        findings.add(resource, size, message, "set `MaximumBatchingWindowInSeconds` to at least 1");
    }
}
