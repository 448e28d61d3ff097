//! The pipeline steps that call a Lambda function, or wait for another system through an SQS queue.

use stackwright_synth::intrinsic::{select, split, url_suffix};
use stackwright_synth::{IntoValue, Json, Map, Properties, Value, sub};

use super::get;
use super::step::{Kind, Lowering, Options, Step, StepOptions};
use crate::arn::checked;
use crate::document::list;
use crate::iam::Statement;

/// The type of an output of a [`LambdaStep`] or a [`CallbackStep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputType {
    /// A string.
    String,
    /// An integer.
    Integer,
    /// A number.
    Float,
    /// A boolean.
    Boolean,
}

/// The inputs and outputs of both steps.
#[derive(Clone, Debug, Default)]
struct Parameters {
    inputs: Map<Json>,
    outputs: Vec<(String, OutputType)>,
}

impl Parameters {
    #[track_caller]
    fn input(&mut self, name: impl Into<String>, value: impl IntoValue<Json>) {
        self.inputs = std::mem::take(&mut self.inputs).set(name, value.into().with_caller_location());
    }

    fn output(&mut self, name: impl Into<String>, kind: OutputType) {
        self.outputs.push((name.into(), kind));
    }

    fn handle(&self, step: &str) -> OutputsHandle {
        let outputs = self.outputs.iter().map(|(name, _)| name.clone()).collect();
        OutputsHandle { name: step.to_owned(), outputs }
    }

    fn put(self, step: &mut Properties) {
        step.put("Arguments", self.inputs);
        let outputs = self.outputs.iter().map(|(name, kind)| {
            let mut output = Properties::default();
            output.put("OutputName", name);
            output.put("OutputType", format!("{kind:?}"));
            output
        });
        step.put("OutputParameters", list(outputs));
    }
}

/// A [`LambdaStep`] or a [`CallbackStep`] that was added to a pipeline, with the outputs that later steps can use.
#[derive(Clone, Debug)]
pub struct OutputsHandle {
    name: String,
    outputs: Vec<String>,
}

impl OutputsHandle {
    /// Returns the value of an output, by its name, which is resolved when the pipeline runs. A name that the step does not
    /// declare with `output` is an error at the caller's line.
    #[track_caller]
    pub fn output<T>(&self, name: &str) -> Value<T> {
        if self.outputs.iter().any(|known| known == name) {
            return get(&format!("Steps.{}.OutputParameters['{name}']", self.name)).cast();
        }
        Value::invalid(
            "unknown-output",
            format!("the step `{}` has no output `{name}`", self.name),
            format!("its outputs are: {}", self.outputs.join(", ")),
        )
    }
}

/// A pipeline step that calls a Lambda function. Its outputs are members of the object that the function returns.
///
/// ```
/// use stackwright_stacks::launch::{LambdaStep, OutputType, Pipeline};
///
/// let mut pipeline = Pipeline::new();
/// let chosen = pipeline.step(
///     "Choose",
///     LambdaStep::new("arn:aws:lambda:us-east-1:123456789012:function:choose-data")
///         .input("bucket", "my-data")
///         .output("prefix", OutputType::String),
/// );
/// let prefix = chosen.output::<String>("prefix");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LambdaStep {
    function: Value<String>,
    parameters: Parameters,
    options: Options,
}

impl LambdaStep {
    /// Creates a step that calls a function, given by its ARN. The role of the pipeline may invoke the function. An ARN of
    /// another service is an error at the caller's line.
    #[track_caller]
    pub fn new(function_arn: impl IntoValue<String>) -> Self {
        let function =
            checked(function_arn, "lambda", "arn:aws:lambda:us-east-1:123456789012:function:choose");
        Self { function, parameters: Parameters::default(), options: Options::default() }
    }

    /// Adds a member to the event that the function gets, by its name and its value.
    #[track_caller]
    pub fn input(mut self, name: impl Into<String>, value: impl IntoValue<Json>) -> Self {
        self.parameters.input(name, value);
        self
    }

