//! Stack sets: one stack in many accounts and regions.

use stackwright_resources::cloudformation::stack_set::{
    AutoDeployment, Capability, DeploymentTargets, ManagedExecution, OperationPreferences, PermissionModel,
    StackInstances,
};
use stackwright_resources::cloudformation::{self, StackSetHandle};
use stackwright_schemas::limits::limits;
use stackwright_synth::{App, CallerLocation, Construct, Scope, Value};

/// A CloudFormation stack set: one stack that CloudFormation deploys to many accounts and regions, such as a baseline
/// of budgets, alarms and roles for training.
///
/// The stack must be the only stack of a separate app, and must have no assets, because nothing uploads them to the
/// other accounts; otherwise it is an error. A stack set needs at least one region ([`region`](Self::region)). CloudFormation
/// deploys to one account at a time, and stops at the first failure.
///
/// It becomes `AWS::CloudFormation::StackSet`.
///
/// ```
/// use stackwright_stacks::{PrivateBucket, StackSet};
/// use stackwright_synth::App;
///
/// let baseline = App::new("baseline");
/// baseline.stack("Storage").add("Runs", PrivateBucket::new());
///
/// let app = App::new("platform");
/// let stack = app.stack("Accounts").region("us-east-1");
/// stack.add("Baseline", StackSet::in_accounts(&baseline, ["111122223333"]).region("us-east-1").region("us-west-2"));
/// # assert_eq!(app.synth().unwrap().stacks[0].template.resources().count(), 1);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StackSet {
    template: Result<Template, String>,
    model: PermissionModel,
    targets: Vec<String>,
    regions: Vec<String>,
    source: CallerLocation,
}

#[derive(Clone, Debug)]
struct Template {
    name: String,
    text: String,
    makes_roles: bool,
}

impl StackSet {
    /// Creates a stack set of the app's stack in the given accounts, by their IDs of 12 digits, with self-managed permissions:
    /// the role `AWSCloudFormationStackSetAdministrationRole` must exist in the account of the deployment, and
    /// `AWSCloudFormationStackSetExecutionRole` in each target account.
    #[track_caller]
    pub fn in_accounts<A: Into<String>>(app: &App, accounts: impl IntoIterator<Item = A>) -> Self {
        Self::of(app, PermissionModel::SelfManaged, accounts.into_iter().map(Into::into).collect())
    }

    /// Creates a stack set of the app's stack in all accounts of the given organizational units, by their IDs, such as
    /// `ou-ab12-11111111`, including accounts that join them later (service-managed permissions with automatic deployment). The
    /// stack of an account that leaves the units is retained.
    ///
    /// ```
    /// use stackwright_stacks::{PrivateBucket, StackSet};
    /// use stackwright_synth::App;
    ///
    /// let baseline = App::new("baseline");
    /// baseline.stack("Storage").add("Runs", PrivateBucket::new());
    /// StackSet::in_organization(&baseline, ["ou-ab12-11111111"]).region("us-east-1");
    /// ```
    #[track_caller]
    pub fn in_organization<A: Into<String>>(app: &App, units: impl IntoIterator<Item = A>) -> Self {
        Self::of(app, PermissionModel::ServiceManaged, units.into_iter().map(Into::into).collect())
    }

    #[track_caller]
    fn of(app: &App, model: PermissionModel, targets: Vec<String>) -> Self {
        Self {
            template: template(app),
            model,
            targets,
            regions: Vec::new(),
            source: std::panic::Location::caller(),
        }
    }

    /// Adds a region, such as `us-east-1` (`Regions`). CloudFormation deploys to regions in the order in which they are
    /// added. A stack set without a region is an error.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.regions.push(region.into());
        self
    }
}

fn template(app: &App) -> Result<Template, String> {
    let assembly = app.synth().map_err(|errors| format!("its app cannot be synthesized: {errors}"))?;
    let [stack] = assembly.stacks.as_slice() else {
        return Err(format!(
            "its app has {} stacks, and a stack set needs exactly one",
            assembly.stacks.len()
        ));
    };
    if !stack.assets.is_empty() {
        return Err("its stack has assets, which are not uploaded to the other accounts".into());
    }
    let text = stack.template_body().to_owned();
    let most = limits().template_body_bytes;
    if text.len() > most {
        return Err(format!("its template has {} bytes, and a stack set accepts {most}", text.len()));
    }
    let makes_roles = stack
        .template
        .resources()
        .any(|(_, resource)| resource["Type"].as_str().is_some_and(|name| name.starts_with("AWS::IAM::")));
    Ok(Template { name: stack.name.clone(), text, makes_roles })
}

