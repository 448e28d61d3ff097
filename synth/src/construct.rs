//! Constructs: values that add resources to a stack.

use crate::customize::{Customization, Customized};
use crate::error::ErrorKind;
use crate::former::{Formerly, Formers};
use crate::resource::TypedResource;
use crate::stack::{Contents, Entry, Environment, Stack};
use crate::value::CallerLocation;
use indexmap::IndexMap;

/// A construct: a value that can be added to a stack, and that consists of resources or of other constructs.
///
/// ```
/// use stackwright_synth::{Construct, Handle, Resource, ResourceOptions, Scope};
///
/// /// A queue with a dead-letter queue.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added to a stack",
    note = "a typed resource needs all its required properties: `Type<2>` means that two are missing; its documentation lists them in order",
    note = "implement `Construct` for a type of your own to add it"
)]
pub trait Construct {
    /// The type of the handle, by which the program refers to the construct after it was added to a stack.
    type Handle;

    /// Whether diagnostics about resources of this construct show the line that added the construct, instead of lines
    /// in the construct. Set it to `true` in constructs of libraries, whose lines the user cannot change. Values that
    /// the user passed keep the user's line (see
    /// [`Value::with_caller_location`](crate::Value::with_caller_location)).
    const HIDES_INNER_LOCATIONS: bool = false;

    /// Adds all resources of the construct to a scope, and returns the handle of the construct. [`Stack::add`] and [`Scope::add`]
    /// call it.
    fn build(self, scope: &mut Scope<'_>) -> Self::Handle;

    /// Acknowledges the findings of one rule of `check`, by its name, on the resources of the construct, with the reason for
    /// reviewers.
    ///
    /// The report of `check` still contains the findings, marked as acknowledged with the reason, but they no longer
    /// make the check fail. The acknowledgement is written into the `Metadata` of the resources.
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

    /// States a former ID of the construct, so that a deployment after a change of the ID keeps the resources. By default, a
    /// construct has no former ID.
    ///
    /// CloudFormation treats a resource with another logical ID as another resource: it creates a new one and deletes
    /// the old one. `deploy` first renames the resources that the deployed stack has under the former ID, with a
    /// stack refactor (`CreateStackRefactor`), and then updates the stack. The former ID applies to every resource of
    /// the construct: if the construct `Jobs` has the former ID `Tasks`, its resource `JobsFailed` has the former ID
    /// `TasksFailed`. If some stacks were deployed with older versions of the program than others, call the method
    /// once for each former ID.
    ///
    /// ```
    /// use stackwright_synth::{App, Construct, Resource};
    ///
    /// let app = App::new("shop");
    /// app.stack("Work").add("Jobs", Resource::of("AWS::SQS::Queue").formerly("Tasks"));
    /// let assembly = app.synth()?;
    /// assert_eq!(assembly.stacks[0].former_ids["Jobs"], ["Tasks"]);
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    ///
    /// # Errors
    /// `App::synth` returns an error if the former ID is not a valid logical ID, if the stack has an element with that
    /// ID, or if two resources name the same former ID.
    #[track_caller]
    fn formerly(self, id: impl Into<String>) -> Formerly<Self>
    where
        Self: Sized,
    {
        Formerly::new(self, id.into(), std::panic::Location::caller())
    }

    /// Changes every resource of one type that the construct creates: the closure can set, replace or remove any property, or
    /// set a `DeletionPolicy`. Use it where the construct has no setter.
    ///
    /// The type of the closure's argument selects the resources; [`Resource`](crate::Resource) selects every resource
    /// of the construct. For a value that the closure sets, diagnostics show the line in the closure. A customization
    /// that matches no resource is an error, which lists the resources that the construct creates.
    ///
    /// ```
    /// use stackwright_synth::{App, Construct, Resource, ResourceOptions};
    ///
    /// let app = App::new("shop");
    /// let queue = Resource::of("AWS::SQS::Queue").set("QueueName", "jobs");
    /// let queue = queue.customize(|queue: Resource| queue.property("VisibilityTimeout", 300));
    /// app.stack("Work").add("Jobs", queue);
    /// # assert!(app.synth()?.stacks[0].template.json().contains("VisibilityTimeout"));
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    #[track_caller]
    fn customize<R: TypedResource + 'static>(self, change: impl Fn(R) -> R + 'static) -> Customized<Self>
    where
        Self: Sized,
    {
        Customized::new(self, None, change)
    }

    /// Changes one resource that the construct creates, by its ID relative to the construct's: `Config` for the
    /// logical ID `ScorersConfig` of a construct that was added as `Scorers`, and an empty string for its main part. A part that
    /// does not exist, or that has another type than the closure's argument, is an error at the caller's line.
    ///
    /// See [`customize`](Self::customize).
    #[track_caller]
    fn customize_part<R: TypedResource + 'static>(
        self,
        part: &str,
        change: impl Fn(R) -> R + 'static,
    ) -> Customized<Self>
    where
        Self: Sized,
    {
        Customized::new(self, Some(part), change)
    }
}

