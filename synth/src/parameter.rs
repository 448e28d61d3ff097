//! Parameters: values that are set when a stack is deployed.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde_json::{Map, Value as JsonValue};

use crate::construct::{Construct, Scope};
use crate::value::{Literal, Value};

/// A parameter of a template, typed by the value of a reference to it. When it is added to a stack, the result is that
/// reference: a [`Value<T>`](Value).
///
/// A deployment sets the value, such as `stackwright deploy --parameter Name=jobs`. Without it, the parameter has its
/// [`default`](Parameter::default) value, unless an earlier deployment set another one, which it keeps.
///
/// ```
/// use stackwright_synth::{App, AwsParameterType, Parameter, Resource};
///
/// let app = App::new("shop");
/// let stack = app.stack("Queues");
/// let delay = stack.add("Delay", Parameter::number().default(5));
/// let name = stack.add("Name", Parameter::string());
/// stack.add("Jobs", Resource::of("AWS::SQS::Queue").set("QueueName", name).set("DelaySeconds", delay));
/// // Parameters of other types.
/// stack.add("Share", Parameter::decimal().default(0.5));
/// stack.add("Vpc", Parameter::aws(AwsParameterType::VpcId));
/// stack.add("Subnets", Parameter::aws_list(AwsParameterType::SubnetId));
/// stack.add("Ports", Parameter::numbers());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Parameter<T> {
    parts: ParameterParts,
    yields: PhantomData<fn() -> T>,
}

/// The parameter as it is written into the template.
#[derive(Clone, Debug)]
pub(crate) struct ParameterParts(pub Map<String, JsonValue>);

/// The type of a parameter whose values CloudFormation looks up in the account: the ID or the name of a resource that
/// exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsParameterType {
    /// `AWS::EC2::AvailabilityZone::Name`
    AvailabilityZoneName,
    /// `AWS::Route53::HostedZone::Id`
    HostedZoneId,
    /// `AWS::EC2::Image::Id`
    ImageId,
    /// `AWS::EC2::Instance::Id`
    InstanceId,
    /// `AWS::EC2::KeyPair::KeyName`
    KeyPairName,
    /// `AWS::EC2::SecurityGroup::GroupName`
    SecurityGroupName,
    /// `AWS::EC2::SecurityGroup::Id`
    SecurityGroupId,
    /// `AWS::SSM::Parameter::Name`: the name of a parameter, not its value as with [`Parameter::ssm`].
    SsmParameterName,
    /// `AWS::EC2::Subnet::Id`
    SubnetId,
    /// `AWS::EC2::Volume::Id`
    VolumeId,
    /// `AWS::EC2::VPC::Id`
    VpcId,
}

impl AwsParameterType {
    fn name(self) -> &'static str {
        match self {
            Self::AvailabilityZoneName => "AWS::EC2::AvailabilityZone::Name",
            Self::HostedZoneId => "AWS::Route53::HostedZone::Id",
            Self::ImageId => "AWS::EC2::Image::Id",
            Self::InstanceId => "AWS::EC2::Instance::Id",
            Self::KeyPairName => "AWS::EC2::KeyPair::KeyName",
            Self::SecurityGroupName => "AWS::EC2::SecurityGroup::GroupName",
            Self::SecurityGroupId => "AWS::EC2::SecurityGroup::Id",
            Self::SsmParameterName => "AWS::SSM::Parameter::Name",
            Self::SubnetId => "AWS::EC2::Subnet::Id",
            Self::VolumeId => "AWS::EC2::Volume::Id",
            Self::VpcId => "AWS::EC2::VPC::Id",
        }
    }
}

impl Parameter<String> {
    /// Creates a parameter for a string (the type `String`).
    pub fn string() -> Self {
        Self::of("String")
    }

    /// Creates a parameter of an AWS-specific type, such as `AWS::EC2::VPC::Id`: an ID or a name of an existing
    /// resource, which CloudFormation looks up when the stack is deployed.
    pub fn aws(of: AwsParameterType) -> Self {
        Self::of(of.name())
    }

    /// Creates a parameter for the value of a parameter in SSM Parameter Store, which CloudFormation reads when it
    /// creates the change set (the type `AWS::SSM::Parameter::Value<String>`). Set the name of that parameter as the
    /// default value.
    ///
    /// ```
    /// use stackwright_synth::{App, Parameter};
    ///
    /// let stack = App::new("vision").stack("Serving");
    /// let model = stack.add("Model", Parameter::ssm().default("/scorers/approved"));
    /// ```
    pub fn ssm() -> Self {
        Self::of("AWS::SSM::Parameter::Value<String>")
    }
}

