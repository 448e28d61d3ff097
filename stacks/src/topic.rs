//! Topics: the construct for alarms and notifications, and references to topics.

use stackwright_resources::sns::topic::Subscription;
use stackwright_resources::sns::{Topic, TopicHandle, TopicPolicy};
use stackwright_synth::intrinsic::account_id;
use stackwright_synth::{Construct, IntoValue, Scope, Value};

use crate::arn::checked;
use crate::iam::{PolicyDocument, Statement};
use crate::key::{EncryptionKey, PrivateKey};
use crate::ssm_parameter::SsmParameter;

/// An example that diagnostics show.
const EXAMPLE: &str = "arn:aws:sns:us-east-1:123456789012:alarms";

/// An SNS topic that the app creates, or one that exists already, with the KMS key that its messages are encrypted with: a
/// role that may publish to the topic may use the key.
///
/// Functions that take `impl Into<TopicReference>` accept the handle of an [`AlarmTopic`], the handle of an
/// `AWS::SNS::Topic`, or an ARN as a string.
///
/// ```
/// use stackwright_stacks::{SsmParameter, TopicReference};
///
/// TopicReference::from("arn:aws:sns:us-east-1:123456789012:alarms").kms_key("alias/alarms");
/// TopicReference::from_arn(SsmParameter::new("/ml/alarms"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TopicReference {
    arn: Value<String>,
    key: Option<EncryptionKey>,
}

impl TopicReference {
    /// Refers to a topic by its ARN, such as `arn:aws:sns:us-east-1:123456789012:alarms`. An ARN of another service is an error
    /// at the caller's line.
    #[track_caller]
    pub fn from_arn(arn: impl IntoValue<String>) -> Self {
        Self { arn: checked(arn, "sns", EXAMPLE), key: None }
    }

    /// Sets the KMS key that the topic is encrypted with, as a handle, an ARN, an ID or an alias. By default, it is the key of an
    /// [`AlarmTopic`] for its handle, and no key for other topics.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Returns the topic's ARN.
    pub fn arn(&self) -> &Value<String> {
        &self.arn
    }

    /// Returns the statements that a role needs to publish to the topic: `sns:Publish`, and `kms:Decrypt` and
    /// `kms:GenerateDataKey` if a key is set.
    pub fn allow_publish(&self) -> Vec<Statement> {
        let mut statements = vec![Statement::allow(["sns:Publish"]).on(&self.arn)];
        statements.extend(self.key.iter().map(|key| key.allow(["kms:Decrypt", "kms:GenerateDataKey"])));
        statements
    }
}

impl From<&TopicReference> for TopicReference {
    fn from(topic: &TopicReference) -> Self {
        topic.clone()
    }
}

impl From<&AlarmTopicHandle> for TopicReference {
    fn from(topic: &AlarmTopicHandle) -> Self {
        Self { arn: topic.topic.reference(), key: Some(topic.key.clone()) }
    }
}

/// Converts the handle of a topic. If the topic is encrypted with a KMS key, state the key with
/// [`TopicReference::kms_key`].
impl From<&TopicHandle> for TopicReference {
    fn from(topic: &TopicHandle) -> Self {
        Self { arn: topic.reference(), key: None }
    }
}

