//! The app: all stacks of a program.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;

use crate::assembly::Assembly;
use crate::customize::Customization;
use crate::defaults::Defaults;
use crate::error::{Error, ErrorKind, Errors};
use crate::render::Keep;
use crate::resource::TypedResource;
use crate::stack::{Contents, Environment, Stack, StackKey, is_stack_name};

/// The app: the root of a program, which contains its CloudFormation stacks.
///
/// ```
/// use stackwright_synth::{App, Resource};
///
/// let app = App::new("shop");
/// let data = app.stack("Data");
/// let topic = data.add("Orders", Resource::of("AWS::SNS::Topic"));
/// // A handle can be used in another stack, which is then deployed after the first one.
/// let alarms = app.stack("Alarms");
/// alarms.add("Late", Resource::of("AWS::SNS::Subscription").set("TopicArn", topic.reference()));
/// assert_eq!(app.synth()?.stacks[1].dependencies, ["Data"]);
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
pub struct App {
    pub(crate) state: Rc<RefCell<State>>,
}

pub(crate) struct State {
    pub name: String,
    pub key: usize,
    pub asset_bucket: Option<String>,
    pub tags: IndexMap<String, String>,
    pub customizations: Vec<Customization>,
    pub defaults: Defaults,
    pub stacks: Vec<Contents>,
    pub errors: Vec<Error>,
}

impl App {
    /// Creates an app with a name, such as `shop`, and without stacks. By default, the name of a stack in CloudFormation is
    /// `APP-STACK`: the name of the app and the ID of the stack.
    pub fn new(name: impl Into<String>) -> Self {
        // Distinguishes the apps of one process; it is never written to a template.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self {
            state: Rc::new(RefCell::new(State {
                name: name.into(),
                key: NEXT.fetch_add(1, Ordering::Relaxed),
                asset_bucket: None,
                tags: IndexMap::new(),
                customizations: Vec::new(),
                defaults: Defaults::default(),
                stacks: Vec::new(),
                errors: Vec::new(),
            })),
        }
    }

    /// Returns the name of the app.
    pub fn name(&self) -> String {
        self.state.borrow().name.clone()
    }

    /// Adds a stack with an ID that is unique in the app, such as `Serving`. An ID consists of letters, digits and hyphens,
    /// starts with a letter, and has at most 128 characters; another ID, or one that another stack has, is an error at the
    /// caller's line.
    #[track_caller]
    pub fn stack(&self, id: &str) -> Stack {
        let source = Location::caller();
        let mut state = self.state.borrow_mut();
        let key = StackKey { app: state.key, index: state.stacks.len() };
        if !is_stack_name(id) {
            let kind = ErrorKind::IllegalStackName(id.to_owned());
            state.errors.push(Error {
                kind,
                path: id.to_owned(),
                location: Some(source.into()),
                related: None,
            });
        }
        let tags = state.tags.clone();
        state.stacks.push(Contents {
            id: id.to_owned(),
            name: None,
            environment: Environment::default(),
            region_location: None,
            description: None,
            tags,
            termination_protection: None,
            source,
            parameters: IndexMap::new(),
            mappings: IndexMap::new(),
            conditions: IndexMap::new(),
            resources: IndexMap::new(),
            loops: IndexMap::new(),
            outputs: IndexMap::new(),
            former_ids: IndexMap::new(),
            assets: IndexMap::new(),
            documents: Vec::new(),
            depends_on: Vec::new(),
            customizations: Vec::new(),
            defaults: Defaults::default(),
            logical_ids: IndexMap::new(),
        });
        drop(state);
        Stack { key, state: Rc::clone(&self.state) }
    }

    /// Adds a tag to every stack that is added to the app after this call. CloudFormation adds the tags of a stack to every
    /// resource that supports tags. A tag of a stack takes precedence over a tag of the app with the same key.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.state.borrow_mut().tags.insert(key.into(), value.into());
        self
    }

    /// Changes every resource of one type that is added to the app after this call, in any stack and by any
    /// construct. See [`Construct::customize`](crate::Construct::customize).
    pub fn customize<R: TypedResource + 'static>(self, change: impl Fn(R) -> R + 'static) -> Self {
        self.state.borrow_mut().customizations.push(Customization::new(change));
        self
    }

    /// Sets a default value of the type `T` that the constructs of every stack use, unless the construct or the stack sets
    /// another one. It applies to constructs that are added after this call. See [`Stack::with_default`].
    pub fn with_default<T: Clone + 'static>(self, value: T) -> Self {
        self.state.borrow_mut().defaults.set(value);
        self
    }

    /// Sets the S3 bucket for assets and large templates, by its name. The bucket must exist. By default, `deploy` creates a
    /// bucket for each account and region.
    pub fn asset_bucket(self, name: impl Into<String>) -> Self {
        self.state.borrow_mut().asset_bucket = Some(name.into());
        self
    }

    /// Synthesizes the template of every stack, in memory.
    ///
    /// # Errors
    /// Returns all errors at once, each with the line of the program that caused it.
    pub fn synth(&self) -> Result<Assembly, Errors> {
        crate::assembly::assemble(&self.state.borrow(), Keep::Sections)
    }

    /// Synthesizes the template of every stack like [`synth`](Self::synth), and keeps only the text of the templates in memory.
    /// The sections of a template are parsed from the text when they are read. With many stacks whose sections are not read,
    /// the assembly needs a quarter less memory.
    ///
    /// # Errors
    /// Returns all errors at once, each with the line of the program that caused it.
    pub fn synth_text(&self) -> Result<Assembly, Errors> {
        crate::assembly::assemble(&self.state.borrow(), Keep::Text)
    }
}
