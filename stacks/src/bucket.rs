//! Private buckets, and references to existing buckets.

use stackwright_resources::s3::bucket::{
    AbortIncompleteMultipartUpload, BucketEncryption, LifecycleConfiguration, LoggingConfiguration,
    NoncurrentVersionExpiration, PublicAccessBlockConfiguration, Rule, RuleStatus,
    ServerSideEncryptionByDefault, ServerSideEncryptionRule, SseAlgorithm, VersioningConfiguration,
    VersioningConfigurationStatus,
};
use stackwright_resources::s3::{Bucket, BucketHandle, BucketPolicy};
use stackwright_synth::intrinsic::partition;
use stackwright_synth::{Construct, DeletionPolicy, IntoValue, Json, ResourceOptions, Scope, Value, sub};

use crate::arn::{checked, known};
use crate::defaults;
use crate::iam::{PolicyDocument, Statement};
use crate::key::{EncryptionKey, PrivateKey};
use crate::s3::S3Location;

/// A bucket that the app creates, or one that exists already: its name, its ARN and the KMS key of its objects.
///
/// Functions that take `impl Into<BucketReference>` accept the handle of a [`PrivateBucket`], the handle of an
/// `AWS::S3::Bucket`, or an [`ExternalBucket`]. Roles that may access the objects of the bucket may use its key.
///
/// ```
/// use stackwright_resources::s3::Bucket;
/// use stackwright_stacks::{BucketReference, PrivateBucket, S3Location};
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Training");
/// let runs = stack.add("Runs", PrivateBucket::new());
/// let raw = stack.add("Raw", Bucket::new());
/// for bucket in [BucketReference::from(&runs), BucketReference::from(&raw)] {
///     S3Location::in_bucket(bucket, "images/");
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BucketReference {
    pub(crate) name: Value<String>,
    pub(crate) arn: Value<String>,
    pub(crate) key: Option<EncryptionKey>,
}

impl BucketReference {
    /// A bucket by its name.
    #[track_caller]
    pub(crate) fn named(name: impl IntoValue<String>) -> Self {
        let name = checked_name(name);
        Self { arn: sub!("arn:{}:s3:::{}", partition(), &name), name, key: None }
    }

    /// The bucket of the app's assets, whose name is not validated, because it is complete only during deployment.
    pub(crate) fn of_assets(name: Value<String>) -> Self {
        Self { arn: sub!("arn:{}:s3:::{}", partition(), &name), name, key: None }
    }

    /// Returns the bucket's name.
    pub fn name(&self) -> &Value<String> {
        &self.name
    }

    /// Returns the bucket's ARN.
    pub fn arn(&self) -> &Value<String> {
        &self.arn
    }
}

/// The name, or an invalid value if it is known during synthesis and breaks S3's rules for names.
#[track_caller]
fn checked_name(name: impl IntoValue<String>) -> Value<String> {
    let name = name.into().with_caller_location();
    let Some(text) = known(&name) else { return name };
    match why_no_bucket_name(text) {
        None => name,
        Some(why) => {
            let message = format!("`{text}` is not a valid bucket name: {why}");
            let help = "use 3 to 63 lowercase letters, digits, hyphens and dots, such as `my-models`";
            Value::invalid("invalid-bucket-name", message, help)
        }
    }
}

/// Returns the reason why S3 refuses a name for a general purpose bucket ("Bucket naming rules" of its User Guide),
/// or `None`.
fn why_no_bucket_name(name: &str) -> Option<&'static str> {
    let is_end =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if name.starts_with("s3:") {
        return Some("it is a URI, or starts like a URI");
    }
    if name.starts_with("arn:") {
        return Some("it is an ARN");
    }
    if name.contains('/') {
        return Some("it contains a slash");
    }
    if !(3..=63).contains(&name.len()) {
        return Some("it does not have 3 to 63 characters");
    }
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)) {
        return Some("it contains other characters than lowercase letters, digits, hyphens and dots");
    }
    if !is_end(name.bytes().next()) || !is_end(name.bytes().last()) {
        return Some("it does not start and end with a letter or a digit");
    }
    if name.contains("..") {
        return Some("it contains two dots in a row");
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some("it is an IP address");
    }
    (name.starts_with("xn--") || name.starts_with("sthree-")).then_some("it starts with a reserved prefix")
}

impl From<&BucketReference> for BucketReference {
    fn from(bucket: &BucketReference) -> Self {
        bucket.clone()
    }
}

