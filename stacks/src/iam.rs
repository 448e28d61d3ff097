//! IAM policies as values, and the role that SageMaker runs a container with.

use stackwright_resources::iam::role::Policy;
use stackwright_resources::iam::{Role, RoleHandle};
use stackwright_synth::intrinsic::{account_id, partition, region};
use stackwright_synth::{
    Construct, Expression, IntoValue, Json, Literal, Map, Properties, Property, Scope, Value, sub,
};

use crate::image::Resolved;

/// A policy document.
///
/// ```
/// use stackwright_stacks::iam::{PolicyDocument, Statement};
///
/// PolicyDocument::new([
///     Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::models/*"),
/// ]);
/// ```
#[derive(Clone, Debug)]
pub struct PolicyDocument(Vec<Statement>);

impl PolicyDocument {
    /// A document of statements.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self(statements.into_iter().collect())
    }

    /// Adds a statement.
    pub(crate) fn push(&mut self, statement: Statement) {
        self.0.push(statement);
    }
}

impl IntoValue<Json> for PolicyDocument {}

impl From<PolicyDocument> for Value<Json> {
    fn from(document: PolicyDocument) -> Self {
        let statements = document.0.into_iter().map(Literal::into_expression).collect();
        let statements: Value<Vec<Statement>> = Value::from_expression(Expression::List(statements));
        let entries = [Property::new("Version", "2012-10-17"), Property::new("Statement", statements)];
        Json::object(entries).into()
    }
}

/// One statement: what is allowed, on what, to whom, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    effect: &'static str,
    actions: Vec<String>,
    resources: Vec<Value<String>>,
    principal: Option<Value<Json>>,
    conditions: Vec<(String, String, Value<Json>)>,
}

impl Statement {
    /// Allows actions.
    pub fn allow<A: Into<String>>(actions: impl IntoIterator<Item = A>) -> Self {
        Self::of("Allow", actions)
    }

    /// Denies actions, whatever else allows them.
    pub fn deny<A: Into<String>>(actions: impl IntoIterator<Item = A>) -> Self {
        Self::of("Deny", actions)
    }

    fn of<A: Into<String>>(effect: &'static str, actions: impl IntoIterator<Item = A>) -> Self {
        Self {
            effect,
            actions: actions.into_iter().map(Into::into).collect(),
            resources: Vec::new(),
            principal: None,
            conditions: Vec::new(),
        }
    }

    /// On a resource, by its ARN. Several calls add up.
    pub fn on(mut self, resource: impl IntoValue<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// To a service, in a trust policy: `sagemaker` stands for `sagemaker.amazonaws.com`.
    pub fn to_service(mut self, service: &str) -> Self {
        let service = format!("{service}.amazonaws.com");
        self.principal = Some(Json::object([Property::new("Service", service)]).into());
        self
    }

    /// To everybody, in a policy of a resource.
    pub fn to_everybody(mut self) -> Self {
        self.principal = Some("*".into());
        self
    }

    /// Only when: an operator such as `StringEquals`, a key, and what it has to be.
    pub fn when(mut self, operator: &str, key: &str, value: impl IntoValue<Json>) -> Self {
        self.conditions.push((operator.into(), key.into(), value.into()));
        self
    }
}

impl Literal for Statement {
    fn into_expression(self) -> Expression {
        let mut statement = Properties::default();
        statement.put("Effect", self.effect);
        if let Some(principal) = self.principal {
            statement.put("Principal", principal);
        }
        let actions: Value<Vec<String>> = self.actions.into();
        statement.put("Action", actions);
        let mut resources = self.resources;
        match resources.len() {
            0 => {}
            1 => statement.put("Resource", resources.remove(0)),
            _ => {
                let resources: Value<Vec<String>> = resources.into();
                statement.put("Resource", resources);
            }
        }
        let mut conditions: Vec<(String, Map<Json>)> = Vec::new();
        for (operator, key, value) in self.conditions {
            match conditions.iter_mut().find(|(known, _)| *known == operator) {
                Some((_, keys)) => *keys = std::mem::take(keys).set(key, value),
                None => conditions.push((operator, Map::default().set(key, value))),
            }
        }
        if !conditions.is_empty() {
            let operators = conditions
                .into_iter()
                .fold(Map::default(), |map: Map<Map<Json>>, (operator, keys)| map.set(operator, keys));
            statement.put("Condition", operators);
        }
        statement.into_expression()
    }
}

/// The role that a SageMaker container runs with. It can do what its statements say and nothing else, and only
/// SageMaker can take it on, only for this account.
#[derive(Clone, Debug)]
pub struct ExecutionRole(ServiceRole);

impl ExecutionRole {
    /// A role with these permissions.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self(ServiceRole { service: "sagemaker", name: "Execution", policy: PolicyDocument::new(statements) })
    }

