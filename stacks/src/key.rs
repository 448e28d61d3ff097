//! KMS keys: the construct that creates one, and the reference with which other constructs encrypt.

use stackwright_resources::kms::{Alias, Key, KeyHandle};
use stackwright_synth::intrinsic::{account_id, partition, region, url_suffix};
use stackwright_synth::{Construct, DeletionPolicy, IntoValue, ResourceOptions, Scope, Value, sub};

use crate::arn::{checked, known};
use crate::defaults;
use crate::iam::{PolicyDocument, Statement};
use crate::ssm_parameter::SsmParameter;

/// An example that diagnostics show.
const EXAMPLE: &str = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";

/// The KMS key that a resource is encrypted with: a key that the app creates, given by its handle, or an existing
/// key, given by its ARN, ID or alias. Functions that take `impl Into<EncryptionKey>` accept the handle of a key, or a string.
///
/// ```
/// use stackwright_stacks::{EncryptionKey, PrivateBucket, PrivateKey, SsmParameter};
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Storage").region("us-east-1");
/// let key = stack.add("Key", PrivateKey::new());
/// stack.add("Models", PrivateBucket::new().kms_key(&key));
/// stack.add("Runs", PrivateBucket::new().kms_key("alias/ml-runs"));
/// let shared = EncryptionKey::from(SsmParameter::new("/ml/key-arn"));
/// stack.add("Data", PrivateBucket::new().kms_key(shared));
/// EncryptionKey::from_arn("arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab");
/// EncryptionKey::from_id("1234abcd-12ab-34cd-56ef-1234567890ab");
/// EncryptionKey::from_alias("alias/ml-runs");
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EncryptionKey {
    /// The value for the property of a resource.
    id: Value<String>,
    granted: Granted,
}

/// The form in which a policy refers to the key.
#[derive(Clone, Debug, PartialEq)]
enum Granted {
    /// The key, by its ARN.
    Arn(Value<String>),
    /// Whichever key of the account has the alias.
    Alias(Value<String>),
}

impl EncryptionKey {
    /// Refers to a key by its ARN, `arn:aws:kms:REGION:ACCOUNT:key/ID` or `…:alias/NAME`. An ARN of another service is an error
    /// at the caller's line.
    #[track_caller]
    pub fn from_arn(arn: impl IntoValue<String>) -> Self {
        let arn = checked(arn, "kms", EXAMPLE);
        match known(&arn).and_then(|text| Some(text.split_once(":alias/")?.1)) {
            Some(alias) => {
                let alias = format!("alias/{alias}");
                Self { id: arn, granted: Granted::Alias(alias.into()) }
            }
            None => Self { id: arn.clone(), granted: Granted::Arn(arn) },
        }
    }

    /// The same key without the location that refers to it: a construct that creates a key is not what a user wrote.
    pub(crate) fn without_location(self) -> Self {
        let granted = match self.granted {
            Granted::Arn(arn) => Granted::Arn(arn.with_location(None)),
            Granted::Alias(alias) => Granted::Alias(alias.with_location(None)),
        };
        Self { id: self.id.with_location(None), granted }
    }

    /// Refers to a key of the stack's account and region by its ID, such as `1234abcd-12ab-34cd-56ef-1234567890ab`.
    #[track_caller]
    pub fn from_id(id: impl IntoValue<String>) -> Self {
        let id = id.into().with_caller_location();
        let location = id.location();
        let arn =
            sub!("arn:{}:kms:{}:{}:key/{}", partition(), region(), account_id(), id).with_location(location);
        Self { id: arn.clone(), granted: Granted::Arn(arn) }
    }

    /// Refers to a key of the stack's account and region by its alias, `alias/NAME`. Roles may use the key that has the alias
    /// when they use it. A string without `alias/` is an error at the caller's line.
    #[track_caller]
    pub fn from_alias(alias: impl IntoValue<String>) -> Self {
        let alias = alias.into().with_caller_location();
        if let Some(text) = known(&alias)
            && !text.starts_with("alias/")
        {
            let message = format!("`{text}` is not a valid alias of a KMS key");
            return Self::from_arn(Value::invalid(
                "invalid-key",
                message,
                "use an alias that starts with `alias/`",
            ));
        }
        Self { id: alias.clone(), granted: Granted::Alias(alias) }
    }

    /// Returns the value for a property such as `KmsKeyId`: the ARN or the alias.
    pub fn id(&self) -> &Value<String> {
        &self.id
    }