/// A construct with an acknowledged rule: the result of [`Construct::acknowledge`].
#[must_use]
pub struct Acknowledged<C> {
    construct: C,
    acknowledgement: Acknowledgement,
}

#[derive(Clone, Debug)]
pub(crate) struct Acknowledgement {
    pub rule: String,
    pub reason: String,
    pub source: CallerLocation,
}

impl<C: Construct> Construct for Acknowledged<C> {
    type Handle = C::Handle;
    const HIDES_INNER_LOCATIONS: bool = C::HIDES_INNER_LOCATIONS;

    fn build(self, scope: &mut Scope<'_>) -> C::Handle {
        scope.acknowledgements.push(self.acknowledgement);
        self.construct.build(scope)
    }
}

/// The target of [`Construct::build`]: a stack, and the prefix of all logical IDs that the construct adds.
pub struct Scope<'a> {
    stack: &'a Stack,
    prefix: String,
    /// The line that added the outermost construct that hides its inner locations, or else this construct.
    source: CallerLocation,
    hides_locations: bool,
    /// Acknowledgements that apply to every resource of this scope.
    pub(crate) acknowledgements: Vec<Acknowledgement>,
    /// Customizations that apply to every resource of this scope, the outermost first.
    pub(crate) customizations: Vec<Customization>,
    /// The former IDs of the construct.
    pub(crate) formers: Formers,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(stack: &'a Stack, source: CallerLocation) -> Self {
        Self {
            stack,
            prefix: String::new(),
            source,
            hides_locations: false,
            acknowledgements: Vec::new(),
            customizations: Vec::new(),
            formers: Formers::default(),
        }
    }

    /// Adds a part of the construct, and returns the handle of the part. The logical ID of the part is the ID of the construct
    /// followed by `id`.
    #[track_caller]
    pub fn add<C: Construct>(&mut self, id: &str, construct: C) -> C::Handle {
        let source = if self.hides_locations || self.prefix.is_empty() {
            self.source
        } else {
            std::panic::Location::caller()
        };
        let hides_locations = self.hides_locations || C::HIDES_INNER_LOCATIONS;
        construct.build(&mut Scope {
            stack: self.stack,
            prefix: format!("{}{id}", self.prefix),
            source,
            hides_locations,
            acknowledgements: self.acknowledgements.clone(),
            customizations: self.customizations.clone(),
            formers: self.formers.inside(&self.prefix, id),
        })
    }

    /// Adds the main part of the construct, and returns its handle. The logical ID of the main part is the construct's own ID.
    #[track_caller]
    pub fn add_default<C: Construct>(&mut self, construct: C) -> C::Handle {
        self.add("", construct)
    }

    /// Returns the logical ID of the main part, which [`Scope::add_default`] adds.
    pub fn id(&self) -> &str {
        &self.prefix
    }

    /// Returns the stack to which the construct is added.
    pub fn stack(&self) -> &Stack {
        self.stack
    }

    /// Returns the account and region of the stack, as far as the program sets them.
    pub fn environment(&self) -> Environment {
        self.stack.environment()
    }

    /// Returns the line of the program that errors about the construct show: the one that added the construct.
    pub fn location(&self) -> CallerLocation {
        self.source
    }

    /// Returns the name of the stack in CloudFormation: the one that the program set, or `APP-STACK`.
    pub fn stack_name(&self) -> String {
        self.stack.state.borrow().stack_name(self.stack.key.index)
    }

    /// Returns the default value of the type `T`: that of the stack or, if the stack has none, that of the app. Returns `None` if
    /// neither has one. See [`Stack::with_default`].
    pub fn default_value<T: Clone + 'static>(&self) -> Option<T> {
        self.stack.default_value()
    }

    /// Reports an error about the arguments of the construct. [`App::synth`](crate::App::synth) returns the error together with
    /// all others.
    ///
    /// `name` is the stable name that diagnostics show (`error[name]`), `message` states the problem, `help` explains
    /// how to fix it, and `source` is the line that set the wrong value. Without `source`, the error shows the line
    /// that added the construct.
    pub fn error(&self, name: &'static str, message: String, help: String, source: Option<CallerLocation>) {
        let kind = ErrorKind::Construct { name, message, help };
        self.stack.report_at(&self.prefix, kind, source.unwrap_or(self.source), None);
    }

    pub(crate) fn insert<T>(
        &mut self,
        value: T,
        section: impl FnOnce(&mut Contents) -> &mut IndexMap<String, Entry<T>>,
    ) -> crate::Handle {
        self.stack.insert(&self.prefix, value, self.source, self.hides_locations, section)
    }
}
