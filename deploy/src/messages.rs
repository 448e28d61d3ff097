//! Conditions that CloudFormation reports only as a text. All code that searches such a text is in this file, so that
//! no other behaviour depends on wording.

/// Returns whether a change set has failed because it contains no changes.
///
/// CloudFormation has no code for it: the change set has the status `FAILED` with one of two reasons.
pub(crate) fn reports_no_changes(reason: &str) -> bool {
    ["didn't contain changes", "No updates are to be performed"].iter().any(|text| reason.contains(text))
}

/// Returns whether the message of a `ValidationError` states that the stack does not exist.
pub(crate) fn is_missing_stack(message: &str) -> bool {
    message.contains("does not exist")
}

/// Returns whether the message of `CreateChangeSet` states that parameters have no values.
pub(crate) fn reports_missing_values(message: &str) -> bool {
    message.contains("must have values")
}

/// Returns whether the message of `CreateChangeSet` states that the stack was created, deleted or changed meanwhile.
pub(crate) fn is_outdated(message: &str) -> bool {
    ["already exists and cannot be created again", "does not exist", "state and can not be updated"]
        .iter()
        .any(|text| message.contains(text))
}

/// Returns whether the reason of a failed event states that CloudFormation cancelled the resource because another one
/// failed. The event has no field for it.
pub(crate) fn reports_cancellation(reason: &str) -> bool {
    // A service may report as well that something was cancelled, such as a training job.
    reason.starts_with("Resource ") && reason.contains(" cancelled")
}

/// Returns whether the reason of a stack event states only that a user started the operation.
pub(crate) fn reports_user_initiation(reason: &str) -> bool {
    reason.trim_end_matches('.') == "User Initiated"
}

/// Returns the ARNs of nested change sets that the reason of a failed change set names.
pub(crate) fn nested_change_sets(reason: &str) -> impl Iterator<Item = &str> {
    reason.split_whitespace().filter(|word| word.starts_with("arn:") && word.contains(":changeSet/"))
}

/// Returns the title of an HTML page.
pub(crate) fn html_title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower[start..].find("</title>")?;
    Some(page[start..end].trim()).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_messages_report_that_nothing_changes() {
        assert!(reports_no_changes(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ));
        assert!(reports_no_changes("No updates are to be performed."));
        assert!(!reports_no_changes("Transform failed"));
    }

    #[test]
    fn only_cloudformation_cancels_resources() {
        assert!(reports_cancellation("Resource creation cancelled"));
        assert!(reports_cancellation("Resource update cancelled"));
        assert!(!reports_cancellation("The training job was cancelled by an alarm"));
    }

    #[test]
    fn the_title_of_a_page_is_found() {
        assert_eq!(html_title("<html><head><TITLE> Login </TITLE>"), Some("Login"));
        assert_eq!(html_title("<html>"), None);
    }
}
