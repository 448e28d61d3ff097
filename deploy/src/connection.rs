//! Connections to AWS: credentials, profile, region and endpoint are resolved as the AWS CLI resolves them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::config::retry::{RetryPartition, TokenBucket};
use stackwright_synth::{Environment, Partition, StackArtifact};
use tokio::sync::{Mutex, OnceCell};

use crate::Report;
use crate::backend::Backend;
use crate::error::DeployError;
use crate::poller::Poller;
use crate::secret::Secrets;
use crate::waiting::{Activity, LastError};

/// The timeout of one attempt of a request to CloudFormation.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// The maximum number of attempts of a request.
const MAX_ATTEMPTS: u32 = 8;

/// The profile, the region, the role and the endpoint with which requests are sent to AWS.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Profile {
    /// The name of a profile in the configuration of the AWS CLI. By default, the environment determines it.
    pub name: Option<String>,
    /// The region for stacks that are not bound to one. Default: the profile or the environment decides.
    pub region: Option<String>,
    /// The ARN of a role to assume. `{account}` is replaced with the account that the stack is bound to. Default: none.
    pub role: Option<String>,
    /// The URL of an endpoint that is used instead of AWS. Any credentials are valid for it. Default: the endpoint of the
    /// environment or the profile, otherwise AWS.
    pub endpoint: Option<String>,
}

impl Profile {
    /// Returns a profile that uses an endpoint instead of AWS.
    ///
    /// ```
    /// let profile = stackwright_deploy::Profile::for_endpoint("http://127.0.0.1:4566");
    /// assert!(profile.name.is_none());
    /// ```
    pub fn for_endpoint(url: impl Into<String>) -> Self {
        Self { endpoint: Some(url.into()), ..Self::default() }
    }

    fn for_account(&self, account: Option<&str>) -> Self {
        let mut profile = self.clone();
        if let (Some(role), Some(account)) = (&mut profile.role, account) {
            *role = role.replace("{account}", account);
        }
        profile
    }
}

/// The connection to one account and region: the clients of the AWS SDK, and the poller that they share.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) service_quotas: aws_sdk_servicequotas::Client,
    pub(crate) account: String,
    pub(crate) region: String,
    /// The endpoint that is used instead of AWS.
    pub(crate) endpoint: Option<String>,
    /// Whether the program chose the endpoint, as local mode does. Other clients then send their requests to AWS
    /// instead of this endpoint.
    pub(crate) is_own_endpoint: bool,
    /// The name of the profile that the user chose.
    pub(crate) profile: Option<String>,
    pub(crate) poller: Arc<Poller>,
    /// Whether the endpoint supports `DescribeEvents`, and the caller may call it; set by the first call.
    pub(crate) supports_describe_events: Arc<OnceLock<bool>>,
    /// The last failed attempt of a request.
    pub(crate) last_error: LastError,
}

impl Connection {
    /// Connects for a stack. The region is that of the stack, else that of the profile, else that of the environment.
    ///
    /// # Errors
    /// Returns an error if no region or no credentials are configured, or if the credentials belong to a different
    /// account than the stack.
    pub async fn for_stack(stack: &StackArtifact, profile: &Profile) -> Result<Self, DeployError> {
        let bound_account = stack.environment.account.as_deref();
        let profile = profile.for_account(bound_account);
        let connection = Self {
            is_own_endpoint: profile.endpoint.is_some(),
            profile: profile.name.clone(),
            ..Self::connect(&load(stack, &profile).await).await?
        };
        match bound_account {
            Some(bound) if bound != connection.account => Err(DeployError::WrongAccount {
                stack: stack.name.clone(),
                bound: bound.to_owned(),
                actual: connection.account,
            }),
            _ => Ok(connection),
        }
    }

