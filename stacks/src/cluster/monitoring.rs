//! Monitoring of a cluster: notifications and alarms about its nodes, and the retention of its logs.

use serde_json::{Value as JsonValue, json};
use stackwright_resources::cloudwatch::Alarm;
use stackwright_resources::cloudwatch::alarm::{ComparisonOperator, Dimension, Statistic, TreatMissingData};
use stackwright_resources::events::Rule;
use stackwright_resources::events::rule::{State, Target};
use stackwright_resources::scheduler::Schedule;
use stackwright_resources::scheduler::schedule::{self, FlexibleTimeWindow, FlexibleTimeWindowMode};
use stackwright_synth::intrinsic::{json_text, partition, select, split};
use stackwright_synth::{IntoValue, Json, Property, Scope, Value, sub};

use crate::iam::{BuiltRole, RoleNeeded, RoleReference, RoleSettings, Statement, arn};
use crate::topic::TopicReference;

/// The number of days for which logs are kept unless another one is set.
const RETENTION_DAYS: i64 = 30;

/// The period that an alarm evaluates, in seconds.
const PERIOD: i64 = 300;

/// The monitoring of a HyperPod cluster, for [`HyperPodCluster::monitor`](super::HyperPodCluster::monitor).
///
/// - SNS topics are notified when HyperPod finds a node unhealthy, when an operation of the cluster fails (cluster events of
///   the level `Error`, which clusters with continuous provisioning publish), and when the status of the cluster changes.
/// - Two alarms are in `ALARM` if there was an unhealthy node (`UnhealthyNodesAlarm`) or an error (`ErrorsAlarm`) in the
///   last five minutes. HyperPod publishes no metrics of its own, so that the alarms count the matches of the EventBridge
///   rules (`AWS/Events`, `TriggeredRules`).
/// - The log group of the cluster keeps its entries for 30 days. HyperPod creates the log group, and its name contains an
///   ID that is not known before, so that the template cannot contain it as `AWS::Logs::LogGroup`: EventBridge Scheduler
///   sets the retention once a day.
///
/// Metrics of nodes and accelerators come from the CloudWatch agent
/// ([`LifecycleScripts::cloudwatch_agent`](super::LifecycleScripts::cloudwatch_agent)) on Slurm, and from
/// [`HyperPodAddons`](super::HyperPodAddons) on Amazon EKS.
///
/// It becomes `AWS::Events::Rule`, `AWS::CloudWatch::Alarm`, `AWS::Scheduler::Schedule` and `AWS::IAM::Role`.
///
/// ```
/// use stackwright_stacks::AlarmTopic;
/// use stackwright_stacks::cluster::ClusterMonitoring;
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Cluster").region("us-east-1");
/// let topic = stack.add("Alarms", AlarmTopic::new().allow_service("events").email("ml-ops@example.com"));
/// ClusterMonitoring::new(&topic).log_retention_days(90);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterMonitoring {
    topics: Vec<TopicReference>,
    retention: Value<i64>,
    role: Option<RoleReference>,
}

impl ClusterMonitoring {
    /// Creates monitoring that notifies an SNS topic. The policy of the topic has to let `events.amazonaws.com` and
    /// `cloudwatch.amazonaws.com` publish, as [`AlarmTopic::allow_service`](crate::AlarmTopic::allow_service) does.
    #[track_caller]
    pub fn new(topic: impl Into<TopicReference>) -> Self {
        Self { topics: vec![topic.into()], retention: RETENTION_DAYS.into(), role: None }
    }