    /// Allows more.
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

/// A role that only one service can take on, only for this account.
#[derive(Clone, Debug)]
pub(crate) struct ServiceRole {
    /// `sagemaker` for `sagemaker.amazonaws.com`.
    pub service: &'static str,
    /// Of its policy.
    pub name: &'static str,
    pub policy: PolicyDocument,
}

impl Construct for ServiceRole {
    type Handle = RoleHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> RoleHandle {
        let account: Value<Json> = account_id().into();
        let trust = PolicyDocument::new([Statement::allow(["sts:AssumeRole"])
            .to_service(self.service)
            .when("StringEquals", "aws:SourceAccount", account)]);
        scope.add_default(
            Role::new(trust).policies([Policy::new().policy_name(self.name).policy_document(self.policy)]),
        )
    }
}

/// The ARN of something of a service in the stack's account and region.
pub(crate) fn arn(service: &str, resource: impl IntoValue<String>) -> Value<String> {
    sub!("arn:{}:{}:{}:{}:{}", partition(), service, region(), account_id(), resource.into())
}

/// What every container in SageMaker needs: its image, its log group (with or without a `*` at its end), its
/// metrics.
pub(crate) fn container(log_group: &Value<String>, image: &Resolved) -> [Statement; 4] {
    let log_group = arn("logs", sub!("log-group:{}", log_group));
    [
        Statement::allow([
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ])
        .on(log_group.clone())
        .on(sub!("{}:log-stream:*", log_group)),
        metrics(),
        // AWS gives it no resource.
        Statement::allow(["ecr:GetAuthorizationToken"]).on("*"),
        Statement::allow([
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ])
        .on(&image.repository_arn),
    ]
}

/// Leave to publish metrics of SageMaker. No resource can be named for it: AWS gives it none.
pub(crate) fn metrics() -> Statement {
    Statement::allow(["cloudwatch:PutMetricData"]).on("*").when(
        "StringLike",
        "cloudwatch:namespace",
        "/aws/sagemaker/*",
    )
}

/// What SageMaker needs to put a job's network interfaces into a VPC.
pub(crate) fn network_interfaces() -> [Statement; 2] {
    [
        Statement::allow([
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ])
        .on(arn("ec2", "network-interface/*"))
        .on(arn("ec2", "subnet/*"))
        .on(arn("ec2", "security-group/*")),
        // AWS gives the reading of networks no resources.
        Statement::allow([
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ])
        .on("*"),
    ]
}

/// Leave to encrypt and decrypt with a key, by its ARN, and to let volumes do so.
pub(crate) fn use_key(key: &Value<String>) -> Statement {
    Statement::allow(["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"]).on(key)
}

/// Leave to hand a role to SageMaker and to no other service.
pub(crate) fn pass_to_sagemaker(role: impl IntoValue<String>) -> Statement {
    Statement::allow(["iam:PassRole"]).on(role).when(
        "StringEquals",
        "iam:PassedToService",
        "sagemaker.amazonaws.com",
    )
}
