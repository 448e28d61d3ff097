//! Actions of AWS Budgets, which remove the permission to start instances when a budget is spent.

use stackwright_resources::budgets::budgets_action::{
    ActionThreshold, ActionType, ApprovalModel, Definition, IamActionDefinition, NotificationType,
    Subscriber, SubscriberType, Type,
};
use stackwright_resources::budgets::{BudgetsAction, BudgetsActionHandle};
use stackwright_resources::iam::ManagedPolicy;
use stackwright_synth::intrinsic::{account_id, partition};
use stackwright_synth::{CallerLocation, Construct, IntoValue, Scope, Value, sub};

use crate::iam::{BuiltRole, PolicyDocument, RoleNeeded, RoleReference, RoleSettings, Statement};

/// The actions that start instances or increase their number.
const LAUNCHES: [&str; 17] = [
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:SetDesiredCapacity",
    "autoscaling:UpdateAutoScalingGroup",
    "batch:SubmitJob",
    "ec2:CreateFleet",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "sagemaker:BatchAddClusterNodes",
    "sagemaker:CreateCluster",
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
    "sagemaker:StartPipelineExecution",
    "sagemaker:UpdateCluster",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
];

/// An action of AWS Budgets that removes the permission to start instances and jobs from roles when a budget is spent. AWS
/// Budgets attaches a policy to the roles that denies these operations, until somebody reverses the action or the next month
/// begins.
///
/// The action does not stop running instances, and does not restrict services that start instances with their own roles: an
/// Auto Scaling group still replaces instances up to its maximum. [`ScheduledSize`](super::ScheduledSize) and
/// [`GpuFleet::switch_off_when_idle`](super::GpuFleet::switch_off_when_idle) stop instances. AWS Budgets receives costs up to
/// one day late.
///
/// It needs at least one role ([`role`](Self::role)) and one subscriber ([`email`](Self::email) or [`topic`](Self::topic)); a
/// missing one is an error at the line of the constructor.
///
/// It becomes `AWS::Budgets::BudgetsAction` of the type `APPLY_IAM_POLICY`, `AWS::IAM::ManagedPolicy` and `AWS::IAM::Role`.
///
/// ```
/// use stackwright_stacks::fleet::{LaunchBan, MonthlyBudget};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Costs").region("us-east-1");
/// let budget = stack.add("Budget", MonthlyBudget::new(20_000.0).email("ml-costs@example.com").at_percent(90));
/// stack.add(
///     "Ban",
///     LaunchBan::new(budget.reference(), 100.0)
///         .role("Researchers")
///         .email("ml-costs@example.com"),
/// );
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LaunchBan {
    budget: Value<String>,
    percent: Value<f64>,
    forecast: bool,
    manual: bool,
    execution_role: Option<RoleReference>,
    roles: Vec<Value<String>>,
    subscribers: Vec<(SubscriberType, Value<String>)>,
    location: CallerLocation,
}

impl LaunchBan {
    /// Creates an action with the name of a budget, such as `budget.reference()` of a [`MonthlyBudget`](super::MonthlyBudget),
    /// and the share of the budget's amount in percent, above 0, from which AWS Budgets runs the action.
    #[track_caller]
    pub fn new(budget_name: impl IntoValue<String>, percent: impl IntoValue<f64>) -> Self {
        Self {
            budget: budget_name.into().with_caller_location(),
            percent: percent.into().with_caller_location(),
            forecast: false,
            manual: false,
            execution_role: None,
            roles: Vec::new(),
            subscribers: Vec::new(),
            location: std::panic::Location::caller(),
        }
    }

    /// Adds a role of the account to which the policy is attached, by its name without its path (`Roles`); for a role
    /// of the app, use `role.reference()`. There are at most 100 roles.
    #[track_caller]
    pub fn role(mut self, name: impl IntoValue<String>) -> Self {
        self.roles.push(name.into().with_caller_location());
        self
    }

    /// Runs the action when the share is forecast to be spent by the end of the month (`FORECASTED`). By default, it runs when
    /// the share is spent (`ACTUAL`).
    pub fn on_forecast(mut self) -> Self {
        self.forecast = true;
        self
    }

