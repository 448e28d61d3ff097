//! References to secrets of AWS Secrets Manager.

use stackwright_synth::intrinsic::{region, url_suffix};
use stackwright_synth::{IntoValue, Value, sub};

use crate::arn::checked;
use crate::iam::Statement;
use crate::key::EncryptionKey;
use crate::ssm_parameter::SsmParameter;

/// An example that diagnostics show.
const EXAMPLE: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf";

/// A secret of AWS Secrets Manager, by its ARN, with the KMS key that it is encrypted with: a role that may read the secret
/// may decrypt with the key.
///
/// Functions that take `impl Into<SecretReference>` also accept an ARN as a string, which is sufficient for a secret that is
/// encrypted with the AWS managed key `aws/secretsmanager`.
///
/// ```
/// use stackwright_stacks::{SecretReference, SsmParameter};
///
/// SecretReference::from("arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf").kms_key("alias/secrets");
/// SecretReference::from_arn(SsmParameter::new("/ml/hub-token-arn"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SecretReference {
    arn: Value<String>,
    key: Option<EncryptionKey>,
}

impl SecretReference {
    /// Refers to a secret by its ARN, such as `arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf`. An ARN of
    /// another service is an error at the caller's line.
    #[track_caller]
    pub fn from_arn(arn: impl IntoValue<String>) -> Self {
        Self { arn: checked(arn, "secretsmanager", EXAMPLE), key: None }
    }

    /// Sets the customer managed KMS key that the secret is encrypted with, as a handle, an ARN, an ID or an alias
    /// (`KmsKeyId`). The default is the AWS managed key `aws/secretsmanager`, for which roles need no permission.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Returns the ARN of the secret.
    pub fn arn(&self) -> &Value<String> {
        &self.arn
    }

    /// Returns the statements that a role needs to read the value of the secret: `secretsmanager:GetSecretValue`, and
    /// `kms:Decrypt` if a key is set.
    pub fn allow_read(&self) -> Vec<Statement> {
        let mut statements = vec![Statement::allow(["secretsmanager:GetSecretValue"]).on(&self.arn)];
        let service = || sub!("secretsmanager.{}.{}", region(), url_suffix());
        statements.extend(
            self.key
                .iter()
                .map(|key| key.allow(["kms:Decrypt"]).when("StringEquals", "kms:ViaService", service())),
        );
        statements
    }
}

/// Converts the ARN of a secret.
impl From<&str> for SecretReference {
    #[track_caller]
    fn from(arn: &str) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a secret.
impl From<String> for SecretReference {
    #[track_caller]
    fn from(arn: String) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a secret.
impl From<Value<String>> for SecretReference {
    #[track_caller]
    fn from(arn: Value<String>) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a secret.
impl From<&Value<String>> for SecretReference {
    #[track_caller]
    fn from(arn: &Value<String>) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a secret.
impl From<SsmParameter> for SecretReference {
    #[track_caller]
    fn from(arn: SsmParameter) -> Self {
        Self::from_arn(arn)
    }
}