    async fn connect(config: &SdkConfig) -> Result<Self, DeployError> {
        let region = config.region().ok_or(DeployError::NoRegion)?.to_string();
        // The first request uses the default number of attempts, so that an unreachable endpoint is reported soon.
        let few_attempts =
            aws_sdk_sts::config::Builder::from(config).retry_config(RetryConfig::standard()).build();
        let identity = aws_sdk_sts::Client::from_conf(few_attempts)
            .get_caller_identity()
            .send()
            .await
            .map_err(DeployError::first_call("GetCallerIdentity"))?;
        let endpoint = config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
        let last_error = LastError::default();
        // Requests to CloudFormation are short. Uploads to S3 have no time limit.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
        let cloudformation = aws_sdk_cloudformation::config::Builder::from(config)
            .timeout_config(timeouts)
            .retry_partition(retry_partition())
            .interceptor(last_error.clone())
            .build();
        // An endpoint on loopback has no host names for buckets.
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(endpoint.is_some())
            .retry_partition(retry_partition())
            .interceptor(last_error.clone())
            .build();
        // Quotas are additional information, which a deployment does not wait for.
        let quotas = aws_sdk_servicequotas::config::Builder::from(config)
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
            .retry_config(RetryConfig::standard())
            .build();
        Ok(Self {
            cloudformation: aws_sdk_cloudformation::Client::from_conf(cloudformation),
            s3: aws_sdk_s3::Client::from_conf(s3),
            service_quotas: aws_sdk_servicequotas::Client::from_conf(quotas),
            account: identity.account.unwrap_or_default(),
            region,
            poller: Arc::new(Poller::new(endpoint.as_deref().is_some_and(is_loopback))),
            endpoint,
            is_own_endpoint: false,
            profile: None,
            supports_describe_events: Arc::default(),
            last_error,
        })
    }

    /// Returns the account ID.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns what performs the operations.
    pub fn backend(&self) -> Backend {
        match &self.endpoint {
            Some(_) if self.is_own_endpoint => Backend::LocalMode,
            Some(url) => Backend::Endpoint(url.clone()),
            None => Backend::Aws,
        }
    }

    /// Returns whether the endpoint runs on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.endpoint.as_deref().is_some_and(is_loopback)
    }

    /// Replaces the pseudo parameters in a name such as that of the bucket for assets.
    pub(crate) fn resolve_pseudo_parameters(&self, name: &str) -> String {
        let environment = Environment::default().account(&self.account).region(&self.region);
        let known = environment.pseudo_parameters().into_iter();
        known.fold(name.to_owned(), |name, one| name.replace(&format!("${{{}}}", one.name), &one.value))
    }

    fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }

    /// Returns the URL from which CloudFormation reads an object.
    pub(crate) fn object_url(&self, bucket: &str, key: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{endpoint}/{bucket}/{key}"),
            None => {
                let suffix = self.partition().dns_suffix();
                format!("https://{bucket}.s3.{}.{suffix}/{key}", self.region)
            }
        }
    }
}

/// Loads the configuration of the AWS SDK.
async fn load(stack: &StackArtifact, profile: &Profile) -> SdkConfig {
    // Not adaptive: after one throttled request, that mode lets a program with few requests send one in two seconds.
    let mut retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
    if profile.endpoint.is_some() {
        // Nobody else uses a local endpoint, so that a short delay is enough.
        retries = retries.with_initial_backoff(Duration::from_millis(50));
    }
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retries);
    if let Some(name) = &profile.name {
        loader = loader.profile_name(name);
    }
    let region = stack.environment.region.as_ref().or(profile.region.as_ref());
    if let Some(region) = region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &profile.endpoint {
        let any = aws_sdk_cloudformation::config::Credentials::new("local", "local", None, None, "local");
        loader = loader.endpoint_url(url).credentials_provider(any);
        if region.is_none() {
            loader = loader.region(Region::from_static("us-east-1"));
        }
    }
    let config = loader.load().await;
    let Some(role) = &profile.role else { return config };
    let provider = aws_config::sts::AssumeRoleProvider::builder(role)
        .session_name("stackwright")
        .configure(&config)
        .build()
        .await;
    config
        .into_builder()
        .credentials_provider(aws_sdk_cloudformation::config::SharedCredentialsProvider::new(provider))
        .build()
}