impl Parameter<i64> {
    /// Creates a parameter for an integer (the type `Number`).
    pub fn number() -> Self {
        Self::of("Number")
    }
}

impl Parameter<f64> {
    /// Creates a parameter for a number that can have a fraction (the type `Number`).
    pub fn decimal() -> Self {
        Self::of("Number")
    }
}

impl Parameter<Vec<String>> {
    /// Creates a parameter for a list of strings, separated by commas (the type `CommaDelimitedList`).
    pub fn comma_delimited_list() -> Self {
        Self::of("CommaDelimitedList")
    }

    /// Creates a parameter of an AWS-specific type of lists, such as `List<AWS::EC2::Subnet::Id>`: IDs of existing
    /// resources, separated by commas, which CloudFormation looks up when the stack is deployed.
    pub fn aws_list(of: AwsParameterType) -> Self {
        Self::of(format!("List<{}>", of.name()))
    }
}

impl Parameter<Vec<i64>> {
    /// Creates a parameter for a list of numbers, separated by commas (the type `List<Number>`).
    pub fn numbers() -> Self {
        Self::of("List<Number>")
    }
}

impl<T> Parameter<T> {
    fn of(type_name: impl Into<Cow<'static, str>>) -> Self {
        let mut parts = Map::new();
        parts.insert("Type".into(), type_name.into().into());
        Self { parts: ParameterParts(parts), yields: PhantomData }
    }

    fn set(mut self, name: &str, value: impl Into<JsonValue>) -> Self {
        self.parts.0.insert(name.into(), value.into());
        self
    }

    /// Sets the default value (`Default`). The elements of a list are one string, separated by commas. Without a
    /// default value, the first deployment of the stack requires a value.
    pub fn default(self, value: impl Into<JsonValue>) -> Self {
        self.set("Default", value)
    }

    /// Sets the description (`Description`), at most 4,000 characters. By default, there is none.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.set("Description", description.into())
    }

    /// Sets the allowed values (`AllowedValues`). By default, every value of the type is allowed.
    pub fn allowed_values<V: Into<JsonValue>>(self, values: impl IntoIterator<Item = V>) -> Self {
        self.set("AllowedValues", values.into_iter().map(Into::into).collect::<Vec<JsonValue>>())
    }

    /// Sets the regular expression that the whole value has to match (`AllowedPattern`), for strings and lists of
    /// strings.
    pub fn allowed_pattern(self, pattern: impl Into<String>) -> Self {
        self.set("AllowedPattern", pattern.into())
    }

    /// Sets the message that CloudFormation shows for a value that violates a constraint (`ConstraintDescription`). By
    /// default, the message contains the pattern or the limit.
    pub fn constraint_description(self, description: impl Into<String>) -> Self {
        self.set("ConstraintDescription", description.into())
    }

    /// Sets the range of allowed values of a numeric parameter (`MinValue` and `MaxValue`). By default, there is no limit.
    pub fn range(self, allowed: RangeInclusive<i64>) -> Self {
        self.set("MinValue", *allowed.start()).set("MaxValue", *allowed.end())
    }

    /// Sets the minimum and the maximum length of a string parameter in characters (`MinLength` and `MaxLength`). By default,
    /// only CloudFormation's limit of 4,096 bytes applies.
    pub fn length(self, allowed: RangeInclusive<u32>) -> Self {
        self.set("MinLength", *allowed.start()).set("MaxLength", *allowed.end())
    }

    /// Masks the value wherever CloudFormation shows parameters (`NoEcho`). By default, it is shown. The default value
    /// is still readable in the template.
    pub fn no_echo(self) -> Self {
        self.set("NoEcho", true)
    }
}

impl<T> Construct for Parameter<T> {
    type Handle = Value<T>;

    fn build(self, scope: &mut Scope<'_>) -> Value<T> {
        let is_list = self.parts.is_list();
        scope.insert(self.parts, |contents| &mut contents.parameters).refer(None, is_list)
    }
}

impl ParameterParts {
    fn is_list(&self) -> bool {
        let name = self.0.get("Type").and_then(JsonValue::as_str).unwrap_or_default();
        let name = name.strip_prefix("AWS::SSM::Parameter::Value<").unwrap_or(name);
        name.starts_with("List<") || name.starts_with("CommaDelimitedList")
    }
}

impl Literal for ParameterParts {
    fn into_expression(self) -> crate::Expression {
        crate::Expression::Literal(JsonValue::Object(self.0))
    }
}
