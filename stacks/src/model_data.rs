//! Where a model's archive lies, and what a role needs to read it.

use stackwright_resources::s3::BucketHandle;
use stackwright_synth::intrinsic::partition;
use stackwright_synth::{AssetHandle, Value, sub};

/// A `model.tar.gz` in S3.
///
/// ```
/// use stackwright_stacks::ModelData;
///
/// ModelData::s3("my-models", "relevance/3/model.tar.gz");
/// ```
#[derive(Clone, Debug)]
pub struct ModelData {
    bucket: Value<String>,
    bucket_arn: Value<String>,
    key: String,
}

impl ModelData {
    /// An object in a bucket, by names.
    pub fn s3(bucket: impl Into<Value<String>>, key: impl Into<String>) -> Self {
        let bucket = bucket.into();
        let bucket_arn = sub!("arn:{}:s3:::{}", partition(), &bucket);
        Self { bucket, bucket_arn, key: key.into() }
    }

    /// An object in a bucket of the app.
    pub fn in_bucket(bucket: &BucketHandle, key: impl Into<String>) -> Self {
        Self { bucket: bucket.reference(), bucket_arn: bucket.arn(), key: key.into() }
    }

    /// `s3://bucket/key`.
    pub fn uri(&self) -> Value<String> {
        sub!("s3://{}/{}", &self.bucket, &self.key)
    }

    /// The object's key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The bucket's ARN.
    pub(crate) fn bucket_arn(&self) -> Value<String> {
        self.bucket_arn.clone()
    }

    /// The object's ARN.
    pub(crate) fn object_arn(&self) -> Value<String> {
        sub!("{}/{}", &self.bucket_arn, &self.key)
    }
}

impl From<&AssetHandle> for ModelData {
    fn from(asset: &AssetHandle) -> Self {
        Self::s3(asset.bucket(), asset.key())
    }
}

impl From<AssetHandle> for ModelData {
    fn from(asset: AssetHandle) -> Self {
        Self::from(&asset)
    }
}
