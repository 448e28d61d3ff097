//! Statements of policies, and policy documents.

use stackwright_synth::intrinsic::partition;
use stackwright_synth::{Expression, IntoValue, Json, Literal, Map, Properties, Property, Value, sub};

use super::RoleReference;

/// An IAM policy document of the version `2012-10-17`: a list of statements. Each statement is written once.
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
    /// Creates a policy document of these statements.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        let mut document = Self(Vec::new());
        statements.into_iter().for_each(|statement| document.push(statement));
        document
    }

    /// Adds a statement, unless the document has it already.
    pub fn push(&mut self, statement: Statement) {
        if !self.0.contains(&statement) {
            self.0.push(statement);
        }
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

/// One statement of a policy: which actions are allowed or denied, on which resources, to whom, and under which
/// conditions.
///
/// ```
/// use stackwright_stacks::iam::Statement;
/// use stackwright_synth::intrinsic::account_id;
///
/// Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::models/*");
/// // In a policy of a resource, such as a key or a topic:
/// Statement::allow(["sns:Publish"])
///     .on("*")
///     .to_service("cloudwatch")
///     .when("StringEquals", "aws:SourceAccount", account_id());
/// Statement::allow(["kms:Decrypt"]).on("*").to_account("123456789012");
/// Statement::deny(["s3:DeleteObject"]).on("arn:aws:s3:::models/*");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Statement {
    effect: &'static str,
    actions: Vec<String>,
    resources: Vec<Value<String>>,
    principals: Vec<Principal>,
    conditions: Vec<(ConditionOperator, String, Value<Json>)>,
}

impl Statement {
    /// Creates a statement that allows actions, such as `s3:GetObject`.
    pub fn allow<A: Into<String>>(actions: impl IntoIterator<Item = A>) -> Self {
        Self::of("Allow", actions)
    }

    /// Creates a statement that denies actions, even if other statements allow them.
    pub fn deny<A: Into<String>>(actions: impl IntoIterator<Item = A>) -> Self {
        Self::of("Deny", actions)
    }

    fn of<A: Into<String>>(effect: &'static str, actions: impl IntoIterator<Item = A>) -> Self {
        Self {
            effect,
            actions: actions.into_iter().map(Into::into).collect(),
            resources: Vec::new(),
            principals: Vec::new(),
            conditions: Vec::new(),
        }
    }

    /// Adds a resource that the statement applies to, given by its ARN (`Resource`). A statement of a role's policy
    /// needs at least one resource; a trust policy has none.
    pub fn on(mut self, resource: impl IntoValue<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Sets the resource `*` where no resource was named.
    pub(crate) fn on_everything_unless_set(self) -> Self {
        if self.resources.is_empty() { self.on("*") } else { self }
    }

    /// Adds a service of AWS as a principal (`Principal`): `sagemaker` stands for `sagemaker.amazonaws.com`. Principals
    /// are for trust policies and for policies of resources, such as keys and topics.
    pub fn to_service(self, service: &str) -> Self {
        self.service_principal(Value::from(format!("{service}.amazonaws.com")))
    }

    /// Adds a service as a principal by its full name, which may contain the region.
    pub(crate) fn service_principal(mut self, name: Value<String>) -> Self {
        self.principals.push(Principal::Service(name));
        self
    }

    /// Adds an account as a principal, given by its ID of 12 digits (`Principal`): the statement applies to its users
    /// and roles to which the policies of that account give the same permission.
    pub fn to_account(self, account: impl IntoValue<String>) -> Self {
        self.arn_principal(sub!("arn:{}:iam::{}:root", partition(), account.into()))
    }

    /// Adds a role as a principal, given as a handle or an ARN (`Principal`).
    #[track_caller]
    pub fn to_role(self, role: impl Into<RoleReference>) -> Self {
        self.arn_principal(role.into().arn().clone())
    }

    fn arn_principal(mut self, arn: Value<String>) -> Self {
        self.principals.push(Principal::Aws(arn));
        self
    }

    /// Makes the statement apply to every principal (`*`), in the policy of a resource. It replaces the principals of earlier
    /// calls.
    pub fn to_everybody(mut self) -> Self {
        self.principals = vec![Principal::Everybody];
        self
    }

    /// Adds a condition: an operator such as `StringEquals`, a condition key such as `aws:SourceAccount`, and the value to
    /// compare with. The statement applies if all of its conditions are true.
    #[track_caller]
    pub fn when(
        mut self,
        operator: impl Into<ConditionOperator>,
        key: &str,
        value: impl IntoValue<Json>,
    ) -> Self {
        self.conditions.push((operator.into(), key.into(), value.into()));
        self
    }

    /// The principals of the statement, in the form of a policy document.
    fn principal(principals: &[Principal]) -> Option<Value<Json>> {
        let mut kinds: Vec<(&'static str, Vec<Value<String>>)> = Vec::new();
        for principal in principals {
            let (kind, value) = match principal {
                Principal::Everybody => return Some("*".into()),
                Principal::Service(name) => ("Service", name),
                Principal::Aws(arn) => ("AWS", arn),
            };
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, values)) => values.push(value.clone()),
                None => kinds.push((kind, vec![value.clone()])),
            }
        }
        if kinds.is_empty() {
            return None;
        }
        Some(
            Json::object(kinds.into_iter().map(|(kind, values)| Property::new(kind, one_or_many(values))))
                .into(),
        )
    }
}