    /// Adds another SNS topic that is notified.
    #[track_caller]
    pub fn topic(mut self, topic: impl Into<TopicReference>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// Sets for how many days the log group of the cluster keeps its entries (`RetentionInDays`). The default is 30.
    /// CloudWatch Logs accepts 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557,
    /// 2922, 3288 and 3653.
    #[track_caller]
    pub fn log_retention_days(mut self, days: impl IntoValue<i64>) -> Self {
        self.retention = days.into().with_caller_location();
        self
    }

    /// Sets an existing role for the schedule that sets the retention of the logs, by its handle or ARN, instead of a new
    /// role. Its trust policy has to name `scheduler.amazonaws.com`, and it has to allow `logs:PutRetentionPolicy` on the
    /// log groups `/aws/sagemaker/Clusters/NAME/*`.
    #[track_caller]
    pub fn retention_role(mut self, role: impl Into<RoleReference>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Adds everything for a cluster, by its ARN and its name. Returns the role that sets the retention.
    pub(super) fn add(
        &self,
        cluster_arn: &Value<String>,
        name: &Value<String>,
        scope: &mut Scope<'_>,
    ) -> RoleReference {
        let unhealthy = json!({ "HealthSummary": { "HealthStatus": ["Unhealthy"] } });
        self.events(
            "UnhealthyNodes",
            ("SageMaker HyperPod Cluster Node Health Event", Some(unhealthy)),
            "HyperPod found a node of the cluster unhealthy",
            cluster_arn,
            scope,
        );
        let errors = json!({ "EventDetails": { "EventLevel": ["Error"] } });
        self.events(
            "Errors",
            ("SageMaker HyperPod Cluster Event", Some(errors)),
            "An operation of the HyperPod cluster failed",
            cluster_arn,
            scope,
        );
        let state = self.rule(("SageMaker HyperPod Cluster State Change", None), cluster_arn);
        scope.add("StatusChanges", state.description("The status of the HyperPod cluster changed"));
        self.retain(cluster_arn, name, scope)
    }

    /// Adds a rule for a kind of events, and an alarm on its matches.
    fn events(
        &self,
        id: &str,
        kind: (&str, Option<JsonValue>),
        description: &str,
        cluster_arn: &Value<String>,
        scope: &mut Scope<'_>,
    ) {
        let rule = scope.add(id, self.rule(kind, cluster_arn).description(description));
        let actions: Vec<Value<String>> = self.topics.iter().map(|topic| topic.arn().clone()).collect();
        let alarm = Alarm::new()
            .alarm_description(description)
            .namespace("AWS/Events")
            .metric_name("TriggeredRules")
            .dimensions([Dimension::new().value(rule.reference()).name("RuleName")])
            .statistic(Statistic::Sum)
            .period(PERIOD)
            .evaluation_periods(1)
            .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
            .threshold(1.0)
            .treat_missing_data(TreatMissingData::NotBreaching)
            .alarm_actions(actions);
        scope.add(&format!("{id}Alarm"), alarm);
    }

    /// A rule for events of the cluster, whose target are the topics. The cluster is among the `resources` of every kind of
    /// event, whereas `detail` names it differently in each (SageMaker Developer Guide, "Events that Amazon SageMaker AI
    /// sends to Amazon EventBridge", read 2026-11-26).
    fn rule(&self, (detail_type, detail): (&str, Option<JsonValue>), cluster_arn: &Value<String>) -> Rule {
        let list = |name: &str| -> Value<Vec<String>> { vec![name.to_owned()].into() };
        let resources: Value<Vec<String>> = vec![cluster_arn.clone()].into();
        let mut pattern = vec![
            Property::new("source", list("aws.sagemaker")),
            Property::new("detail-type", list(detail_type)),
            Property::new("resources", resources),
        ];
        if let Some(detail) = detail {
            let detail: Value<Json> = detail.into();
            pattern.push(Property::new("detail", detail));
        }
        let targets: Vec<Value<Target>> = self
            .topics
            .iter()
            .enumerate()
            .map(|(index, topic)| {
                Target::new().id(format!("Topic{}", index + 1)).arn(topic.arn().clone()).into()
            })
            .collect();
        Rule::new().event_pattern(Json::object(pattern)).state(State::Enabled).targets(targets)
    }

    /// Sets the retention of the log group every day: the first call may come before HyperPod has created the group.
    fn retain(
        &self,
        cluster_arn: &Value<String>,
        name: &Value<String>,
        scope: &mut Scope<'_>,
    ) -> RoleReference {
        let groups = arn("logs", sub!("log-group:/aws/sagemaker/Clusters/{}/*", name));
        let needed = RoleNeeded {
            id: "RetentionRole".into(),
            service: "scheduler",
            policy: "Retention",
            statements: vec![Statement::allow(["logs:PutRetentionPolicy"]).on(groups)],
        };
        let BuiltRole { role, .. } = RoleSettings::given(self.role.clone()).build(needed, scope);
        let id: Value<String> = select(1, split("/", cluster_arn));
        let group: Value<String> = sub!("/aws/sagemaker/Clusters/{}/{}", name, id);
        let input = Json::object([
            Property::new("LogGroupName", group),
            Property::new("RetentionInDays", &self.retention),
        ]);
        let call = sub!("arn:{}:scheduler:::aws-sdk:cloudwatchlogs:putRetentionPolicy", partition());
        let target = schedule::Target::new().arn(call).role_arn(role.arn()).input(json_text(input));
        let schedule = Schedule::new()
            .flexible_time_window(FlexibleTimeWindow::new(FlexibleTimeWindowMode::Off))
            .schedule_expression("rate(1 day)")
            .target(target)
            .description("Sets the retention of the log group of the HyperPod cluster");
        scope.add("Retention", schedule);
        role
    }
}
