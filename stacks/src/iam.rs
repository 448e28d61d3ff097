//! IAM policies as values, and the role that SageMaker runs a container with.

use stackwright_resources::iam::role::Policy;
use stackwright_resources::iam::{Role, RoleHandle};
use stackwright_synth::intrinsic::account_id;
use stackwright_synth::{Construct, Expression, Json, Literal, Map, Properties, Property, Scope, Value};

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

    fn push(&mut self, statement: Statement) {
        self.0.push(statement);
    }
}

impl From<PolicyDocument> for Value<Json> {
    fn from(document: PolicyDocument) -> Self {
        let statements = document.0.into_iter().map(Literal::into_expression).collect();
        let statements: Value<Vec<Statement>> = Value::from_expression(Expression::List(statements));
        let entries = [Property::new("Version", "2012-10-17"), Property::new("Statement", statements)];
        Json::object(entries).into()
    }
}

/// One statement: what is allowed, on what, to whom, and when.
#[derive(Clone, Debug)]
pub struct Statement {
    actions: Vec<String>,
    resources: Vec<Value<String>>,
    service: Option<String>,
    conditions: Vec<(String, String, Value<Json>)>,
}

impl Statement {
    /// Allows actions.
    pub fn allow<A: Into<String>>(actions: impl IntoIterator<Item = A>) -> Self {
        Self {
            actions: actions.into_iter().map(Into::into).collect(),
            resources: Vec::new(),
            service: None,
            conditions: Vec::new(),
        }
    }

    /// On a resource, by its ARN. Several calls add up.
    pub fn on(mut self, resource: impl Into<Value<String>>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// To a service, in a trust policy: `sagemaker` stands for `sagemaker.amazonaws.com`.
    pub fn to_service(mut self, service: &str) -> Self {
        self.service = Some(format!("{service}.amazonaws.com"));
        self
    }

    /// Only when: an operator such as `StringEquals`, a key, and what it has to be.
    pub fn when(mut self, operator: &str, key: &str, value: impl Into<Value<Json>>) -> Self {
        self.conditions.push((operator.into(), key.into(), value.into()));
        self
    }
}

impl Literal for Statement {
    fn into_expression(self) -> Expression {
        let mut statement = Properties::default();
        statement.put("Effect", "Allow");
        if let Some(service) = self.service {
            statement.put("Principal", Json::object([Property::new("Service", service)]));
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
pub struct ExecutionRole {
    policy: PolicyDocument,
}

impl ExecutionRole {
    /// A role with these permissions.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self { policy: PolicyDocument::new(statements) }
    }

    /// Allows more.
    pub fn allow(mut self, statement: Statement) -> Self {
        self.policy.push(statement);
        self
    }
}

impl Construct for ExecutionRole {
    type Handle = RoleHandle;
    const OPAQUE: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> RoleHandle {
        let account: Value<Json> = account_id().into();
        let trust = PolicyDocument::new([Statement::allow(["sts:AssumeRole"]).to_service("sagemaker").when(
            "StringEquals",
            "aws:SourceAccount",
            account,
        )]);
        scope.add_default(Role::new(trust).policies([Policy::new("Execution", self.policy)]))
    }
}
