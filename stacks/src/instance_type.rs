//! Instance types of SageMaker, checked where they are given.

use stackwright_synth::{IntoValue, Value};

use crate::arn::known;

/// The same instance type, or an invalid value where it is known to be something else, such as the name of an instance group
/// or a type of EC2 without `ml.`. Whether SageMaker has the type is checked later, with its list of types.
#[track_caller]
pub(crate) fn checked(value: impl IntoValue<String>) -> Value<String> {
    let value = value.into().with_caller_location();
    let Some(text) = known(&value).filter(|text| !is_instance_type(text)) else { return value };
    let message = format!("`{text}` is not an instance type of SageMaker");
    let help = match is_instance_type(&format!("ml.{text}")) {
        true => format!("use `ml.{text}`: the instance types of SageMaker start with `ml.`"),
        false => "use `ml.`, the family and the size, such as `ml.g5.2xlarge`".to_owned(),
    };
    Value::invalid("invalid-instance-type", message, help)
}

/// Whether a string has the form `ml.FAMILY.SIZE`.
fn is_instance_type(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(is_character)
    };
    let parts: Vec<&str> = text.split('.').collect();
    matches!(parts.as_slice(), ["ml", family, size] if is_part(family) && is_part(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_instance_types_of_the_facts_are_accepted() {
        let names: Vec<&str> = stackwright_schemas::instances::instances()
            .keys()
            .map(String::as_str)
            .filter(|name| name.starts_with("ml."))
            .collect();
        assert!(names.len() > 100, "only {} instance types were found", names.len());
        for name in names {
            assert!(is_instance_type(name), "{name}");
        }
        for text in ["train", "g5.2xlarge", "ml.g5", "ml.g5.2xlarge.x", "ML.g5.2xlarge", "ml..x", ""] {
            assert!(!is_instance_type(text), "{text}");
        }
    }
}
