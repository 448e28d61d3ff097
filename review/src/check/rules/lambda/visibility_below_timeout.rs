//! `visibility-below-timeout`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, number};
use crate::check::view::View;

rule! {
    /// The visibility timeout of a queue is below the timeout of the function that reads it.
    ///
    /// # Why it matters
    ///
    /// Lambda refuses the event source mapping: a message would become visible again while the function still works on it.
    ///
    /// # How to fix
    ///
    /// Set `VisibilityTimeout` of the queue to at least `Timeout` of the function; AWS recommends six times as much.
    Error "visibility-below-timeout",
    source: "AWS Lambda Developer Guide, \"Using Lambda with Amazon SQS\"",
    applies_to: ["AWS::Lambda::EventSourceMapping"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for mapping in view.of_type("AWS::Lambda::EventSourceMapping") {
        let queue = view.target(&mapping.properties["EventSourceArn"]);
        let function = view.target(&mapping.properties["FunctionName"]);
        let (Some(queue), Some(function)) = (queue, function) else { continue };
        if queue.type_name != "AWS::SQS::Queue" || !function.type_name.ends_with("::Function") {
            continue;
        }
        let visibility = &queue.properties["VisibilityTimeout"];
        let timeout = &function.properties["Timeout"];
        // A property that is not set has the default of the service.
        let seconds = if is_set(visibility) { number(visibility) } else { Some(30.0) };
        let wanted = if is_set(timeout) { number(timeout) } else { Some(3.0) };
        if let (Some(seconds), Some(wanted)) = (seconds, wanted)
            && seconds < wanted
        {
            let message = format!(
                "the visibility timeout of {seconds} s is shorter than the timeout of `{}`, {wanted} s",
                function.id
            );
            let help = format!("set it to at least {wanted}");
            if is_set(visibility) {
                findings.add(queue, visibility, message, help);
            } else {
                findings.add_at(queue, None, message, help);
            }
        }
    }
}