/// Converts the ARN of a topic.
impl From<&str> for TopicReference {
    #[track_caller]
    fn from(arn: &str) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a topic.
impl From<String> for TopicReference {
    #[track_caller]
    fn from(arn: String) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a topic.
impl From<Value<String>> for TopicReference {
    #[track_caller]
    fn from(arn: Value<String>) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a topic.
impl From<SsmParameter> for TopicReference {
    #[track_caller]
    fn from(arn: SsmParameter) -> Self {
        Self::from_arn(arn)
    }
}

/// An SNS topic to which CloudWatch alarms, and the services that [`allow_service`](Self::allow_service) adds, can publish.
/// The topic is encrypted with a KMS key that these services may use.
///
/// It becomes `AWS::SNS::Topic` and `AWS::SNS::TopicPolicy`, and `AWS::KMS::Key` unless a key is set.
///
/// The AWS managed key `alias/aws/sns` does not work for alarms: its key policy does not allow CloudWatch to use it,
/// and the alarm's action fails ("Encrypting Amazon SNS topics", CloudWatch User Guide). This construct creates a key
/// whose policy allows it, unless [`kms_key`](Self::kms_key) sets an existing key.
///
/// ```
/// use stackwright_stacks::AlarmTopic;
/// # use stackwright_synth::App;
///
/// # let app = App::new("shop");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let alarms = stack.add("Alarms", AlarmTopic::new().email("on-call@example.com"));
/// stack.output("AlarmsArn", alarms.arn());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AlarmTopic {
    key: Option<EncryptionKey>,
    emails: Vec<Value<String>>,
    services: Vec<String>,
}

impl AlarmTopic {
    /// Creates a topic with a separate KMS key and without subscriptions, to which only CloudWatch alarms and the principals of
    /// the account can publish.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encrypts the messages with an existing KMS key, given as a handle, an ARN, an ID or an alias. The key policy has to allow
    /// `cloudwatch.amazonaws.com`, and the services of [`allow_service`](Self::allow_service), to use the key, as
    /// [`PrivateKey::allow_service`] does. By default, the topic has a key of its own.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Allows another service of AWS to publish to the topic: `events` for rules of EventBridge, `budgets` for AWS Budgets. The
    /// policy of the key that the construct creates allows the service to use the key.
    pub fn allow_service(mut self, service: &str) -> Self {
        self.services.push(service.to_owned());
        self
    }

    /// Subscribes an e-mail address to the topic. The owner of the address has to confirm the subscription. By default, there are
    /// no subscriptions.
    #[track_caller]
    pub fn email(mut self, address: impl IntoValue<String>) -> Self {
        self.emails.push(address.into().with_caller_location());
        self
    }
}

impl Construct for AlarmTopic {
    type Handle = AlarmTopicHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> AlarmTopicHandle {
        let key = self.key.unwrap_or_else(|| {
            let key =
                PrivateKey::new().allow_service("cloudwatch").description("Encrypts messages of alarms");
            let key = self.services.iter().fold(key, |key, service| key.allow_service(service));
            EncryptionKey::from(&scope.add("Key", key)).without_location()
        });
        let mut topic = Topic::new().kms_master_key_id(key.id());
        if !self.emails.is_empty() {
            let subscriptions: Vec<_> = self
                .emails
                .into_iter()
                .map(|address| Subscription::new().endpoint(address).protocol("email"))
                .collect();
            topic = topic.subscription(subscriptions);
        }
        let topic = scope.add_default(topic);
        let publishers = ["cloudwatch"].into_iter().chain(self.services.iter().map(String::as_str));
        let publish = publishers.map(|service| {
            let publish = Statement::allow(["sns:Publish"]).on(topic.reference()).to_service(service);
            // EventBridge publishes without the context that a condition would compare ("You can't use Condition blocks in
            // Amazon SNS topic policies for EventBridge", EventBridge User Guide).
            if service == "events" {
                publish
            } else {
                publish.when("StringEquals", "aws:SourceAccount", account_id())
            }
        });
        let account =
            Statement::allow(["sns:Publish", "sns:Subscribe"]).on(topic.reference()).to_account(account_id());
        let policy = PolicyDocument::new(publish.chain([account]));
        scope.add("Policy", TopicPolicy::new().policy_document(policy).topics([topic.reference()]));
        AlarmTopicHandle { topic, key }
    }
}

/// An [`AlarmTopic`] that was added to a stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AlarmTopicHandle {
    /// The handle of the `AWS::SNS::Topic`.
    pub topic: TopicHandle,
    /// The KMS key that the messages of the topic are encrypted with.
    pub key: EncryptionKey,
}

impl AlarmTopicHandle {
    /// Returns the topic's ARN.
    pub fn arn(&self) -> Value<String> {
        self.topic.reference()
    }
}