impl From<&BucketHandle> for BucketReference {
    fn from(bucket: &BucketHandle) -> Self {
        Self { name: bucket.reference(), arn: bucket.arn(), key: None }
    }
}

impl From<&PrivateBucketHandle> for BucketReference {
    fn from(bucket: &PrivateBucketHandle) -> Self {
        Self { key: bucket.key.clone(), ..Self::from(&bucket.bucket) }
    }
}

impl From<&ExternalBucket> for BucketReference {
    fn from(bucket: &ExternalBucket) -> Self {
        bucket.0.clone()
    }
}

impl From<ExternalBucket> for BucketReference {
    fn from(bucket: ExternalBucket) -> Self {
        bucket.0
    }
}

/// A bucket that the app does not create.
///
/// ```
/// use stackwright_stacks::{ExternalBucket, SsmParameter};
///
/// let models = ExternalBucket::from_name("company-models").kms_key("alias/models");
/// models.location("relevance/3/model.tar.gz");
/// ExternalBucket::from_arn("arn:aws:s3:::company-data");
/// ExternalBucket::from_name(SsmParameter::new("/ml/buckets/runs"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ExternalBucket(BucketReference);

impl ExternalBucket {
    /// Refers to a bucket by its name, such as `company-models`. A name that breaks S3's rules for bucket names is an error
    /// at the caller's line.
    #[track_caller]
    pub fn from_name(name: impl IntoValue<String>) -> Self {
        Self(BucketReference::named(name))
    }

    /// Refers to a bucket by its ARN, `arn:aws:s3:::NAME`. A malformed ARN, an ARN of another service, or an invalid bucket
    /// name is an error at the caller's line.
    #[track_caller]
    pub fn from_arn(arn: impl IntoValue<String>) -> Self {
        let arn = checked(arn, "s3", "arn:aws:s3:::my-models");
        let name = match known(&arn).and_then(|text| text.rsplit(':').next()) {
            Some(name) => checked_name(Value::from(name).with_location(arn.location())),
            // The name is the last of the six parts of the ARN.
            None => stackwright_synth::intrinsic::select(5, stackwright_synth::intrinsic::split(":", &arn))
                .with_location(arn.location()),
        };
        Self(BucketReference { name, arn, key: None })
    }

    /// Sets the KMS key that the bucket's objects are encrypted with, as a handle, an ARN, an ID or an alias
    /// (`KMSMasterKeyID`). Roles that may access the objects may then use the key. By default, no permission for a key
    /// is granted.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    /// Returns a location in the bucket by its key, such as `models/model.tar.gz`, or its prefix, such as `models/`.
    #[track_caller]
    pub fn location(&self, key: impl IntoValue<String>) -> S3Location {
        S3Location::in_bucket(self, key)
    }
}

/// The number of days for which overwritten and deleted objects can be restored, and after which the parts of an
/// incomplete multipart upload are deleted.
const KEPT_DAYS: i64 = 30;

/// A bucket for data, models and checkpoints: encrypted, not public, accessible through TLS only, and retained when the
/// stack is deleted. Objects that are overwritten or deleted can be restored for 30 days, because the bucket has
/// versioning.
///
/// It becomes `AWS::S3::Bucket` and `AWS::S3::BucketPolicy`, and `AWS::KMS::Key` with
/// [`own_kms_key`](Self::own_kms_key).
///
/// ```
/// use stackwright_stacks::PrivateBucket;
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Training");
/// let runs = stack.add("Runs", PrivateBucket::new().expire("checkpoints/", 30));
/// let checkpoints = runs.location("checkpoints/");
/// // With a separate KMS key. A role that may read the bucket may also use the key.
/// stack.add("Models", PrivateBucket::new().own_kms_key());
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PrivateBucket {
    encryption: Encryption,
    removal: Option<DeletionPolicy>,
    expiring: Vec<(String, i64)>,
    logs: Option<S3Location>,
}

/// The encryption of the objects.
#[derive(Clone, Debug, Default)]
enum Encryption {
    /// Encrypts with the stack's default key, or with keys of S3 (SSE-S3) if it has none.
    #[default]
    Default,
    /// Encrypts with keys of S3 (SSE-S3), regardless of the stack's default.
    S3,
    /// Encrypts with a key that the construct creates.
    Own,
    Kms(EncryptionKey),
}

