//! Conditions of a template, which depend on its parameters.

use std::sync::Arc;

use crate::construct::{Construct, Scope};
use crate::value::{Expression, Untyped};

/// A condition of a template (section `Conditions`), which is evaluated from the values of the parameters.
///
/// ```
/// use stackwright_synth::{App, Condition, Parameter, Value, intrinsic::if_else};
///
/// let app = App::new("shop");
/// let stack = app.stack("Jobs");
/// let stage = stack.add("Stage", Parameter::string().default("test"));
/// let production = stack.add("IsProduction", Condition::equals(stage, "production"));
/// let instances: Value<i64> = if_else(&production, 4, 1);
/// let is_test = stack.add("IsTest", Condition::not(&production));
/// stack.add("Always", Condition::or([(&production).into(), (&is_test).into()]));
/// stack.add("Never", Condition::and([(&production).into(), (&is_test).into()]));
/// # let _ = instances;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Condition(pub(crate) ConditionExpression);

/// The argument of a condition function: a [`Condition`], or the handle of a condition that was added to the stack, which
/// convert into it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionExpression(pub(crate) Expression);

impl Condition {
    fn function(name: &'static str, arguments: Vec<Expression>) -> Self {
        Self(ConditionExpression(Expression::Function(name, Box::new(Expression::List(arguments)))))
    }

    /// Creates a condition that is true if two values are equal (`Fn::Equals`).
    pub fn equals(left: impl Untyped, right: impl Untyped) -> Self {
        Self::function("Fn::Equals", vec![left.into_untyped().0, right.into_untyped().0])
    }

    /// Creates a condition that is true if all of 2 to 10 conditions are true (`Fn::And`).
    pub fn and(all: impl IntoIterator<Item = ConditionExpression>) -> Self {
        Self::function("Fn::And", all.into_iter().map(|one| one.0).collect())
    }

    /// Creates a condition that is true if any of 2 to 10 conditions is true (`Fn::Or`).
    pub fn or(any: impl IntoIterator<Item = ConditionExpression>) -> Self {
        Self::function("Fn::Or", any.into_iter().map(|one| one.0).collect())
    }

    /// Creates a condition that is true if another condition is false (`Fn::Not`).
    pub fn not(condition: impl Into<ConditionExpression>) -> Self {
        Self::function("Fn::Not", vec![condition.into().0])
    }
}

impl From<Condition> for ConditionExpression {
    fn from(condition: Condition) -> Self {
        condition.0
    }
}

impl From<&ConditionHandle> for ConditionExpression {
    fn from(handle: &ConditionHandle) -> Self {
        Self(Expression::Function("Condition", Box::new(handle.name())))
    }
}

impl Construct for Condition {
    type Handle = ConditionHandle;

    fn build(self, scope: &mut Scope<'_>) -> ConditionHandle {
        ConditionHandle(scope.insert(self, |contents| &mut contents.conditions).logical_id)
    }
}

/// A [`Condition`] that was added to a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionHandle(pub(crate) Arc<str>);

impl ConditionHandle {
    pub(crate) fn name(&self) -> Expression {
        Expression::Literal(self.0.as_ref().into())
    }
}
