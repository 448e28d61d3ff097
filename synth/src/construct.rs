//! Constructs: plain values that know what to add to a stack.

use crate::error::ErrorKind;
use crate::stack::{Contents, Entry, Environment, Stack};
use crate::value::Source;
use indexmap::IndexMap;

/// Something that can be added to a stack, made of resources or of other constructs.
///
/// ```
/// use stackwright_synth::{Construct, Handle, Resource, ResourceOptions, Scope};
///
/// /// A queue, and another for what it could not deliver.
/// struct ReliableQueue;
///
/// impl Construct for ReliableQueue {
///     type Handle = Handle;
///     fn build(self, scope: &mut Scope<'_>) -> Handle {
///         let failed = scope.add("Failed", Resource::of("AWS::SQS::Queue"));
///         scope.add_default(Resource::of("AWS::SQS::Queue").set("QueueName", "jobs").depends_on(&failed))
///     }
/// }
/// ```
pub trait Construct {
    /// What the program uses to refer to what was added.
    type Handle;

    /// Whether errors inside point at the line that added the construct instead of a line of the construct:
    /// for constructs of libraries, whose lines are not the user's.
    const OPAQUE: bool = false;

    /// Adds everything the construct is made of.
    fn build(self, scope: &mut Scope<'_>) -> Self::Handle;

    /// Says that what a rule finds here is meant so, and why: the check keeps it in its report with the
    /// reason, and no longer counts it. It is written into the `Metadata` of the construct's resources.
    ///
    /// ```
    /// use stackwright_synth::{App, Construct, Resource};
    ///
    /// let app = App::new("shop");
    /// let topic = Resource::of("AWS::SNS::Topic").acknowledge("some-rule", "the reason for reviewers");
    /// app.stack("Alarms").add("Late", topic);
    /// # assert!(app.synth()?.stacks[0].template.json().contains("the reason for reviewers"));
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    #[track_caller]
    fn acknowledge(self, rule: impl Into<String>, reason: impl Into<String>) -> Acknowledged<Self>
    where
        Self: Sized,
    {
        let source = std::panic::Location::caller();
        let acknowledgement = Acknowledgement { rule: rule.into(), reason: reason.into(), source };
        Acknowledged { construct: self, acknowledgement }
    }
}

/// A construct with what was said about a finding of a rule.
pub struct Acknowledged<C> {
    construct: C,
    acknowledgement: Acknowledgement,
}

#[derive(Clone, Debug)]
pub(crate) struct Acknowledgement {
    pub rule: String,
    pub reason: String,
    pub source: Source,
}

impl<C: Construct> Construct for Acknowledged<C> {
    type Handle = C::Handle;
    const OPAQUE: bool = C::OPAQUE;

    fn build(self, scope: &mut Scope<'_>) -> C::Handle {
        scope.acknowledgements.push(self.acknowledgement);
        self.construct.build(scope)
    }
}

/// Where a construct adds what it is made of: a stack, and the id that all logical ids start with.
pub struct Scope<'a> {
    stack: &'a Stack,
    prefix: String,
    /// The line that added the outermost construct with lines to hide, or this one.
    source: Source,
    opaque: bool,
    /// What was said about findings in here.
    pub(crate) acknowledgements: Vec<Acknowledgement>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(stack: &'a Stack, source: Source) -> Self {
        Self { stack, prefix: String::new(), source, opaque: false, acknowledgements: Vec::new() }
    }

    /// Adds a part under an id of its own: its logical id is the construct's followed by this one.
    #[track_caller]
    pub fn add<C: Construct>(&mut self, id: &str, construct: C) -> C::Handle {
        let source =
            if self.opaque || self.prefix.is_empty() { self.source } else { std::panic::Location::caller() };
        let opaque = self.opaque || C::OPAQUE;
        construct.build(&mut Scope {
            stack: self.stack,
            prefix: format!("{}{id}", self.prefix),
            source,
            opaque,
            acknowledgements: self.acknowledgements.clone(),
        })
    }

    /// Adds the part that the construct is all about: it takes the construct's own id.
    #[track_caller]
    pub fn add_default<C: Construct>(&mut self, construct: C) -> C::Handle {
        self.add("", construct)
    }

    /// The logical id that [`Scope::add_default`] gives.
    pub fn id(&self) -> &str {
        &self.prefix
    }

    /// The stack that everything is added to.
    pub fn stack(&self) -> &Stack {
        self.stack
    }

    /// Where the stack is bound to.
    pub fn environment(&self) -> Environment {
        self.stack.environment()
    }

    /// The line that errors about this construct point at.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The name that CloudFormation gets for the stack, as far as it is known now.
    pub fn stack_name(&self) -> String {
        self.stack.state.borrow().stack_name(self.stack.key.index)
    }

    /// Notes that the construct was given what it cannot work with: what is wrong, how to mend it, and the
    /// line that said it where that is known better than by the line that added the construct.
    pub fn error(&self, name: &'static str, message: String, help: String, source: Option<Source>) {
        let kind = ErrorKind::Construct { name, message, help };
        self.stack.report_at(&self.prefix, kind, source.unwrap_or(self.source), None);
    }

    pub(crate) fn insert<T>(
        &mut self,
        value: T,
        section: impl FnOnce(&mut Contents) -> &mut IndexMap<String, Entry<T>>,
    ) -> crate::Handle {
        self.stack.insert(&self.prefix, value, self.source, self.opaque, section)
    }
}