impl PrivateBucket {
    /// Creates a bucket whose name CloudFormation generates. It is encrypted with the default key of its stack
    /// ([`Defaults::encryption_key`](crate::Defaults::encryption_key)), or with keys of S3 (SSE-S3) if the stack has
    /// none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encrypts the objects with a KMS key (SSE-KMS), given as a handle, an ARN, an ID or an alias. It replaces
    /// [`own_kms_key`](Self::own_kms_key) and [`s3_managed_encryption`](Self::s3_managed_encryption).
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.encryption = Encryption::Kms(key.into());
        self
    }

    /// Encrypts the objects with a [`PrivateKey`] that is created with the bucket, and that has the bucket's removal
    /// policy. It replaces [`kms_key`](Self::kms_key) and [`s3_managed_encryption`](Self::s3_managed_encryption).
    pub fn own_kms_key(mut self) -> Self {
        self.encryption = Encryption::Own;
        self
    }

    /// Encrypts the objects with keys of S3 (SSE-S3), even if the stack has a default key. It replaces
    /// [`kms_key`](Self::kms_key) and [`own_kms_key`](Self::own_kms_key).
    pub fn s3_managed_encryption(mut self) -> Self {
        self.encryption = Encryption::S3;
        self
    }

    /// Sets whether CloudFormation deletes or retains the bucket when it is removed from the stack or replaced. It is
    /// retained unless another policy is set here or by
    /// [`Defaults::removal_policy`](crate::Defaults::removal_policy). CloudFormation deletes empty buckets only.
    pub fn removal_policy(mut self, policy: DeletionPolicy) -> Self {
        self.removal = Some(policy);
        self
    }

    /// Enables server access logs, which S3 writes to a location in another bucket of the same region
    /// (`LoggingConfiguration`). The bucket policy of that bucket has to allow `logging.s3.amazonaws.com` to write. By
    /// default, accesses are not logged.
    pub fn access_logs(mut self, location: S3Location) -> Self {
        self.logs = Some(location);
        self
    }

    /// Deletes objects whose keys start with a prefix a number of days after they were created, at least 1. Deleted
    /// objects can be restored for 30 more days. By default, objects do not expire.
    pub fn expire(mut self, prefix: impl Into<String>, days: u32) -> Self {
        self.expiring.push((prefix.into(), days.into()));
        self
    }
}

impl Construct for PrivateBucket {
    type Handle = PrivateBucketHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> PrivateBucketHandle {
        let key = match self.encryption {
            Encryption::S3 => None,
            Encryption::Default => defaults::encryption_key(None, scope),
            Encryption::Kms(key) => Some(key),
            Encryption::Own => {
                let removal = defaults::removal_policy(self.removal, scope);
                let key = scope.add("Key", PrivateKey::new().removal_policy(removal));
                Some(EncryptionKey::from(&key).without_location())
            }
        };
        let encryption = encryption_rule(key.as_ref());
        let closed = PublicAccessBlockConfiguration::new()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true);
        let superseded = Rule::new(RuleStatus::Enabled)
            .noncurrent_version_expiration(NoncurrentVersionExpiration::new(KEPT_DAYS))
            .abort_incomplete_multipart_upload(AbortIncompleteMultipartUpload::new(KEPT_DAYS));
        let expiring = self
            .expiring
            .into_iter()
            .map(|(prefix, days)| Rule::new(RuleStatus::Enabled).prefix(prefix).expiration_in_days(days));
        let rules: Vec<Rule> = [superseded].into_iter().chain(expiring).collect();
        let removal = defaults::removal_policy(self.removal, scope);
        let mut bucket = Bucket::new()
            .bucket_encryption(BucketEncryption::new([encryption]))
            .public_access_block_configuration(closed)
            .versioning_configuration(VersioningConfiguration::new(VersioningConfigurationStatus::Enabled))
            .lifecycle_configuration(LifecycleConfiguration::new(rules))
            .deletion_policy(removal)
            .update_replace_policy(removal);
        if let Some(logs) = self.logs {
            bucket = bucket.logging_configuration(
                LoggingConfiguration::new()
                    .destination_bucket_name(logs.bucket())
                    .log_file_prefix(logs.key()),
            );
        }
        let bucket = scope.add_default(bucket);
        let insecure: Value<Json> = serde_json::Value::from("false").into();
        let policy = PolicyDocument::new([Statement::deny(["s3:*"])
            .on(bucket.arn())
            .on(sub!("{}/*", bucket.arn()))
            .to_everybody()
            .when("Bool", "aws:SecureTransport", insecure)]);
        scope.add("Policy", BucketPolicy::new().bucket(bucket.reference()).policy_document(policy));
        PrivateBucketHandle { bucket, key }
    }
}

