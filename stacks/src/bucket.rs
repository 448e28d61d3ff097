//! Buckets that nobody else can read.

use stackwright_resources::s3::bucket::{
    BucketEncryption, LifecycleConfiguration, PublicAccessBlockConfiguration, Rule, RuleStatus,
    ServerSideEncryptionByDefault, ServerSideEncryptionRule, SseAlgorithm,
};
use stackwright_resources::s3::{Bucket, BucketHandle, BucketPolicy};
use stackwright_synth::{Construct, DeletionPolicy, Json, ResourceOptions, Scope, Value, sub};

use crate::iam::{PolicyDocument, Statement};

/// A bucket for data, models and checkpoints: encrypted, closed to the public, reached over TLS only, kept when the
/// stack is deleted.
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
}

impl PrivateBucket {
    /// A bucket that S3 names and encrypts with its own key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encrypts with a key of AWS KMS, by its ARN.
    #[track_caller]
    pub fn kms_key(mut self, arn: impl Into<Value<String>>) -> Self {
        self.key = Some(arn.into().here());
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
    const OPAQUE: bool = true;

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
        let mut bucket = Bucket::new()
            .bucket_encryption(BucketEncryption::new([encryption]))
            .public_access_block_configuration(closed)
            .deletion_policy(DeletionPolicy::Retain)
            .update_replace_policy(DeletionPolicy::Retain);
        if !self.expiring.is_empty() {
            let rules: Vec<Rule> = self
                .expiring
                .into_iter()
                .map(|(prefix, days)| Rule::new(RuleStatus::Enabled).prefix(prefix).expiration_in_days(days))
                .collect();
            bucket = bucket.lifecycle_configuration(LifecycleConfiguration::new(rules));
        }
        let bucket = scope.add_default(bucket);
        let insecure: Value<Json> = serde_json::Value::from("false").into();
        let policy = PolicyDocument::new([Statement::deny(["s3:*"])
            .on(bucket.arn())
            .on(sub!("{}/*", bucket.arn()))
            .to_everybody()
            .when("Bool", "aws:SecureTransport", insecure)]);
        scope.add("Policy", BucketPolicy::new(bucket.reference(), policy));
        bucket
    }
}
