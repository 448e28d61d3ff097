//! Places in S3, and what a role needs to read and write there.

use stackwright_resources::s3::BucketHandle;
use stackwright_synth::intrinsic::partition;
use stackwright_synth::{AssetHandle, IntoValue, Value, sub};

use crate::iam::Statement;

/// An object in S3, such as a `model.tar.gz`, or all objects whose keys start with the same characters.
///
/// ```
/// use stackwright_stacks::S3Location;
///
/// S3Location::new("my-models", "relevance/3/model.tar.gz");
/// ```
#[derive(Clone, Debug)]
pub struct S3Location {
    bucket: Value<String>,
    bucket_arn: Value<String>,
    key: String,
}

impl S3Location {
    /// A key in a bucket, by names.
    #[track_caller]
    pub fn new(bucket: impl IntoValue<String>, key: impl Into<String>) -> Self {
        let bucket = bucket.into().with_caller_location();
        let bucket_arn = sub!("arn:{}:s3:::{}", partition(), &bucket);
        Self { bucket, bucket_arn, key: key.into() }
    }

    /// A key in a bucket of the app.
    #[track_caller]
    pub fn in_bucket(bucket: &BucketHandle, key: impl Into<String>) -> Self {
        Self { bucket: bucket.reference().with_caller_location(), bucket_arn: bucket.arn(), key: key.into() }
    }

    /// `s3://bucket/key`.
    pub fn uri(&self) -> Value<String> {
        sub!("s3://{}/{}", &self.bucket, &self.key).with_location(self.bucket.location())
    }

    /// The bucket's name.
    pub(crate) fn bucket(&self) -> &Value<String> {
        &self.bucket
    }

    /// The key, or the start of it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A place below this one.
    pub fn join(&self, key: &str) -> Self {
        let key = format!("{}/{key}", self.key.trim_end_matches('/'));
        Self { key, ..self.clone() }
    }

    /// The same place with a slash at its end: without it, folders whose names start alike are the same to S3.
    pub(crate) fn as_folder(&self) -> Self {
        let key = self.key.trim_end_matches('/');
        Self { key: if key.is_empty() { String::new() } else { format!("{key}/") }, ..self.clone() }
    }

    /// What a role needs to read the one object. Without the listing, a missing object is answered with "access
    /// denied".
    pub(crate) fn read_object(&self) -> [Statement; 2] {
        [
            Statement::allow(["s3:GetObject"]).on(sub!("{}/{}", &self.bucket_arn, &self.key)),
            self.list(&self.key),
        ]
    }

    /// What a role needs to read everything whose key starts like this.
    pub(crate) fn read(&self) -> [Statement; 2] {
        [Statement::allow(["s3:GetObject"]).on(self.objects()), self.list(&format!("{}*", self.key))]
    }

    /// What a role needs to write below, and to go on with what was written before.
    pub(crate) fn write(&self) -> [Statement; 2] {
        [
            Statement::allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]).on(self.objects()),
            self.list(&format!("{}*", self.key)),
        ]
    }

    fn objects(&self) -> Value<String> {
        sub!("{}/{}*", &self.bucket_arn, &self.key)
    }

    fn list(&self, keys: &str) -> Statement {
        Statement::allow(["s3:ListBucket"]).on(&self.bucket_arn).when("StringLike", "s3:prefix", keys)
    }
}

impl From<&AssetHandle> for S3Location {
    fn from(asset: &AssetHandle) -> Self {
        Self::new(asset.bucket(), asset.key())
    }
}

impl From<AssetHandle> for S3Location {
    fn from(asset: AssetHandle) -> Self {
        Self::from(&asset)
    }
}
