//! Roles that constructs create, and references to roles that a program sets.

use stackwright_resources::iam::role::Policy;
use stackwright_resources::iam::{Role, RoleHandle, RolePolicy};
use stackwright_synth::intrinsic::{account_id, content_hash, partition};
use stackwright_synth::{CallerLocation, Construct, Handle, IntoValue, Json, Scope, Value, sub};

use super::{PolicyDocument, Statement};
use crate::arn::{checked, known};
use crate::s3::S3Location;
use crate::ssm_parameter::SsmParameter;

/// An example that diagnostics show.
const EXAMPLE: &str = "arn:aws:iam::123456789012:role/Serving";

/// An IAM role that the app creates, or one that exists already. Functions that take `impl Into<RoleReference>` accept the
/// handle of a role, or an ARN as a string.
///
/// ```
/// use stackwright_stacks::SsmParameter;
/// use stackwright_stacks::iam::{ExecutionRole, RoleReference, Statement};
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let own = stack.add("Role", ExecutionRole::new([Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::models/*")]));
/// let of_handle = RoleReference::from(&own);
/// let of_arn = RoleReference::from("arn:aws:iam::123456789012:role/Serving");
/// let of_name = RoleReference::from_name("Serving");
/// let of_value = RoleReference::from_arn(SsmParameter::new("/ml/role-arn"));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct RoleReference {
    arn: Value<String>,
    /// The name of a role that was given by its name, with its path if it has one.
    name: Option<Value<String>>,
    handle: Option<RoleHandle>,
    /// The statements that the construct that uses the role needs.
    permissions: Vec<Statement>,
}

impl RoleReference {
    /// Refers to a role by its ARN, such as `arn:aws:iam::123456789012:role/Serving`. An ARN that is not that of a role is an
    /// error at the caller's line.
    #[track_caller]
    pub fn from_arn(arn: impl IntoValue<String>) -> Self {
        let arn = checked(arn, "iam", EXAMPLE);
        let arn = match known(&arn) {
            Some(text) if !text.contains(":role/") => {
                let message = format!("`{text}` is not the ARN of a role");
                Value::invalid("invalid-arn", message, format!("use an ARN such as `{EXAMPLE}`"))
            }
            _ => arn,
        };
        Self { arn, name: None, handle: None, permissions: Vec::new() }
    }

    /// Refers to a role of the stack's account by its name, such as `Serving`, with its path if it has one, such as
    /// `service-role/Serving`.
    #[track_caller]
    pub fn from_name(name: impl IntoValue<String>) -> Self {
        let name = name.into().with_caller_location();
        let location = name.location();
        let arn = sub!("arn:{}:iam::{}:role/{}", partition(), account_id(), &name).with_location(location);
        Self { arn, name: Some(name), handle: None, permissions: Vec::new() }
    }

    /// Returns the role's ARN.
    pub fn arn(&self) -> &Value<String> {
        &self.arn
    }

    /// Returns the handle of the role, or `None` if the app does not create the role.
    pub fn handle(&self) -> Option<&RoleHandle> {
        self.handle.as_ref()
    }

    /// Returns the role's name, which an instance profile requires, if it is known: that of a role of the app, of a
    /// role given by its name, and of a role given by a literal ARN.
    pub(crate) fn name(&self) -> Option<Value<String>> {
        if let Some(role) = &self.handle {
            return Some(role.reference());
        }
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        match &self.name {
            Some(path) => Some(match known(path) {
                Some(text) => Value::from(name(text)).with_location(path.location()),
                None => path.clone(),
            }),
            None => Some(Value::from(name(known(&self.arn)?)).with_location(self.arn.location())),
        }
    }

    /// Returns the statements that the construct requires in the policies of its role, if the handle of a construct returned
    /// the reference; otherwise the list is empty. Add them to an existing role that you set for the construct.
    pub fn permissions(&self) -> &[Statement] {
        &self.permissions
    }
}

impl From<&RoleReference> for RoleReference {
    fn from(role: &RoleReference) -> Self {
        role.clone()
    }
}

impl From<RoleHandle> for RoleReference {
    #[track_caller]
    fn from(role: RoleHandle) -> Self {
        let arn = role.arn().with_caller_location();
        Self { arn, name: None, handle: Some(role), permissions: Vec::new() }
    }
}

impl From<&RoleHandle> for RoleReference {
    #[track_caller]
    fn from(role: &RoleHandle) -> Self {
        Self::from(role.clone())
    }
}

/// Converts the ARN of a role.
impl From<&str> for RoleReference {
    #[track_caller]
    fn from(arn: &str) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a role.
impl From<String> for RoleReference {
    #[track_caller]
    fn from(arn: String) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a role.
impl From<Value<String>> for RoleReference {
    #[track_caller]
    fn from(arn: Value<String>) -> Self {
        Self::from_arn(arn)
    }
}

/// Converts the ARN of a role.
impl From<SsmParameter> for RoleReference {
    #[track_caller]
    fn from(arn: SsmParameter) -> Self {
        Self::from_arn(arn)
    }
}

/// The settings of a program for the role of a construct.
#[derive(Clone, Debug, Default)]
pub struct RoleSettings {
    role: Option<(RoleReference, CallerLocation)>,
    statements: Vec<Statement>,
}

/// The setters of every construct that creates a role.
///
/// ```
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::ServerlessEndpoint;
/// use stackwright_stacks::iam::{RoleOptions, Statement};
/// use stackwright_stacks::{ContainerImage, Processor};
///
/// let container = || Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu));
/// ServerlessEndpoint::new(container())
///     .allow(Statement::allow(["dynamodb:GetItem"]).on("arn:aws:dynamodb:us-east-1:123456789012:table/Features"));
/// ServerlessEndpoint::new(container()).role("arn:aws:iam::123456789012:role/Serving");
/// ```
pub trait RoleOptions: Sized {
    /// Returns the settings that the other methods change.
    #[doc(hidden)]
    fn role_settings(&mut self) -> &mut RoleSettings;

    /// Sets an existing role, by its handle or ARN. By default, the construct creates a role with the permissions that it
    /// needs. The construct adds none of them to an existing role: [`RoleReference::permissions`] of the role in the
    /// construct's handle returns the statements. For a job, `job_role` of the handle of the pipeline, the state machine or
    /// the schedule that starts the job returns the role.
    #[track_caller]
    fn role(mut self, role: impl Into<RoleReference>) -> Self {
        self.role_settings().role = Some((role.into(), std::panic::Location::caller()));
        self
    }

    /// Adds a statement to the permissions of the role, in addition to those that the construct needs. If
    /// [`role`](Self::role) sets a role of the app, the statements become a separate policy of that role; if it sets a role
    /// outside of the app, they are an error.
    fn allow(mut self, statement: Statement) -> Self {
        self.role_settings().statements.push(statement);
        self
    }

    /// Allows the role to read the objects of a location in S3, to list them, and to decrypt them with the KMS key of their
    /// bucket: for data that no property of the construct names, such as what jobs on a cluster read.
    ///
    /// ```
    /// use stackwright_stacks::fleet::{Ami, GpuFleet, Os};
    /// use stackwright_stacks::network::NetworkHandle;
    /// use stackwright_stacks::{PrivateBucketHandle, RoleOptions};
    ///
    /// fn fleet(network: &NetworkHandle, data: &PrivateBucketHandle) -> GpuFleet {
    ///     GpuFleet::new(network, "g5.12xlarge", Ami::deep_learning_base(Os::Ubuntu2404))
    ///         .allow_read(data.location("train/"))
    ///         .allow_write(data.location("checkpoints/"))
    /// }
    /// ```
    #[track_caller]
    fn allow_read(mut self, location: impl Into<S3Location>) -> Self {
        self.role_settings().statements.extend(location.into().read());
        self
    }

    /// Allows the role to write objects below a location in S3, to read them again, and to encrypt them with the KMS key of
    /// their bucket.
    #[track_caller]
    fn allow_write(mut self, location: impl Into<S3Location>) -> Self {
        self.role_settings().statements.extend(location.into().write());
        self
    }
}

/// The role that a construct creates unless the program sets one.
pub(crate) struct RoleNeeded {
    /// The ID of the role, relative to the construct.
    pub id: String,
    /// The service that assumes the role: `sagemaker` stands for `sagemaker.amazonaws.com`.
    pub service: &'static str,
    /// The name of its policy.
    pub policy: &'static str,
    pub statements: Vec<Statement>,
}

/// A role in a stack.
pub(crate) struct BuiltRole {
    pub role: RoleReference,
    /// The policy that has to exist before a resource uses the role.
    pub policy: Option<Handle>,
}

impl RoleSettings {
    /// The settings for one role of a construct with several roles: the role that the program set, if any.
    #[track_caller]
    pub(crate) fn given(role: Option<RoleReference>) -> Self {
        let location = std::panic::Location::caller();
        Self { role: role.map(|role| (role, location)), statements: Vec::new() }
    }

    /// Returns whether the program sets anything.
    pub(crate) fn is_set(&self) -> bool {
        self.role.is_some() || !self.statements.is_empty()
    }

    /// Returns the role for a construct: the one that the program set, or a new one with the statements in an inline
    /// policy.
    pub(crate) fn build(self, needed: RoleNeeded, scope: &mut Scope<'_>) -> BuiltRole {
        let trust = trust(needed.service);
        self.build_trusting(trust, needed, scope)
    }

    /// Returns the role, with a trust policy of the caller instead of the default one for the service.
    pub(crate) fn build_trusting(
        self,
        trust: PolicyDocument,
        needed: RoleNeeded,
        scope: &mut Scope<'_>,
    ) -> BuiltRole {
        self.build_managed(trust, None, needed, scope)
    }

    /// Returns the role, with a managed policy in addition to the statements.
    pub(crate) fn build_managed(
        self,
        trust: PolicyDocument,
        managed_policy: Option<Value<String>>,
        needed: RoleNeeded,
        scope: &mut Scope<'_>,
    ) -> BuiltRole {
        let Self { role, statements: more } = self;
        if let Some((role, location)) = role {
            return given(role, location, more, needed, scope);
        }
        let statements: Vec<Statement> = needed.statements.into_iter().chain(more).collect();
        let mut role = Role::new(trust);
        // IAM refuses a policy without statements.
        if !statements.is_empty() {
            let policy = PolicyDocument::new(statements.clone());
            role = role.policies([Policy::new().policy_name(needed.policy).policy_document(policy)]);
        }
        if let Some(policy) = managed_policy {
            role = role.managed_policy_arns([policy]);
        }
        let role = scope.add(&needed.id, role);
        BuiltRole {
            role: RoleReference { permissions: statements, ..RoleReference::from(&role) },
            policy: None,
        }
    }

    /// Returns the role, with the statements in a policy that is replaced when they change. CloudFormation creates
    /// the new policy before it changes anything that depends on it, and deletes the old one when the update is
    /// complete: until then the role has the permissions that the old and the new resources need.
    pub(crate) fn build_versioned(self, needed: RoleNeeded, scope: &mut Scope<'_>) -> BuiltRole {
        let Self { role, statements: more } = self;
        if let Some((role, location)) = role {
            return given(role, location, more, needed, scope);
        }
        let statements: Vec<Statement> = needed.statements.into_iter().chain(more).collect();
        let role = scope.add(&needed.id, Role::new(trust(needed.service)));
        let policy = versioned_policy(needed.policy, &role, statements.clone());
        let policy = scope.add(&format!("{}Policy", needed.id), policy);
        let role = RoleReference { permissions: statements, ..RoleReference::from(&role) };
        BuiltRole { role, policy: Some((*policy).clone()) }
    }
}

/// A policy of a role whose name contains the hash of its statements.
pub(crate) fn versioned_policy(name: &str, role: &RoleHandle, statements: Vec<Statement>) -> RolePolicy {
    /// The name of a policy has at most 128 characters, and the hash has 16.
    const NAME_CHARACTERS: usize = 128 - 16 - 1;
    let name: String = name.chars().take(NAME_CHARACTERS).collect();
    let document: Value<Json> = PolicyDocument::new(statements).into();
    let name = sub!("{}-{}", name, content_hash(document.clone()));
    RolePolicy::new().policy_name(name).role_name(role.reference()).policy_document(document)
}

/// A role that the program has set. Additional statements of the program are in a separate policy.
fn given(
    role: RoleReference,
    location: CallerLocation,
    more: Vec<Statement>,
    needed: RoleNeeded,
    scope: &mut Scope<'_>,
) -> BuiltRole {
    let mut policy = None;
    if !more.is_empty() {
        match &role.handle {
            Some(handle) => {
                let name = format!("{}{}", scope.id(), needed.id);
                let more = versioned_policy(&name, handle, more.clone());
                policy = Some((*scope.add(&format!("{}Policy", needed.id), more)).clone());
            }
            None => scope.error(
                "role-outside-of-app",
                "the role is not a resource of this app, so that statements cannot be added to it".into(),
                "add the statement to the role where it is defined, or remove `.allow(…)`".into(),
                Some(location),
            ),
        }
    }
    let permissions = needed.statements.into_iter().chain(more).collect();
    BuiltRole { role: RoleReference { permissions, ..role }, policy }
}

/// The trust policy of a role that only one service can assume, only for this account.
fn trust(service: &str) -> PolicyDocument {
    let account: Value<Json> = account_id().into();
    PolicyDocument::new([Statement::allow(["sts:AssumeRole"]).to_service(service).when(
        "StringEquals",
        "aws:SourceAccount",
        account,
    )])
}

/// An execution role of SageMaker: the role that a SageMaker container runs with. It has the permissions of its statements
/// only. Only SageMaker can assume the role, for the stack's account. It becomes `AWS::IAM::Role`.
///
/// ```
/// use stackwright_stacks::iam::{ExecutionRole, Statement};
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Serving").region("us-east-1");
/// stack.add("Role", ExecutionRole::new([Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::models/*")]));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ExecutionRole(ServiceRole);

impl ExecutionRole {
    /// Creates a role with the permissions of these statements.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self(ServiceRole { service: "sagemaker", name: "Execution", policy: PolicyDocument::new(statements) })
    }

    /// Adds a statement to the permissions of the role.
    pub fn allow(mut self, statement: Statement) -> Self {
        self.0.policy.push(statement);
        self
    }
}

impl Construct for ExecutionRole {
    type Handle = RoleHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> RoleHandle {
        self.0.build(scope)
    }
}

/// A role that only one service can assume, only for this account.
#[derive(Clone, Debug)]
pub(crate) struct ServiceRole {
    /// The service that assumes the role: `sagemaker` stands for `sagemaker.amazonaws.com`.
    pub service: &'static str,
    /// The name of its policy.
    pub name: &'static str,
    pub policy: PolicyDocument,
}

impl Construct for ServiceRole {
    type Handle = RoleHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> RoleHandle {
        scope.add_default(
            Role::new(trust(self.service))
                .policies([Policy::new().policy_name(self.name).policy_document(self.policy)]),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stackwright_synth::App;

    use super::*;

    #[test]
    fn an_execution_role_trusts_only_sagemaker_and_only_for_this_account() {
        let app = App::new("vision");
        let read = Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::models/*");
        app.stack("Serving").add("Role", ExecutionRole::new([]).allow(read));
        let assembly = app.synth().unwrap();
        let role = &assembly.stacks[0].template.resource("Role").unwrap()["Properties"];
        let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
        assert_eq!(trust["Principal"], json!({ "Service": "sagemaker.amazonaws.com" }));
        assert_eq!(
            trust["Condition"]["StringEquals"]["aws:SourceAccount"],
            json!({ "Ref": "AWS::AccountId" }),
            "{trust}"
        );
        let policies = role["Policies"].as_array().unwrap();
        assert_eq!(policies.len(), 1);
        assert_eq!(policies[0]["PolicyDocument"]["Statement"][0]["Action"], json!(["s3:GetObject"]));
    }

    #[test]
    fn the_name_of_a_role_has_no_path() {
        for role in [
            RoleReference::from_arn("arn:aws:iam::123456789012:role/service-role/Serving"),
            RoleReference::from_name("service-role/Serving"),
        ] {
            assert_eq!(known(&role.name().unwrap()), Some("Serving"));
        }
        assert!(
            RoleReference::from_arn(stackwright_synth::sub!("arn:aws:iam::{}:role/A", account_id()))
                .name()
                .is_none()
        );
    }
}