    /// Declares a member of the object that the function returns, by its name, as an output for later steps. By default, there
    /// are none.
    pub fn output(mut self, name: impl Into<String>, kind: OutputType) -> Self {
        self.parameters.output(name, kind);
        self
    }

    pub(super) fn lower(self, step: &mut Properties, lowering: &mut Lowering) {
        step.put("Type", "Lambda");
        self.parameters.put(step);
        step.put("FunctionArn", &self.function);
        self.options.put_order(step);
        lowering.others.push(Statement::allow(["lambda:InvokeFunction"]).on(self.function));
    }
}

impl StepOptions for LambdaStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for LambdaStep {
    type Handle = OutputsHandle;

    fn handle(&self, name: &str) -> OutputsHandle {
        self.parameters.handle(name)
    }

    fn into_kind(self) -> Kind {
        Kind::Lambda(Box::new(self))
    }
}

/// A pipeline step that sends a message with a token to an SQS queue and waits until the receiver calls the API operation
/// `SendPipelineExecutionStepSuccess` or `SendPipelineExecutionStepFailure`.
///
/// ```
/// use stackwright_stacks::launch::{CallbackStep, OutputType, Pipeline};
///
/// let mut pipeline = Pipeline::new();
/// let labelled = pipeline.step(
///     "Label",
///     CallbackStep::new("arn:aws:sqs:us-east-1:123456789012:labelling")
///         .input("images", "s3://my-data/images/")
///         .output("manifest", OutputType::String),
/// );
/// let manifest = labelled.output::<String>("manifest");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CallbackStep {
    queue: Value<String>,
    parameters: Parameters,
    options: Options,
}

impl CallbackStep {
    /// Creates a step that sends its message to a queue, given by its ARN. The role of the pipeline may send messages to the
    /// queue. An ARN of another service is an error at the caller's line.
    #[track_caller]
    pub fn new(queue_arn: impl IntoValue<String>) -> Self {
        let queue = checked(queue_arn, "sqs", "arn:aws:sqs:us-east-1:123456789012:labelling");
        Self { queue, parameters: Parameters::default(), options: Options::default() }
    }

    /// Adds a member to the `arguments` of the message, by its name and its value.
    #[track_caller]
    pub fn input(mut self, name: impl Into<String>, value: impl IntoValue<Json>) -> Self {
        self.parameters.input(name, value);
        self
    }

    /// Declares an output, by its name, that the receiver of the message sets, for later steps. By default, there are none.
    pub fn output(mut self, name: impl Into<String>, kind: OutputType) -> Self {
        self.parameters.output(name, kind);
        self
    }

    /// Returns the URL of the queue, which is derived from its ARN.
    fn queue_url(&self) -> Value<String> {
        let part = |index: usize| -> Value<String> {
            let literal = self.queue.as_literal().and_then(serde_json::Value::as_str);
            match literal.and_then(|arn| arn.split(':').nth(index)) {
                Some(part) => part.into(),
                None => select(i64::try_from(index).unwrap_or_default(), split(":", &self.queue)),
            }
        };
        let url = sub!("https://sqs.{}.{}/{}/{}", part(3), url_suffix(), part(4), part(5));
        url.with_location(self.queue.location())
    }

    pub(super) fn lower(self, step: &mut Properties, lowering: &mut Lowering) {
        let url = self.queue_url();
        step.put("Type", "Callback");
        self.parameters.put(step);
        step.put("SqsQueueUrl", url);
        self.options.put_order(step);
        lowering.others.push(Statement::allow(["sqs:SendMessage"]).on(self.queue));
    }
}

impl StepOptions for CallbackStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for CallbackStep {
    type Handle = OutputsHandle;

    fn handle(&self, name: &str) -> OutputsHandle {
        self.parameters.handle(name)
    }

    fn into_kind(self) -> Kind {
        Kind::Callback(Box::new(self))
    }
}
