//! Buckets that nobody else can read.

use stackwright_resources::s3::bucket::{
    AbortIncompleteMultipartUpload, BucketEncryption, LifecycleConfiguration, LoggingConfiguration,
    NoncurrentVersionExpiration, PublicAccessBlockConfiguration, Rule, RuleStatus,
    ServerSideEncryptionByDefault, ServerSideEncryptionRule, SseAlgorithm, VersioningConfiguration,
    VersioningConfigurationStatus,
};
use stackwright_resources::s3::{Bucket, BucketHandle, BucketPolicy};
use stackwright_synth::{Construct, DeletionPolicy, IntoValue, Json, ResourceOptions, Scope, Value, sub};

use crate::iam::{PolicyDocument, Statement};
use crate::s3::S3Location;

/// For how many days what was overwritten or deleted can be had back, and how long parts of an upload that never ended
/// stay.
const KEPT_DAYS: i64 = 30;

/// A bucket for data, models and checkpoints: encrypted, closed to the public, reached over TLS only, kept when the
/// stack is deleted. What is overwritten or deleted in it can be had back for 30 days.
///
/// ```
/// use stackwright_stacks::{PrivateBucket, S3Location};
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Training");
/// let runs = stack.add("Runs", PrivateBucket::new().expire("checkpoints/", 30));
/// let checkpoints = S3Location::in_bucket(&runs, "checkpoints/");
/// ```
#[derive(Clone, Debug, Default)]
pub struct PrivateBucket {
    key: Option<Value<String>>,
    expiring: Vec<(String, i64)>,
    logs: Option<S3Location>,
}

impl PrivateBucket {
    /// A bucket that S3 names and encrypts with its own key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encrypts with a key of AWS KMS, by its ARN.
    #[track_caller]
    pub fn kms_key(mut self, arn: impl IntoValue<String>) -> Self {
        self.key = Some(arn.into().with_caller_location());
        self
    }

    /// Keeps a log of every request in another bucket, below a place. That bucket has to let S3's logging service write.
    pub fn access_logs(mut self, location: S3Location) -> Self {
        self.logs = Some(location);
        self
    }

    /// Deletes objects whose keys start like this after so many days.
    pub fn expire(mut self, prefix: impl Into<String>, days: u32) -> Self {
        self.expiring.push((prefix.into(), days.into()));
        self
    }
}

impl Construct for PrivateBucket {
    type Handle = BucketHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> BucketHandle {
        let by_default = match self.key {
            None => ServerSideEncryptionByDefault::new(SseAlgorithm::Aes256),
            Some(key) => ServerSideEncryptionByDefault::new(SseAlgorithm::AwsKms).kms_master_key_id(key),
        };
        let encryption = ServerSideEncryptionRule::new().server_side_encryption_by_default(by_default);
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
        let mut bucket = Bucket::new()
            .bucket_encryption(BucketEncryption::new([encryption]))
            .public_access_block_configuration(closed)
            .versioning_configuration(VersioningConfiguration::new(VersioningConfigurationStatus::Enabled))
            .lifecycle_configuration(LifecycleConfiguration::new(rules))
            .deletion_policy(DeletionPolicy::Retain)
            .update_replace_policy(DeletionPolicy::Retain);
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
        bucket
    }
}
