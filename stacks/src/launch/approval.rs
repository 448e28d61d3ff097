//! A parameter with the URI of the model data of the latest approved version in a model package group.

use serde_json::json;
use stackwright_resources::events::Rule;
use stackwright_resources::events::rule::{State, Target};
use stackwright_resources::ssm;
use stackwright_resources::ssm::parameter::Type;
use stackwright_resources::stepfunctions;
use stackwright_synth::intrinsic::{json_text, partition, select, split};
use stackwright_synth::{Construct, IntoValue, Json, Property, ResourceOptions, Scope, Value, sub};

use crate::arn::known;
use crate::iam::{BuiltRole, RoleNeeded, RoleOptions, RoleReference, RoleSettings, Statement, arn};

/// An SSM parameter with the URI of the model data of the latest approved version in a model package group, from which
/// another stack deploys the model.
///
/// When a version of the group is approved, EventBridge starts a state machine, which describes the version and stores
/// `ModelDataUrl` of its first container in the parameter. The serving stack reads the parameter when it is deployed,
/// with a template parameter of the type `AWS::SSM::Parameter::Value<String>`, so that the next deployment updates
/// the endpoint to the approved model.
///
/// It becomes `AWS::SSM::Parameter`, `AWS::StepFunctions::StateMachine`, `AWS::Events::Rule` and two `AWS::IAM::Role`.
///
/// ```
/// use stackwright_resources::sagemaker::ModelPackageGroup;
/// use stackwright_stacks::container::{Container, ModelData};
/// use stackwright_stacks::launch::ApprovedModel;
/// use stackwright_stacks::{ContainerImage, PrivateBucket, Processor};
/// use stackwright_synth::Parameter;
/// # use stackwright_synth::App;
///
/// # let app = App::new("scorers");
/// # let training = app.stack("Training").region("us-east-1");
/// # let serving = app.stack("Serving").region("us-east-1");
/// let models = training.add("Models", PrivateBucket::new());
/// let group = training.add("Group", ModelPackageGroup::new("scorers"));
/// let first = models.location("initial/model.tar.gz").uri();
/// training.add("Approved", ApprovedModel::new(group.reference(), "/scorers/approved", first));
///
/// let approved = serving.add("Approved", Parameter::ssm().default("/scorers/approved"));
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
///     .model(ModelData::archive_within(models.location(""), approved));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ApprovedModel {
    group: Value<String>,
    parameter: Value<String>,
    initial: Value<String>,
    image: Option<String>,
    role: RoleSettings,
    event_role: Option<RoleReference>,
}

impl ApprovedModel {
    /// Creates the parameter with three values: the group, given by its name or by a reference to an
    /// `AWS::SageMaker::ModelPackageGroup`; the name of the parameter, such as `/scorers/approved`; and the initial
    /// URI of the model data, which the parameter contains until a version is approved. A name that does not start with a slash
    /// is an error at the caller's line.
    #[track_caller]
    pub fn new(
        group: impl IntoValue<String>,
        parameter_name: impl IntoValue<String>,
        initial: impl IntoValue<String>,
    ) -> Self {
        let group = group.into().with_caller_location();
        let is_name = known(&group).is_none_or(|name| !name.contains(['/', ':']));
        let initial = initial.into().with_caller_location();
        let is_uri = known(&initial).is_none_or(|uri| uri.starts_with("s3://"));
        let parameter = parameter_name.into().with_caller_location();
        let is_path = known(&parameter).is_none_or(|name| name.starts_with('/'));
        Self {
            group: match is_name {
                true => group,
                false => Value::invalid(
                    "invalid-group-name",
                    "the name of the model package group contains a slash or a colon",
                    "use the name of the group, such as `scorers`, or a reference to a `ModelPackageGroup`",
                ),
            },
            parameter: match is_path {
                true => parameter,
                false => Value::invalid(
                    "invalid-parameter-name",
                    "the name of the parameter does not start with a slash",
                    "use a name such as `/scorers/approved`",
                ),
            },
            initial: match is_uri {
                true => initial,
                false => Value::invalid(
                    "invalid-s3-uri",
                    "the initial URI of the model data does not start with `s3://`",
                    "use the URI of an archive, such as `s3://BUCKET/model.tar.gz`",
                ),
            },
            image: None,
            role: RoleSettings::default(),
            event_role: None,
        }
    }

    /// Accepts only versions whose image URI ends with this suffix, such as `sagemaker-tritonserver:25.09-py3`. For another
    /// version, the execution of the state machine fails, and the parameter does not change. By default, each image is
    /// accepted.
    pub fn image_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.image = Some(suffix.into());
        self
    }

    /// Sets an existing role with which EventBridge starts the state machine, by its handle or ARN, instead of a new role. Its
    /// trust policy has to name `events.amazonaws.com`, and it has to allow `states:StartExecution` on the state machine.
    #[track_caller]
    pub fn event_role(mut self, role: impl Into<RoleReference>) -> Self {
        self.event_role = Some(role.into());
        self
    }
}