/// The rule by which S3 encrypts objects for which a request names no key.
fn encryption_rule(key: Option<&EncryptionKey>) -> ServerSideEncryptionRule {
    match key {
        None => {
            let by_default = ServerSideEncryptionByDefault::new(SseAlgorithm::Aes256);
            ServerSideEncryptionRule::new().server_side_encryption_by_default(by_default)
        }
        Some(key) => {
            let by_default =
                ServerSideEncryptionByDefault::new(SseAlgorithm::AwsKms).kms_master_key_id(key.id());
            // One request to KMS for many objects, instead of one for each.
            ServerSideEncryptionRule::new()
                .server_side_encryption_by_default(by_default)
                .bucket_key_enabled(true)
        }
    }
}

/// A [`PrivateBucket`] that was added to a stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PrivateBucketHandle {
    /// The bucket, an `AWS::S3::Bucket`.
    pub bucket: BucketHandle,
    /// The KMS key that the bucket's objects are encrypted with, or `None` if they are encrypted with keys of S3 (SSE-S3).
    pub key: Option<EncryptionKey>,
}

impl PrivateBucketHandle {
    /// Returns the bucket's name.
    pub fn name(&self) -> Value<String> {
        self.bucket.reference()
    }

    /// Returns a location in the bucket by its key, such as `models/model.tar.gz`, or its prefix, such as `models/`. Roles
    /// that may access the location may use the KMS key of the bucket.
    #[track_caller]
    pub fn location(&self, key: impl IntoValue<String>) -> S3Location {
        S3Location::in_bucket(self, key)
    }
}

impl std::ops::Deref for PrivateBucketHandle {
    type Target = BucketHandle;

    fn deref(&self) -> &BucketHandle {
        &self.bucket
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stackwright_synth::{App, Template};

    use super::*;

    fn synthesized(bucket: PrivateBucket) -> Template {
        let app = App::new("vision");
        app.stack("Training").add("Runs", bucket);
        app.synth().unwrap().stacks.remove(0).template
    }

    #[test]
    fn a_private_bucket_is_closed_encrypted_and_retained() {
        let template = synthesized(PrivateBucket::new());
        let bucket = template.resource("Runs").unwrap();
        let properties = &bucket["Properties"];
        for name in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
            assert_eq!(properties["PublicAccessBlockConfiguration"][name], true, "{name}");
        }
        let rule = &properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        assert_eq!(rule["ServerSideEncryptionByDefault"], json!({ "SSEAlgorithm": "AES256" }));
        assert_eq!(
            (&bucket["DeletionPolicy"], &bucket["UpdateReplacePolicy"]),
            (&json!("Retain"), &json!("Retain"))
        );
        let policy =
            &template.resource("RunsPolicy").unwrap()["Properties"]["PolicyDocument"]["Statement"][0];
        assert_eq!(policy["Effect"], "Deny");
        assert_eq!(policy["Condition"]["Bool"]["aws:SecureTransport"], "false");
    }

    #[test]
    fn the_own_key_of_a_bucket_has_the_removal_policy_of_the_bucket() {
        let template = synthesized(PrivateBucket::new().own_kms_key().removal_policy(DeletionPolicy::Delete));
        let (id, key) = template.resources().find(|(_, body)| body["Type"] == "AWS::KMS::Key").unwrap();
        assert_eq!(key["DeletionPolicy"], "Delete");
        let bucket = template.resource("Runs").unwrap();
        let rule = &bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        assert_eq!(rule["BucketKeyEnabled"], true);
        assert!(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"].to_string().contains(id), "{rule}");
        assert_eq!(bucket["DeletionPolicy"], "Delete");
    }

    #[test]
    fn names_that_s3_refuses_have_a_reason() {
        for (name, reason) in [
            ("s3://models", "a URI"),
            ("arn:aws:s3:::models", "an ARN"),
            ("models/llama", "a slash"),
            ("ab", "3 to 63"),
            ("My-Models", "lowercase"),
            ("-models", "start and end"),
            ("my..models", "two dots"),
            ("10.0.0.1", "an IP address"),
            ("xn--models", "reserved"),
        ] {
            let found = why_no_bucket_name(name);
            assert!(found.is_some_and(|found| found.contains(reason)), "{name}: {found:?}");
        }
        for name in ["my-models", "models.example.com", "123"] {
            assert_eq!(why_no_bucket_name(name), None, "{name}");
        }
    }
}
