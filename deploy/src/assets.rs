//! Assets: what has to be in S3 before a stack is deployed, uploaded once by content.

use std::collections::BTreeSet;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use stackwright_synth::StackArtifact;

use crate::Progress;
use crate::connection::Connection;
use crate::error::DeployError;

/// What the buckets are called that we may make: any other has to be there.
const OWN_BUCKETS: &str = "stackwright-assets-";

/// How many assets are uploaded at a time.
const AT_A_TIME: usize = 8;

/// Uploads what is missing, and returns the URL of the template if it is too large for a request.
pub(crate) async fn upload(
    connection: &Connection,
    stack: &StackArtifact,
    tell: &dyn Fn(Progress),
) -> Result<Option<String>, DeployError> {
    let mut ready = BTreeSet::new();
    for asset in &stack.assets {
        let bucket = connection.resolved(&asset.bucket);
        if ready.insert(bucket.clone()) {
            ensure_bucket(connection, &bucket, tell).await?;
        }
    }
    let uploads = stack.assets.iter().map(async |asset| {
        let read = |error| DeployError::Asset { path: asset.path.clone(), error };
        let bytes = std::fs::metadata(&asset.path).map_err(read)?.len();
        let content = async || {
            let content = ByteStream::from_path(&asset.path).await;
            content.map_err(|error| read(std::io::Error::other(error)))
        };
        put(connection, &connection.resolved(&asset.bucket), &asset.object_key, bytes, content, tell).await
    });
    stream::iter(uploads).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    let Some(key) = stack.template_object_key() else { return Ok(None) };
    let bucket = connection.resolved(stack.template_bucket());
    if !ready.contains(&bucket) {
        ensure_bucket(connection, &bucket, tell).await?;
    }
    let body = stack.template_body();
    let bytes = body.len() as u64;
    put(connection, &bucket, &key, bytes, || async { Ok(ByteStream::from(body.as_bytes().to_vec())) }, tell)
        .await?;
    Ok(Some(connection.object_url(&bucket, &key)))
}

/// Puts an object there unless it is there: its key is the hash of its content.
async fn put<F: Future<Output = Result<ByteStream, DeployError>>>(
    connection: &Connection,
    bucket: &str,
    key: &str,
    bytes: u64,
    content: impl FnOnce() -> F,
    tell: &dyn Fn(Progress),
) -> Result<(), DeployError> {
    let s3 = &connection.s3;
    let head =
        s3.head_object().bucket(bucket).key(key).expected_bucket_owner(&connection.account).send().await;
    match head {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
        Err(error) => return Err(DeployError::call("HeadObject")(error)),
    }
    tell(Progress::Uploading { key: key.to_owned(), bytes });
    s3.put_object()
        .bucket(bucket)
        .key(key)
        // Somebody else's bucket of that name must not get our files.
        .expected_bucket_owner(&connection.account)
        .body(content().await?)
        .send()
        .await
        .map_err(DeployError::call("PutObject"))?;
    Ok(())
}

/// Makes the bucket if it is ours to make: private, encrypted, closed to the public.
async fn ensure_bucket(
    connection: &Connection,
    bucket: &str,
    tell: &dyn Fn(Progress),
) -> Result<(), DeployError> {
    let s3 = &connection.s3;
    let refuse = |reason: &str| DeployError::Bucket { bucket: bucket.to_owned(), reason: reason.to_owned() };
    match s3.head_bucket().bucket(bucket).expected_bucket_owner(&connection.account).send().await {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
        Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 403) => {
            return Err(refuse("it belongs to another account, or the credentials may not see it"));
        }
        Err(error) => return Err(DeployError::call("HeadBucket")(error)),
    }
    if !bucket.starts_with(OWN_BUCKETS) {
        return Err(refuse("it does not exist"));
    }
    // The first of all regions is the one that must not be named.
    let place = (connection.region != "us-east-1").then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(connection.region.as_str()))
            .build()
    });
    let made = s3.create_bucket().bucket(bucket).set_create_bucket_configuration(place).send().await;
    match made.map_err(DeployError::call("CreateBucket")) {
        Ok(_) => {}
        // Another stack of the same account and region was faster, and sets it up.
        Err(DeployError::Call { code: Some(code), .. }) if code == "BucketAlreadyOwnedByYou" => return Ok(()),
        Err(error) => return Err(error),
    }
    s3.put_public_access_block()
        .bucket(bucket)
        .public_access_block_configuration(
            PublicAccessBlockConfiguration::builder()
                .block_public_acls(true)
                .block_public_policy(true)
                .ignore_public_acls(true)
                .restrict_public_buckets(true)
                .build(),
        )
        .send()
        .await
        .map_err(DeployError::call("PutPublicAccessBlock"))?;
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::Aes256)
        .build()
        .map_err(|error| refuse(&error.to_string()))?;
    let rule =
        ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_default).build();
    let encryption = ServerSideEncryptionConfiguration::builder()
        .rules(rule)
        .build()
        .map_err(|error| refuse(&error.to_string()))?;
    s3.put_bucket_encryption()
        .bucket(bucket)
        .server_side_encryption_configuration(encryption)
        .send()
        .await
        .map_err(DeployError::call("PutBucketEncryption"))?;
    // An endpoint without TLS could not be used at all under this policy.
    if !connection.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
        let partition = connection.resolved("${AWS::Partition}");
        s3.put_bucket_policy()
            .bucket(bucket)
            .policy(only_encrypted_connections(&partition, bucket))
            .send()
            .await
            .map_err(DeployError::call("PutBucketPolicy"))?;
    }
    tell(Progress::BucketMade { bucket: bucket.to_owned() });
    Ok(())
}

/// A policy that refuses every connection without TLS.
fn only_encrypted_connections(partition: &str, bucket: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:{partition}:s3:::{bucket}","arn:{partition}:s3:::{bucket}/*"],"Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]}}"#
    )
}
