//! The connection to AWS: credentials, profile, region and endpoint as the AWS CLI has them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use stackwright_synth::StackArtifact;

use crate::error::DeployError;
use crate::poller::Poller;

/// How long one try of a call may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which credentials and which region to use, where the environment should not decide.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// A profile of the AWS CLI's configuration.
    pub name: Option<String>,
    /// A region, for stacks that are bound to none.
    pub region: Option<String>,
    /// A role to take on, by its ARN.
    pub role: Option<String>,
    /// An endpoint in place of AWS, with which any credentials will do.
    pub local: Option<String>,
}

/// Clients for one account and region.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) account: String,
    pub(crate) region: String,
    /// Where every call goes, if not to AWS.
    pub(crate) endpoint: Option<String>,
    pub(crate) poller: Arc<Poller>,
    /// Whether `DescribeEvents` is to be had, as soon as that is known.
    pub(crate) tells_operations: Arc<OnceLock<bool>>,
}

impl Connection {
    /// Connects for a stack: to its region, else the profile's, else the environment's.
    ///
    /// # Errors
    /// There is no region or are no credentials, or they belong to another account than the stack.
    pub async fn for_stack(stack: &StackArtifact, profile: &Profile) -> Result<Self, DeployError> {
        let mut retries = RetryConfig::adaptive().with_max_attempts(8);
        if profile.local.is_some() {
            // Nobody else is waited for there.
            retries = retries.with_initial_backoff(Duration::from_millis(50));
        }
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retries);
        if let Some(name) = &profile.name {
            loader = loader.profile_name(name);
        }
        if let Some(region) = stack.environment.region.as_ref().or(profile.region.as_ref()) {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &profile.local {
            let any = aws_sdk_cloudformation::config::Credentials::new("local", "local", None, None, "local");
            loader = loader.endpoint_url(url).credentials_provider(any);
            if stack.environment.region.is_none() && profile.region.is_none() {
                loader = loader.region(Region::from_static("us-east-1"));
            }
        }
        let mut config = loader.load().await;
        if let Some(role) = &profile.role {
            let provider = aws_config::sts::AssumeRoleProvider::builder(role)
                .session_name("stackwright")
                .configure(&config)
                .build()
                .await;
            config = config
                .into_builder()
                .credentials_provider(aws_sdk_cloudformation::config::SharedCredentialsProvider::new(
                    provider,
                ))
                .build();
        }
        let connection = Self::connect(&config).await?;
        match &stack.environment.account {
            Some(bound) if *bound != connection.account => Err(DeployError::WrongAccount {
                stack: stack.name.clone(),
                bound: bound.clone(),
                actual: connection.account,
            }),
            _ => Ok(connection),
        }
    }

    async fn connect(config: &SdkConfig) -> Result<Self, DeployError> {
        let region = config.region().ok_or(DeployError::NoRegion)?.to_string();
        // The first call says soon that nobody is there.
        let soon = aws_sdk_sts::config::Builder::from(config).retry_config(RetryConfig::standard()).build();
        let identity = aws_sdk_sts::Client::from_conf(soon)
            .get_caller_identity()
            .send()
            .await
            .map_err(DeployError::call("GetCallerIdentity"))?;
        let endpoint = config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
        // An answer that never comes is asked for again. Uploads may take long: they have no such limit.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
        let cloudformation =
            aws_sdk_cloudformation::config::Builder::from(config).timeout_config(timeouts).build();
        // An endpoint on loopback has no host name for each bucket.
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(endpoint.is_some()).build();
        Ok(Self {
            cloudformation: aws_sdk_cloudformation::Client::from_conf(cloudformation),
            s3: aws_sdk_s3::Client::from_conf(s3),
            account: identity.account.unwrap_or_default(),
            region,
            poller: Arc::new(Poller::new(endpoint.as_deref().is_some_and(is_loopback))),
            endpoint,
            tells_operations: Arc::default(),
        })
    }

    /// The account that is deployed into.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The region that is deployed into.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether this is a rehearsal on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.endpoint.as_deref().is_some_and(is_loopback)
    }

    /// Puts account and region into a name such as that of the bucket for assets.
    pub(crate) fn resolved(&self, name: &str) -> String {
        name.replace("${AWS::AccountId}", &self.account)
            .replace("${AWS::Region}", &self.region)
            .replace("${AWS::Partition}", self.partition())
    }

    fn partition(&self) -> &'static str {
        let environment = stackwright_synth::Environment { account: None, region: Some(self.region.clone()) };
        environment.partition().unwrap_or("aws")
    }

    /// The URL by which CloudFormation reads an object.
    pub(crate) fn object_url(&self, bucket: &str, key: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{endpoint}/{bucket}/{key}"),
            None => {
                let suffix = if self.partition() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{bucket}.s3.{}.{suffix}/{key}", self.region)
            }
        }
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url);
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| host.starts_with(name))
}