/// Returns what limits the retries of one client. The SDK's own quota is shared by all accounts of a region, and when many stacks
/// are throttled at once, it is used up and the requests fail at their first attempt. The number of attempts and the growing
/// delay between them limit them already.
fn retry_partition() -> RetryPartition {
    RetryPartition::custom("stackwright").token_bucket(TokenBucket::unlimited()).build()
}

fn is_loopback(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url);
    let is_host = |name: &&str| {
        host.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    };
    ["127.0.0.1", "localhost", "[::1]"].iter().any(is_host)
}

/// The account and the region that a stack is bound to.
type Binding = (Option<String>, Option<String>);

/// The connections of a command, created once for each account and region.
///
/// ```
/// use stackwright_deploy::{Connections, Profile};
///
/// let connections = Connections::new(Profile::default());
/// # let _ = connections;
/// ```
#[derive(Debug, Default)]
pub struct Connections {
    profile: Profile,
    /// Endpoints that are used instead of AWS, by account; those of stacks without an account have the empty key.
    endpoints: BTreeMap<String, String>,
    connections: Mutex<BTreeMap<Binding, Arc<OnceCell<Connection>>>>,
}

impl Connections {
    /// Returns an empty set of connections, which are created with a profile.
    pub fn new(profile: Profile) -> Self {
        Self { profile, ..Self::default() }
    }

    /// Uses an endpoint instead of AWS for the stacks of an account; `None` means stacks that are not bound to one.
    #[must_use]
    pub fn endpoint(mut self, account: Option<&str>, url: impl Into<String>) -> Self {
        self.endpoints.insert(account.unwrap_or_default().to_owned(), url.into());
        self
    }

    /// Runs work with the connection for a stack. While nothing else is reported,
    /// [`Progress::StillWaiting`](crate::Progress::StillWaiting) reports `activity`. Known secrets of the stack are masked in
    /// reports and errors.
    ///
    /// # Errors
    /// Returns an error if the connection cannot be created (see [`Connection::for_stack`]), or the error of the work.
    pub async fn run<T>(
        &self,
        stack: &StackArtifact,
        activity: &str,
        report: Report<'_>,
        work: impl AsyncFnOnce(&Connection, Report<'_>) -> Result<T, DeployError>,
    ) -> Result<T, DeployError> {
        let secrets = Secrets::new(stack, &BTreeMap::new());
        let masked = |progress| report(secrets.mask_progress(progress));
        let waiting = Activity::new(&masked);
        let last_error: RefCell<Option<LastError>> = RefCell::default();
        let work = async {
            let connection = self.for_stack(stack).await?;
            *last_error.borrow_mut() = Some(connection.last_error.clone());
            waiting.begin(activity);
            work(&connection, &|progress| waiting.report(progress)).await
        };
        let last = || last_error.borrow().as_ref().and_then(LastError::take);
        waiting.watch(last, work).await.map_err(|error| secrets.mask_error(error))
    }

    /// Returns the connection for a stack. Connections to different accounts are created at the same time.
    ///
    /// # Errors
    /// See [`Connection::for_stack`].
    pub async fn for_stack(&self, stack: &StackArtifact) -> Result<Connection, DeployError> {
        let binding = (stack.environment.account.clone(), stack.environment.region.clone());
        // The lock is held only to find the cell, not while the connection is created.
        let cell = self.connections.lock().await.entry(binding).or_default().clone();
        let connect = async || {
            let mut profile = self.profile.clone();
            let account = stack.environment.account.as_deref().unwrap_or_default();
            if let Some(url) = self.endpoints.get(account) {
                profile.endpoint = Some(url.clone());
            }
            Connection::for_stack(stack, &profile).await
        };
        cell.get_or_try_init(connect).await.cloned()
    }
}
