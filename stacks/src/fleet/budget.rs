//! Budgets: notifications when the cost of a month exceeds a limit.

use stackwright_estimate::cost::Estimate;
use stackwright_resources::budgets::Budget;
use stackwright_resources::budgets::budget::{
    BudgetData, Notification, NotificationWithSubscribers, Spend, Subscriber,
};
use stackwright_synth::{Construct, Handle, IntoValue, Json, Property, Scope, Value};

/// A monthly budget in USD: of the account, or of the resources with a tag.
///
/// A budget sends notifications by e-mail or to an SNS topic; it does not stop resources, and AWS reports costs up to
/// one day late. [`ScheduledSize`](super::ScheduledSize) and
/// [`GpuFleet::switch_off_when_idle`](super::GpuFleet::switch_off_when_idle) stop instances.
///
/// A budget needs at least one subscriber ([`email`](Self::email) or [`topic`](Self::topic)) and one threshold
/// ([`at_percent`](Self::at_percent) or [`at_forecast_percent`](Self::at_forecast_percent)); a missing one is an error.
///
/// It becomes `AWS::Budgets::Budget`.
///
/// ```
/// use stackwright_stacks::fleet::MonthlyBudget;
///
/// MonthlyBudget::new(20_000.0)
///     .of_tag("team", "research")
///     .email("ml-costs@example.com")
///     .at_percent(50)
///     .at_percent(90)
///     .at_forecast_percent(100);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MonthlyBudget {
    usd: Value<f64>,
    tag: Option<(String, String)>,
    subscribers: Vec<(&'static str, Value<String>)>,
    thresholds: Vec<(&'static str, u16)>,
}

impl MonthlyBudget {
    /// Creates a budget with its amount in USD per month, for all costs of the account.
    #[track_caller]
    pub fn new(usd: impl IntoValue<f64>) -> Self {
        Self {
            usd: usd.into().with_caller_location(),
            tag: None,
            subscribers: Vec::new(),
            thresholds: Vec::new(),
        }
    }

    /// Creates a budget whose amount is the upper bound of the monthly cost of an estimate, rounded up to a dollar. Costs
    /// that are not known, and runs of jobs, are not included.
    ///
    /// ```
    /// use stackwright_estimate::cost::{Options, of_assembly};
    /// use stackwright_stacks::fleet::MonthlyBudget;
    /// use stackwright_synth::App;
    ///
    /// let app = App::new("shop");
    /// app.stack("Serving").region("us-east-1");
    /// let estimate = of_assembly(&app.synth()?, &Options::default());
    /// app.stack("Budget").add("Budget", MonthlyBudget::of_estimate(&estimate).email("ml@example.com").at_percent(80));
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    #[track_caller]
    pub fn of_estimate(estimate: &Estimate) -> Self {
        Self::new(estimate.monthly().ceiling.whole_dollars() as f64)
    }

    /// Counts only the costs of resources with this tag, by its key and its value. The tag has to be activated for cost
    /// allocation in the billing console. By default, all costs of the account are counted.
    pub fn of_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tag = Some((key.into(), value.into()));
        self
    }

    /// Adds an e-mail address that is notified (`Subscribers`). There are at most ten addresses.
    #[track_caller]
    pub fn email(mut self, address: impl IntoValue<String>) -> Self {
        self.subscribers.push(("EMAIL", address.into().with_caller_location()));
        self
    }

    /// Adds an SNS topic that is notified, by its ARN. The policy of the topic has to allow `budgets.amazonaws.com` to publish
    /// ([`AlarmTopic::allow_service`](crate::AlarmTopic::allow_service)).
    #[track_caller]
    pub fn topic(mut self, arn: impl IntoValue<String>) -> Self {
        self.subscribers.push(("SNS", arn.into().with_caller_location()));
        self
    }

    /// Adds a threshold (`NotificationsWithSubscribers`): subscribers are notified when more than this share of the
    /// amount is spent, in percent. There are at most five thresholds.
    pub fn at_percent(mut self, share: u16) -> Self {
        self.thresholds.push(("ACTUAL", share));
        self
    }

    /// Adds a threshold (`NotificationsWithSubscribers`): subscribers are notified when more than this share of the
    /// amount is forecast to be spent by the end of the month, in percent. There are at most five thresholds.
    pub fn at_forecast_percent(mut self, share: u16) -> Self {
        self.thresholds.push(("FORECASTED", share));
        self
    }
}

impl Construct for MonthlyBudget {
    type Handle = Handle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Handle {
        if self.subscribers.is_empty() || self.thresholds.is_empty() {
            scope.error(
                "budget-without-notification",
                "the budget has no notification".into(),
                "add a threshold with `.at_percent(…)`, and a subscriber with `.email(…)` or `.topic(…)`"
                    .into(),
                None,
            );
        }
        let mut data = BudgetData::new()
            .time_unit("MONTHLY")
            .budget_type("COST")
            .budget_limit(Spend::new().amount(self.usd).unit("USD"));
        if let Some((key, value)) = &self.tag {
            let filter: Value<Vec<String>> = vec![format!("user:{key}${value}")].into();
            data = data.cost_filters(Json::object([Property::new("TagKeyValue", filter)]));
        }
        let subscribers: Vec<Value<Subscriber>> = self
            .subscribers
            .iter()
            .map(|(kind, address)| Subscriber::new().subscription_type(*kind).address(address).into())
            .collect();
        let notifications: Vec<Value<NotificationWithSubscribers>> = self
            .thresholds
            .iter()
            .map(|(kind, share)| {
                let notification = Notification::new()
                    .comparison_operator("GREATER_THAN")
                    .notification_type(*kind)
                    .threshold(f64::from(*share))
                    .threshold_type("PERCENTAGE");
                NotificationWithSubscribers::new()
                    .subscribers(subscribers.clone())
                    .notification(notification)
                    .into()
            })
            .collect();
        let budget = Budget::new(data).notifications_with_subscribers(notifications);
        Handle::clone(&scope.add_default(budget))
    }
}