/// The setters of the execution role of the state machine.
impl RoleOptions for ApprovedModel {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl Construct for ApprovedModel {
    type Handle = ApprovedModelHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> ApprovedModelHandle {
        // A reference to a group returns its ARN, of which the name is the part after the slash.
        let group = match known(&self.group) {
            Some(_) => self.group.clone(),
            None => select(1, split("/", &self.group)),
        };
        let parameter =
            ssm::Parameter::new().value(&self.initial).type_(Type::String).name(&self.parameter).description(
                "The model data of the version that was approved last; a state machine changes it",
            );
        let parameter = scope.add_default(parameter);
        let statements = vec![
            Statement::allow(["sagemaker:DescribeModelPackage"])
                .on(arn("sagemaker", sub!("model-package/{}/*", &group))),
            Statement::allow(["ssm:PutParameter"]).on(arn("ssm", sub!("parameter{}", &self.parameter))),
        ];
        let needed = RoleNeeded { id: "Role".into(), service: "states", policy: "Approve", statements };
        let BuiltRole { role, policy } = self.role.clone().build(needed, scope);
        let definition = self.definition();
        let machine = stepfunctions::StateMachine::new(role.arn()).definition_string(json_text(definition));
        let machine = policy.iter().fold(machine, |machine, policy| machine.depends_on(policy));
        let machine = scope.add("Machine", machine);
        let start = vec![Statement::allow(["states:StartExecution"]).on(machine.arn())];
        let needed =
            RoleNeeded { id: "EventRole".into(), service: "events", policy: "Start", statements: start };
        let event_role = RoleSettings::given(self.event_role).build(needed, scope).role;
        let pattern = Json::object([
            Property::new("source", json!(["aws.sagemaker"])),
            Property::new("detail-type", json!(["SageMaker Model Package State Change"])),
            Property::new(
                "detail",
                Value::<Json>::from(Json::object([
                    Property::new("ModelPackageGroupName", Value::<Vec<String>>::from(vec![group])),
                    Property::new("ModelApprovalStatus", json!(["Approved"])),
                ])),
            ),
        ]);
        let target = Target::new().id("Machine").arn(machine.arn()).role_arn(event_role.arn());
        let rule = Rule::new()
            .description("A version of the model package group was approved")
            .event_pattern(pattern)
            .state(State::Enabled)
            .targets([target]);
        scope.add("Rule", rule);
        ApprovedModelHandle { parameter, role, event_role }
    }
}

/// An [`ApprovedModel`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct ApprovedModelHandle {
    parameter: ssm::ParameterHandle,
    role: RoleReference,
    event_role: RoleReference,
}

impl ApprovedModelHandle {
    /// Returns the handle of the `AWS::SSM::Parameter`, whose value is the URI of the model data.
    pub fn parameter(&self) -> &ssm::ParameterHandle {
        &self.parameter
    }

    /// Returns the execution role of the state machine.
    pub fn role(&self) -> &RoleReference {
        &self.role
    }

    /// Returns the role with which EventBridge starts the state machine.
    pub fn event_role(&self) -> &RoleReference {
        &self.event_role
    }
}

impl ApprovedModel {
    /// Returns the definition of the state machine in the Amazon States Language.
    fn definition(&self) -> Json {
        let call = |operation: &str| sub!("arn:{}:states:::aws-sdk:{}", partition(), operation);
        let describe = Json::object([
            Property::new("Type", "Task"),
            Property::new("Resource", call("sagemaker:describeModelPackage")),
            Property::new("Parameters", json!({ "ModelPackageName.$": "$.detail.ModelPackageArn" })),
            Property::new(
                "ResultSelector",
                json!({
                    "Image.$": "$.InferenceSpecification.Containers[0].Image",
                    "ModelDataUrl.$": "$.InferenceSpecification.Containers[0].ModelDataUrl",
                }),
            ),
            Property::new("Next", if self.image.is_some() { "Check" } else { "Store" }),
        ]);
        let store = Json::object([
            Property::new("Type", "Task"),
            Property::new("Resource", call("ssm:putParameter")),
            Property::new(
                "Parameters",
                Value::<Json>::from(Json::object([
                    Property::new("Name", &self.parameter),
                    Property::new("Type", "String"),
                    Property::new("Overwrite", true),
                    Property::new("Value.$", "$.ModelDataUrl"),
                ])),
            ),
            Property::new("End", true),
        ]);
        let mut states = vec![Property::new("Describe", Value::<Json>::from(describe))];
        if let Some(suffix) = &self.image {
            let is_expected =
                json!({ "Variable": "$.Image", "StringMatches": format!("*{suffix}"), "Next": "Store" });
            let refuse = json!({
                "Type": "Fail",
                "Error": "OtherImage",
                "Cause": format!("The image of the approved version is not {suffix}"),
            });
            states.push(Property::new(
                "Check",
                json!({ "Type": "Choice", "Choices": [is_expected], "Default": "Refuse" }),
            ));
            states.push(Property::new("Refuse", refuse));
        }
        states.push(Property::new("Store", Value::<Json>::from(store)));
        Json::object([
            Property::new("StartAt", "Describe"),
            Property::new("States", Value::<Json>::from(Json::object(states))),
        ])
    }
}
