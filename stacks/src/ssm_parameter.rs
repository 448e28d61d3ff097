//! Parameters of Systems Manager, whose values are read when a stack is deployed.

use stackwright_synth::{IntoValue, Value};

/// The value of a parameter in Systems Manager Parameter Store, which CloudFormation reads when it deploys the stack
/// (a dynamic reference, `{{resolve:ssm:NAME}}`). It can be used in place of any string: the name of a bucket, an ARN, or the
/// ID of a subnet.
///
/// ```
/// use stackwright_stacks::{ExternalBucket, SsmParameter};
///
/// let models = ExternalBucket::from_name(SsmParameter::new("/ml/models/bucket"));
/// models.location("relevance/3/model.tar.gz");
/// // A certain version of the parameter.
/// ExternalBucket::from_name(SsmParameter::version("/ml/models/bucket", 3));
/// ```
#[derive(Clone, Debug)]
pub struct SsmParameter(Value<String>);

impl SsmParameter {
    /// Refers to the latest version of a parameter, given by its name, such as `/ml/models/bucket`. A name with other characters
    /// than letters, digits, `.`, `_`, `-` and `/` is an error at the caller's line.
    #[track_caller]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self::named(name.as_ref(), None)
    }

    /// Refers to one version of a parameter, given by its name, such as `/ml/models/bucket`, and the number of the version. A
    /// name with other characters than letters, digits, `.`, `_`, `-` and `/` is an error at the caller's line.
    #[track_caller]
    pub fn version(name: impl AsRef<str>, version: u32) -> Self {
        Self::named(name.as_ref(), Some(version))
    }

    #[track_caller]
    fn named(name: &str, version: Option<u32>) -> Self {
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if name.is_empty() || !name.chars().all(legal) {
            let message = format!("`{name}` is not a valid name of a Systems Manager parameter");
            return Self(Value::invalid(
                "invalid-parameter-name",
                message,
                "use letters, digits, `.`, `_`, `-` and `/`",
            ));
        }
        let version = version.map(|version| format!(":{version}")).unwrap_or_default();
        Self(Value::from(format!("{{{{resolve:ssm:{name}{version}}}}}")).with_caller_location())
    }
}

impl IntoValue<String> for SsmParameter {}

impl From<SsmParameter> for Value<String> {
    fn from(parameter: SsmParameter) -> Self {
        parameter.0
    }
}
