//! The default settings of the constructs of a stack or an app.

use stackwright_resources::iam::{Role, User};
use stackwright_synth::{App, DeletionPolicy, IntoValue, Scope, Stack, Value};

use crate::arn::checked;
use crate::key::EncryptionKey;

/// An example that diagnostics show.
const EXAMPLE: &str = "arn:aws:iam::123456789012:policy/Boundary";

#[derive(Clone)]
struct DefaultKey(EncryptionKey);

#[derive(Clone, Copy)]
struct RemovalPolicy(DeletionPolicy);

/// Default settings of a stack, or of all stacks of an app, for all constructs and resources that are added afterwards. A
/// setting of a stack replaces that of the app.
///
/// ```
/// use stackwright_stacks::{Defaults, PrivateBucket};
/// use stackwright_synth::{App, DeletionPolicy};
///
/// let app = App::new("vision")
///     .permissions_boundary("arn:aws:iam::123456789012:policy/Boundary")
///     .removal_policy(DeletionPolicy::Delete);
/// let stack = app.stack("Storage").region("us-east-1").encryption_key("alias/vision");
/// stack.add("Models", PrivateBucket::new()); // Encrypted with alias/vision, deleted with the stack.
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
pub trait Defaults: Sized {
    /// Sets the permissions boundary of every IAM role and IAM user, by the ARN of a managed policy
    /// (`PermissionsBoundary`). An ARN of another service is an error at the caller's line. By default, there is none.
    #[track_caller]
    fn permissions_boundary(self, policy_arn: impl IntoValue<String>) -> Self;

    /// Sets the KMS key with which constructs encrypt data at rest, such as buckets, volumes and outputs, unless the construct
    /// sets another key. By default, they use keys of AWS.
    #[track_caller]
    fn encryption_key(self, key: impl Into<EncryptionKey>) -> Self;

    /// Sets whether CloudFormation deletes or retains buckets, keys and file systems of constructs when they are
    /// removed from a stack or replaced, unless the construct sets another policy (`DeletionPolicy` and
    /// `UpdateReplacePolicy`). By default, they are retained.
    fn removal_policy(self, policy: DeletionPolicy) -> Self;
}

impl Defaults for App {
    #[track_caller]
    fn permissions_boundary(self, policy_arn: impl IntoValue<String>) -> Self {
        let (of_role, of_user) = boundary(checked(policy_arn, "iam", EXAMPLE));
        self.customize(of_role).customize(of_user)
    }

    #[track_caller]
    fn encryption_key(self, key: impl Into<EncryptionKey>) -> Self {
        self.with_default(DefaultKey(key.into()))
    }

    fn removal_policy(self, policy: DeletionPolicy) -> Self {
        self.with_default(RemovalPolicy(policy))
    }
}

impl Defaults for Stack {
    #[track_caller]
    fn permissions_boundary(self, policy_arn: impl IntoValue<String>) -> Self {
        let (of_role, of_user) = boundary(checked(policy_arn, "iam", EXAMPLE));
        self.customize(of_role).customize(of_user)
    }

    #[track_caller]
    fn encryption_key(self, key: impl Into<EncryptionKey>) -> Self {
        self.with_default(DefaultKey(key.into()))
    }

    fn removal_policy(self, policy: DeletionPolicy) -> Self {
        self.with_default(RemovalPolicy(policy))
    }
}

/// The changes that set the permissions boundary of roles and users.
fn boundary(arn: Value<String>) -> (impl Fn(Role) -> Role, impl Fn(User) -> User) {
    let of_users = arn.clone();
    (
        move |role: Role| role.permissions_boundary(&arn),
        move |user: User| user.permissions_boundary(&of_users),
    )
}

/// The key that a construct encrypts with: the key that it sets, or the default key of its stack.
pub(crate) fn encryption_key(own: Option<EncryptionKey>, scope: &Scope<'_>) -> Option<EncryptionKey> {
    own.or_else(|| scope.default_value::<DefaultKey>().map(|default| default.0))
}

/// The deletion policy of a resource that contains data: the policy of the construct, or the default policy of its
/// stack.
pub(crate) fn removal_policy(own: Option<DeletionPolicy>, scope: &Scope<'_>) -> DeletionPolicy {
    own.or_else(|| scope.default_value::<RemovalPolicy>().map(|default| default.0))
        .unwrap_or(DeletionPolicy::Retain)
}