impl Construct for StackSet {
    type Handle = StackSetHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> StackSetHandle {
        let wrong = |message: String, help: &str| {
            scope.error("stack-set", message, help.to_owned(), Some(self.source));
        };
        if self.regions.is_empty() {
            wrong("the stack set has no regions".into(), "add the regions with `.region(\"us-east-1\")`");
        }
        if self.targets.is_empty() {
            wrong("the stack set has no accounts".into(), "add accounts or organizational units");
        }
        let template = self.template.unwrap_or_else(|message| {
            wrong(
                format!("the app cannot be deployed as a stack set: {message}"),
                "use a separate app with one stack",
            );
            Template { name: "StackSet".into(), text: String::new(), makes_roles: false }
        });
        let in_organization = matches!(self.model, PermissionModel::ServiceManaged);
        let targets = if in_organization {
            DeploymentTargets::new().organizational_unit_ids(self.targets)
        } else {
            DeploymentTargets::new().accounts(self.targets)
        };
        let text: Value<String> = template.text.into();
        let mut set = cloudformation::StackSet::new()
            .stack_set_name(template.name)
            .permission_model(self.model)
            .template_body(text)
            .managed_execution(ManagedExecution::new().active(true))
            // CloudFormation deploys to one account first, so that a failure shows before other accounts are changed.
            .operation_preferences(
                OperationPreferences::new().failure_tolerance_count(0).max_concurrent_count(1),
            )
            .stack_instances_group([StackInstances::new().deployment_targets(targets).regions(self.regions)]);
        if in_organization {
            let joins = AutoDeployment::new().enabled(true).retain_stacks_on_account_removal(true);
            set = set.auto_deployment(joins);
        }
        if template.makes_roles {
            set = set.capabilities([Capability::CapabilityNamedIam]);
        }
        scope.add_default(set)
    }
}

#[cfg(test)]
mod tests {
    use stackwright_resources::s3::Bucket;

    use super::*;

    fn baseline(stacks: &[&str]) -> App {
        let app = App::new("baseline");
        for id in stacks {
            app.stack(id).add("Runs", Bucket::new());
        }
        app
    }

    fn built(set: StackSet) -> Result<serde_json::Value, String> {
        let app = App::new("platform");
        app.stack("Accounts").add("Baseline", set);
        let assembly = app.synth().map_err(|errors| errors.to_string())?;
        Ok(assembly.stacks[0].template.resources().next().unwrap().1["Properties"].clone())
    }

    #[test]
    fn the_stack_is_in_it_as_it_is_and_accounts_that_join_get_it() {
        let app = baseline(&["Storage"]);
        let expected = app.synth().unwrap().stacks[0].template_body().to_owned();
        let set = built(StackSet::in_organization(&app, ["ou-ab12-34cd56ef"]).region("us-east-1")).unwrap();
        assert_eq!(set["TemplateBody"], expected);
        assert_eq!(set["StackSetName"], "baseline-Storage");
        assert_eq!(set["PermissionModel"], "SERVICE_MANAGED");
        assert_eq!(set["AutoDeployment"]["Enabled"], true);
        let set = built(StackSet::in_accounts(&app, ["111122223333"]).region("us-east-1")).unwrap();
        assert_eq!(set["StackInstancesGroup"][0]["DeploymentTargets"]["Accounts"][0], "111122223333");
        assert!(set["AutoDeployment"].is_null());
    }

    #[test]
    fn an_app_that_cannot_be_a_stack_set_is_an_error_at_its_line() {
        for (set, words) in [
            (StackSet::in_accounts(&baseline(&["One"]), ["111122223333"]), "has no regions"),
            (StackSet::in_accounts(&baseline(&["One"]), [""; 0]).region("us-east-1"), "has no accounts"),
            (StackSet::in_accounts(&baseline(&["One", "Two"]), ["1"]).region("us-east-1"), "has 2 stacks"),
        ] {
            let error = built(set).unwrap_err();
            assert!(error.contains(words) && error.contains("stack_set.rs:"), "{error}");
        }
    }
}