    /// Returns the value for a property that does not accept an alias. For an alias, an error at its line is
    /// reported.
    pub(crate) fn without_alias(&self, service: &str, scope: &Scope<'_>) -> &Value<String> {
        if let Granted::Alias(alias) = &self.granted {
            scope.error(
                "invalid-key",
                format!("{service} takes the ARN of a KMS key, not an alias"),
                "set `.kms_key(…)` of this construct to the ARN of the key, or to its handle".to_owned(),
                alias.location(),
            );
        }
        &self.id
    }

    /// Returns a statement that allows actions of KMS, such as `kms:Decrypt`, on the key.
    pub fn allow<A: Into<String>>(&self, actions: impl IntoIterator<Item = A>) -> Statement {
        let statement = Statement::allow(actions);
        match &self.granted {
            Granted::Arn(arn) => statement.on(arn),
            // `Resource` cannot contain an alias; the condition is true only for the key that has the alias.
            Granted::Alias(alias) => statement
                .on(sub!("arn:{}:kms:{}:{}:key/*", partition(), region(), account_id()))
                .when("ForAnyValue:StringEquals", "kms:ResourceAliases", alias.clone()),
        }
    }
}

impl From<&EncryptionKey> for EncryptionKey {
    fn from(key: &EncryptionKey) -> Self {
        key.clone()
    }
}

/// Converts the ARN, the alias (`alias/NAME`) or the ID of a key.
impl From<&str> for EncryptionKey {
    #[track_caller]
    fn from(text: &str) -> Self {
        if text.starts_with("alias/") {
            Self::from_alias(text)
        } else if is_key_id(text) {
            Self::from_id(text)
        } else {
            Self::from_arn(text)
        }
    }
}

/// A UUID, or the ID of a multi-Region key.
fn is_key_id(text: &str) -> bool {
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("mrk-") {
        Some(rest) => rest.len() == 32 && is_hexadecimal(rest),
        None => text.len() == 36 && text.split('-').count() == 5 && is_hexadecimal(&text.replace('-', "")),
    }
}

impl From<String> for EncryptionKey {
    #[track_caller]
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Converts the ARN of a key or, if the value is a literal, also its alias or its ID.
impl From<Value<String>> for EncryptionKey {
    #[track_caller]
    fn from(arn: Value<String>) -> Self {
        let literal = known(&arn).map(str::to_owned);
        match literal {
            Some(text) => {
                let location = arn.location();
                let key = Self::from(text);
                if location.is_some() { Self { id: key.id.with_location(location), ..key } } else { key }
            }
            None => Self::from_arn(arn),
        }
    }
}

impl From<&Value<String>> for EncryptionKey {
    #[track_caller]
    fn from(arn: &Value<String>) -> Self {
        Self::from(arn.clone())
    }
}

impl From<SsmParameter> for EncryptionKey {
    #[track_caller]
    fn from(arn: SsmParameter) -> Self {
        Self::from_arn(arn)
    }
}

impl From<&KeyHandle> for EncryptionKey {
    #[track_caller]
    fn from(key: &KeyHandle) -> Self {
        Self::from_arn(key.arn())
    }
}

impl From<&PrivateKeyHandle> for EncryptionKey {
    #[track_caller]
    fn from(key: &PrivateKeyHandle) -> Self {
        Self::from(&key.key)
    }
}

/// A KMS key to which the account's IAM policies give access. It is rotated every year, and retained when the stack
/// is deleted. [`allow_service`](Self::allow_service) allows services of AWS to use it.
///
/// It becomes `AWS::KMS::Key`, and `AWS::KMS::Alias` with [`alias`](Self::alias).
///
/// ```
/// use stackwright_stacks::PrivateKey;
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Storage").region("us-east-1");
/// let key = stack.add("Key", PrivateKey::new().alias("alias/vision").allow_service("cloudwatch"));
/// stack.output("KeyArn", key.arn());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PrivateKey {
    description: Option<Value<String>>,
    alias: Option<Value<String>>,
    statements: Vec<Statement>,
    removal: Option<DeletionPolicy>,
}

impl PrivateKey {
    /// Creates a symmetric key for encryption, without an alias, for the principals of the account only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the description of the key (`Description`). By default, there is none.
    #[track_caller]
    pub fn description(mut self, description: impl IntoValue<String>) -> Self {
        self.description = Some(description.into().with_caller_location());
        self
    }

