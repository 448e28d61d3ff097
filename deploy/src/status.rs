//! The closed sets of values that CloudFormation uses, as enums. `schemas/` has them, since local mode uses them too.

pub use stackwright_schemas::status::{
    AnnotationSeverity, ChangeAction, DriftStatus, Phase, PolicyAction, Replacement, RequiresRecreation,
    ResourceStatus, StackStatus,
};

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types as sdk;

    use stackwright_schemas::status::*;

    /// Compares the values of the API with those of an enum, in both directions.
    fn assert_same(of_api: &[&str], known: &[&str]) {
        for text in of_api {
            assert!(known.contains(text), "{text} has no variant");
        }
        for text in known {
            assert!(of_api.contains(text), "{text} is not a value of the API");
        }
    }

    #[test]
    fn every_value_of_the_api_has_a_variant() {
        assert_same(sdk::StackStatus::values(), StackStatus::KNOWN);
        for text in sdk::ResourceStatus::values().iter().chain(sdk::HookStatus::values()) {
            assert!(!matches!(ResourceStatus::from(*text), ResourceStatus::Other(_)), "{text}");
        }
        for text in sdk::ValidationStatus::values() {
            let text = format!("VALIDATION_{text}");
            assert!(!matches!(ResourceStatus::from(text.as_str()), ResourceStatus::Other(_)), "{text}");
        }
        assert_same(sdk::AnnotationSeverityLevel::values(), AnnotationSeverity::KNOWN);
        assert_same(sdk::ChangeAction::values(), ChangeAction::KNOWN);
        assert_same(sdk::Replacement::values(), Replacement::KNOWN);
        assert_same(sdk::PolicyAction::values(), PolicyAction::KNOWN);
        assert_same(sdk::RequiresRecreation::values(), RequiresRecreation::KNOWN);
        assert_same(sdk::StackResourceDriftStatus::values(), DriftStatus::KNOWN);
        assert_same(sdk::StackDriftStatus::values(), StackDriftStatus::KNOWN);
        assert_same(sdk::ChangeSetStatus::values(), ChangeSetStatus::KNOWN);
        assert_same(sdk::ExecutionStatus::values(), ExecutionStatus::KNOWN);
        assert_same(sdk::ChangeSetType::values(), ChangeSetType::KNOWN);
        assert_same(sdk::OperationType::values(), OperationType::KNOWN);
        assert_same(sdk::StackRefactorStatus::values(), StackRefactorStatus::KNOWN);
        assert_same(sdk::StackRefactorExecutionStatus::values(), RefactorExecutionStatus::KNOWN);
        assert_same(sdk::StackSetOperationStatus::values(), StackSetOperationStatus::KNOWN);
        assert_same(sdk::StackSetOperationResultStatus::values(), StackSetResultStatus::KNOWN);
        assert_same(sdk::StackInstanceStatus::values(), StackInstanceStatus::KNOWN);
    }

    #[test]
    fn the_phase_agrees_with_the_suffix_of_the_name() {
        for text in sdk::StackStatus::values() {
            let status = StackStatus::from(*text);
            assert_eq!(status.is_failed(), text.ends_with("_FAILED"), "{text}");
            let is_in_progress = text.ends_with("_IN_PROGRESS") && *text != "REVIEW_IN_PROGRESS";
            assert_eq!(status.is_in_progress(), is_in_progress, "{text}");
            assert_eq!(status.is_rollback(), text.contains("ROLLBACK"), "{text}");
        }
        for text in sdk::ResourceStatus::values() {
            let status = ResourceStatus::from(*text);
            assert_eq!(status.is_failed(), text.ends_with("_FAILED"), "{text}");
            assert_eq!(status.is_rollback(), text.contains("ROLLBACK"), "{text}");
        }
        assert!(StackStatus::from("SOMETHING_NEW").is_in_progress());
        assert_eq!(StackStatus::from("SOMETHING_NEW").to_string(), "SOMETHING_NEW");
    }
}
