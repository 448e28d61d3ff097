//! Assets: files that have to be in S3 before a stack is deployed. Each is uploaded once, under the hash of its content.

use std::collections::BTreeSet;
use std::io;

use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use stackwright_schemas::limits::limits;
use stackwright_synth::{AssemblyError, FileAsset, StackArtifact, sha256};

use crate::connection::Connection;
use crate::error::DeployError;
use crate::upload::{Content, put};
use crate::{Progress, Report};

/// The prefix of the names of buckets that the deployer may create. Any other bucket has to exist.
const OWN_BUCKET_PREFIX: &str = "stackwright-assets-";

/// The maximum number of assets that are uploaded at the same time.
const CONCURRENT_UPLOADS: usize = 8;

/// Uploads the assets that are missing, and returns the URL of the template if it is too large for a request.
pub(crate) async fn upload(
    connection: &Connection,
    stack: &StackArtifact,
    template: &str,
    report: Report<'_>,
) -> Result<Option<String>, DeployError> {
    for image in stack.assets.iter().filter(|asset| asset.is_container_image()) {
        packed(image).await?;
    }
    let mut ready = BTreeSet::new();
    for asset in &stack.assets {
        let bucket = connection.resolve_pseudo_parameters(&asset.bucket);
        if ready.insert(bucket.clone()) {
            ensure_bucket(connection, &bucket, report).await?;
        }
    }
    let uploads = stack.assets.iter().map(async |asset| {
        let bucket = connection.resolve_pseudo_parameters(&asset.bucket);
        put(connection, &bucket, &asset.object_key, Content::Asset(asset), report).await
    });
    stream::iter(uploads).buffer_unordered(CONCURRENT_UPLOADS).try_collect::<()>().await?;
    if template.len() <= limits().template_body_bytes {
        return Ok(None);
    }
    let key = format!("{}.json", sha256(template));
    let bucket = connection.resolve_pseudo_parameters(stack.template_bucket());
    if !ready.contains(&bucket) {
        ensure_bucket(connection, &bucket, report).await?;
    }
    put(connection, &bucket, &key, Content::Text(template), report).await?;
    Ok(Some(connection.object_url(&bucket, &key)))
}

/// Packs a directory of the CDK's output, without blocking other work.
pub(crate) async fn packed(asset: &FileAsset) -> Result<FileAsset, DeployError> {
    let copy = asset.clone();
    let packed = tokio::task::spawn_blocking(move || copy.packed());
    match packed.await {
        Ok(Ok(packed)) => Ok(packed),
        Ok(Err(AssemblyError::Io { path, error })) => Err(DeployError::Asset { path, source: error }),
        Ok(Err(error)) => {
            Err(DeployError::Asset { path: asset.path.clone(), source: io::Error::other(error) })
        }
        Err(error) => Err(DeployError::Asset { path: asset.path.clone(), source: io::Error::other(error) }),
    }
}

/// Checks that a bucket can be used, and creates it if its name has the prefix: private and encrypted.
async fn ensure_bucket(connection: &Connection, bucket: &str, report: Report<'_>) -> Result<(), DeployError> {
    let s3 = &connection.s3;
    let refuse = |reason: &str| DeployError::Bucket { bucket: bucket.to_owned(), reason: reason.to_owned() };
    match s3.head_bucket().bucket(bucket).expected_bucket_owner(&connection.account).send().await {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {}
        Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 403) => {
            return Err(refuse(
                "it belongs to another account, or the credentials do not allow access to it",
            ));
        }
        Err(error) => return Err(DeployError::call("HeadBucket")(error)),
    }
    if !bucket.starts_with(OWN_BUCKET_PREFIX) {
        return Err(refuse("it does not exist"));
    }
    // S3 does not accept `us-east-1` as a location constraint.
    let location = (connection.region != "us-east-1").then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(connection.region.as_str()))
            .build()
    });
    let created = s3.create_bucket().bucket(bucket).set_create_bucket_configuration(location).send().await;
    match created.map_err(DeployError::call("CreateBucket")) {
        Ok(_) => {}
        // Another stack of the same account and region has created it meanwhile, and configures it.
        Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => return Ok(()),
        Err(error) => return Err(error),
    }
    configure_bucket(connection, bucket).await?;
    report(Progress::BucketCreated { bucket: bucket.to_owned() });
    Ok(())
}

/// Blocks public access, enables encryption, and refuses connections without TLS.
async fn configure_bucket(connection: &Connection, bucket: &str) -> Result<(), DeployError> {
    let s3 = &connection.s3;
    let refuse = |reason: String| DeployError::Bucket { bucket: bucket.to_owned(), reason };
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
        .map_err(|error| refuse(error.to_string()))?;
    let rule =
        ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_default).build();
    let encryption = ServerSideEncryptionConfiguration::builder()
        .rules(rule)
        .build()
        .map_err(|error| refuse(error.to_string()))?;
    s3.put_bucket_encryption()
        .bucket(bucket)
        .server_side_encryption_configuration(encryption)
        .send()
        .await
        .map_err(DeployError::call("PutBucketEncryption"))?;
    // An endpoint without TLS could not be used at all with this policy.
    if !connection.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
        let partition = connection.resolve_pseudo_parameters("${AWS::Partition}");
        s3.put_bucket_policy()
            .bucket(bucket)
            .policy(tls_only_policy(&partition, bucket))
            .send()
            .await
            .map_err(DeployError::call("PutBucketPolicy"))?;
    }
    Ok(())
}

/// Returns a bucket policy that refuses all connections without TLS.
fn tls_only_policy(partition: &str, bucket: &str) -> String {
    let arn = format!("arn:{partition}:s3:::{bucket}");
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }],
    })
    .to_string()
}