    /// Sets the alias of the key, `alias/NAME`. By default, there is none. A string without `alias/` is an error at the caller's
    /// line.
    #[track_caller]
    pub fn alias(mut self, alias: impl IntoValue<String>) -> Self {
        self.alias = Some(EncryptionKey::from_alias(alias).id);
        self
    }

    /// Allows a service of AWS to encrypt and decrypt with the key (`kms:Decrypt`, `kms:GenerateDataKey*`). `cloudwatch` stands
    /// for `cloudwatch.amazonaws.com`, which alarms that publish to an encrypted topic need.
    pub fn allow_service(self, service: &str) -> Self {
        self.allow(Statement::allow(["kms:Decrypt", "kms:GenerateDataKey*"]).on("*").to_service(service))
    }

    /// Allows CloudWatch Logs to encrypt the log groups of the stack's account and region with the key.
    pub fn allow_log_groups(self) -> Self {
        let groups = sub!("arn:{}:logs:{}:{}:log-group:*", partition(), region(), account_id());
        self.allow(
            Statement::allow([
                "kms:Decrypt*",
                "kms:Describe*",
                "kms:Encrypt*",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ])
            .on("*")
            .service_principal(sub!("logs.{}.{}", region(), url_suffix()))
            .when("ArnLike", "kms:EncryptionContext:aws:logs:arn", groups),
        )
    }

    /// Allows EC2 Auto Scaling to start instances whose volumes are encrypted with the key: those of a
    /// [`GpuFleet`](crate::fleet::GpuFleet) and of a [`TrainingFleet`](crate::fleet::TrainingFleet). EC2 Auto Scaling uses a
    /// service-linked role, which gets the permission from the key policy only (Amazon EC2 Auto Scaling User Guide,
    /// "Required AWS KMS key policy for use with encrypted volumes").
    pub fn allow_auto_scaling(self) -> Self {
        let role = || {
            sub!(
                "arn:{}:iam::{}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
                partition(),
                account_id()
            )
        };
        self.allow(
            Statement::allow([
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ])
            .on("*")
            .to_role(role()),
        )
        .allow(Statement::allow(["kms:CreateGrant"]).on("*").to_role(role()).when(
            "Bool",
            "kms:GrantIsForAWSResource",
            serde_json::Value::Bool(true),
        ))
    }

    /// Adds a statement to the key policy (`KeyPolicy`). In a key policy, the resource `*` is the key; a statement
    /// without a resource gets it.
    pub fn allow(mut self, statement: Statement) -> Self {
        self.statements.push(statement.on_everything_unless_set());
        self
    }

    /// Sets whether CloudFormation deletes or retains the key when it is removed from the stack or replaced. It is
    /// retained unless another policy is set here or by
    /// [`Defaults::removal_policy`](crate::Defaults::removal_policy).
    pub fn removal_policy(mut self, policy: DeletionPolicy) -> Self {
        self.removal = Some(policy);
        self
    }
}

impl Construct for PrivateKey {
    type Handle = PrivateKeyHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> PrivateKeyHandle {
        // Without it the policy could not be changed any more. It also lets the account's IAM policies use the key.
        let account = Statement::allow(["kms:*"]).on("*").to_account(account_id());
        let policy = PolicyDocument::new([account].into_iter().chain(self.statements));
        let removal = defaults::removal_policy(self.removal, scope);
        let mut key = Key::new()
            .key_policy(policy)
            .enable_key_rotation(true)
            .deletion_policy(removal)
            .update_replace_policy(removal);
        if let Some(description) = self.description {
            key = key.description(description);
        }
        let key = scope.add_default(key);
        if let Some(alias) = self.alias {
            scope.add("Alias", Alias::new().alias_name(alias).target_key_id(key.key_id()));
        }
        PrivateKeyHandle { key }
    }
}

/// A [`PrivateKey`] that was added to a stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PrivateKeyHandle {
    /// The handle of the `AWS::KMS::Key`.
    pub key: KeyHandle,
}

impl std::ops::Deref for PrivateKeyHandle {
    type Target = KeyHandle;

    fn deref(&self) -> &KeyHandle {
        &self.key
    }
}

/// A statement for the objects of a bucket: it allows the use of the key through S3 only, not through direct calls of
/// KMS.
pub(crate) fn through_s3(key: &EncryptionKey, actions: &[&str]) -> Statement {
    let service = sub!("s3.{}.{}", region(), url_suffix());
    key.allow(actions.iter().copied()).when("StringEquals", "kms:ViaService", service)
}
