//! The connection to AWS: credentials, profile, region and endpoint as the AWS CLI has them.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use stackwright_synth::StackArtifact;

use crate::error::DeployError;

/// Which credentials and which region to use, where the environment should not decide.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// A profile of the AWS CLI's configuration.
    pub name: Option<String>,
    /// A region, for stacks that are bound to none.
    pub region: Option<String>,
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
}

impl Connection {
    /// Connects for a stack: to its region, else the profile's, else the environment's.
    ///
    /// # Errors
    /// There is no region or are no credentials, or they belong to another account than the stack.
    pub async fn for_stack(stack: &StackArtifact, profile: &Profile) -> Result<Self, DeployError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::adaptive().with_max_attempts(8));
        if let Some(name) = &profile.name {
            loader = loader.profile_name(name);
        }
        if let Some(region) = stack.environment.region.as_ref().or(profile.region.as_ref()) {
            loader = loader.region(Region::new(region.clone()));
        }
        let connection = Self::connect(&loader.load().await).await?;
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
        let identity = aws_sdk_sts::Client::new(config)
            .get_caller_identity()
            .send()
            .await
            .map_err(DeployError::call("GetCallerIdentity"))?;
        let endpoint = config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
        // An endpoint on loopback has no host name for each bucket.
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(endpoint.is_some()).build();
        Ok(Self {
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            account: identity.account.unwrap_or_default(),
            region,
            endpoint,
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