/// Writes one value as a scalar and several values as a list.
fn one_or_many(mut values: Vec<Value<String>>) -> Value<Json> {
    match values.len() {
        1 => values.remove(0).cast(),
        _ => Value::<Vec<String>>::from(values).cast(),
    }
}

/// A principal of a statement, in a trust policy or in the policy of a resource.
#[derive(Clone, Debug, PartialEq)]
enum Principal {
    Service(Value<String>),
    Aws(Value<String>),
    Everybody,
}

/// The operator of a condition, which compares the value of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConditionOperator {
    /// The key is equal to the string, in upper and lower case too.
    StringEquals,
    /// The key is not equal to the string.
    StringNotEquals,
    /// The key matches the pattern, in which `*` stands for any characters and `?` for one character.
    StringLike,
    /// The key does not match the pattern, in which `*` stands for any characters and `?` for one character.
    StringNotLike,
    /// The key is an ARN that matches the ARN, in which `*` and `?` are allowed in each part: the same as `ArnLike`.
    ArnEquals,
    /// The key is an ARN that matches the ARN, in which `*` and `?` are allowed in each part: the same as `ArnEquals`.
    ArnLike,
    /// The key has the boolean value, `"true"` or `"false"`.
    Bool,
    /// The key is absent (`"true"`) or present (`"false"`).
    Null,
    /// The key is an IP address in the block, in CIDR notation.
    IpAddress,
    /// The key is a number that is less than or equal to the number.
    NumericLessThanEquals,
    /// Any other operator, by its name, such as `ForAnyValue:StringEquals`.
    Other(String),
}

impl ConditionOperator {
    fn name(&self) -> &str {
        match self {
            Self::StringEquals => "StringEquals",
            Self::StringNotEquals => "StringNotEquals",
            Self::StringLike => "StringLike",
            Self::StringNotLike => "StringNotLike",
            Self::ArnEquals => "ArnEquals",
            Self::ArnLike => "ArnLike",
            Self::Bool => "Bool",
            Self::Null => "Null",
            Self::IpAddress => "IpAddress",
            Self::NumericLessThanEquals => "NumericLessThanEquals",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for ConditionOperator {
    fn from(name: &str) -> Self {
        let listed = [
            Self::StringEquals,
            Self::StringNotEquals,
            Self::StringLike,
            Self::StringNotLike,
            Self::ArnEquals,
            Self::ArnLike,
            Self::Bool,
            Self::Null,
            Self::IpAddress,
            Self::NumericLessThanEquals,
        ];
        listed.into_iter().find(|one| one.name() == name).unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl Literal for Statement {
    fn into_expression(self) -> Expression {
        let mut statement = Properties::default();
        statement.put("Effect", self.effect);
        if let Some(principal) = Self::principal(&self.principals) {
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
        let mut conditions: Vec<(ConditionOperator, Map<Json>)> = Vec::new();
        for (operator, key, value) in self.conditions {
            match conditions.iter_mut().find(|(known, _)| *known == operator) {
                Some((_, keys)) => *keys = std::mem::take(keys).set(key, value),
                None => conditions.push((operator, Map::default().set(key, value))),
            }
        }
        if !conditions.is_empty() {
            let operators = conditions
                .into_iter()
                .fold(Map::default(), |map: Map<Map<Json>>, (operator, keys)| map.set(operator.name(), keys));
            statement.put("Condition", operators);
        }
        statement.into_expression()
    }
}