    /// Requires that somebody runs the action in the console of AWS Budgets (`MANUAL`). By default, AWS Budgets runs it at once
    /// (`AUTOMATIC`).
    pub fn needs_approval(mut self) -> Self {
        self.manual = true;
        self
    }

    /// Sets an existing role with which AWS Budgets attaches the policy, by its handle or ARN, instead of a new role. Its trust
    /// policy has to name `budgets.amazonaws.com`, and it has to allow `iam:AttachRolePolicy` and `iam:DetachRolePolicy` on the
    /// restricted roles.
    #[track_caller]
    pub fn execution_role(mut self, role: impl Into<RoleReference>) -> Self {
        self.execution_role = Some(role.into());
        self
    }

    /// Adds an e-mail address that is notified when the action runs (`Subscribers`). There are at most ten addresses.
    #[track_caller]
    pub fn email(mut self, address: impl IntoValue<String>) -> Self {
        self.subscribers.push((SubscriberType::Email, address.into().with_caller_location()));
        self
    }

    /// Adds an SNS topic that is notified when the action runs, by its ARN. The policy of the topic has to allow
    /// `budgets.amazonaws.com` to publish ([`AlarmTopic::allow_service`](crate::AlarmTopic::allow_service)).
    #[track_caller]
    pub fn topic(mut self, arn: impl IntoValue<String>) -> Self {
        self.subscribers.push((SubscriberType::Sns, arn.into().with_caller_location()));
        self
    }
}

impl Construct for LaunchBan {
    type Handle = LaunchBanHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> LaunchBanHandle {
        if self.roles.is_empty() || self.subscribers.is_empty() {
            scope.error(
                "launch-ban",
                "the action of the budget needs a role to restrict and a subscriber to notify".into(),
                "add `.role(…)`, and `.email(…)` or `.topic(…)`".into(),
                Some(self.location),
            );
        }
        let denied = PolicyDocument::new([Statement::deny(LAUNCHES).on("*")]);
        let policy = scope.add(
            "Policy",
            ManagedPolicy::new(denied)
                .description("Denies starting instances and jobs while a budget is exceeded"),
        );
        let attach = Statement::allow(["iam:AttachRolePolicy", "iam:DetachRolePolicy"]).when(
            "ArnEquals",
            "iam:PolicyARN",
            policy.reference(),
        );
        // The path of a role is part of its ARN, but AWS Budgets accepts the name only.
        let attach = self.roles.iter().fold(attach, |attach, name| {
            let role = |path: &str| sub!("arn:{}:iam::{}:role/{}{}", partition(), account_id(), path, name);
            attach.on(role("")).on(role("*/"))
        });
        let needed =
            RoleNeeded { id: "Role".into(), service: "budgets", policy: "Attach", statements: vec![attach] };
        let BuiltRole { role, .. } = RoleSettings::given(self.execution_role).build(needed, scope);
        let subscribers: Vec<Subscriber> = self
            .subscribers
            .into_iter()
            .map(|(kind, address)| Subscriber::new().type_(kind).address(address))
            .collect();
        let action = BudgetsAction::new()
            .budget_name(self.budget)
            .notification_type(if self.forecast {
                NotificationType::Forecasted
            } else {
                NotificationType::Actual
            })
            .action_type(ActionType::ApplyIamPolicy)
            .action_threshold(ActionThreshold::new().value(self.percent).type_(Type::Percentage))
            .execution_role_arn(role.arn())
            .definition(
                Definition::new()
                    .iam_action_definition(IamActionDefinition::new(policy.reference()).roles(self.roles)),
            )
            .subscribers(subscribers)
            .approval_model(if self.manual { ApprovalModel::Manual } else { ApprovalModel::Automatic });
        LaunchBanHandle { action: scope.add_default(action), role }
    }
}

/// A [`LaunchBan`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct LaunchBanHandle {
    action: BudgetsActionHandle,
    role: RoleReference,
}

impl LaunchBanHandle {
    /// Returns the handle of the `AWS::Budgets::BudgetsAction`.
    pub fn action(&self) -> &BudgetsActionHandle {
        &self.action
    }

    /// Returns the role with which AWS Budgets attaches the policy.
    pub fn role(&self) -> &RoleReference {
        &self.role
    }
}
