//! `Fn::ForEach`: a resource for each element of a list that is known only at deployment.
//!
//! For a list that is known during synthesis, use a Rust loop.

use crate::construct::{Construct, Scope};
use crate::resource::{Resource, TypedResource};
use crate::value::{Expression, IntoValue, Property, Value};

/// A resource for each element of a list parameter (`Fn::ForEach`). For a list that is known during synthesis, use a
/// Rust loop.
///
/// The logical ID of each resource is the construct's ID and the element, which therefore has to consist of letters and
/// digits. The template gets the transform `AWS::LanguageExtensions`.
///
/// ```
/// use stackwright_synth::{App, ForEach, Parameter, Resource};
///
/// let app = App::new("shop");
/// let stack = app.stack("Queues");
/// let teams = stack.add("Teams", Parameter::comma_delimited_list().default("search,ads"));
/// stack.add("Jobs", ForEach::new(teams, |team| Resource::of("AWS::SQS::Queue").set("QueueName", team)));
/// let assembly = app.synth()?;
/// let template = assembly.stacks[0].template.json();
/// assert!(template.contains("Fn::ForEach::Jobs") && template.contains("Jobs${JobsItem}"));
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[must_use]
pub struct ForEach<F> {
    collection: Property,
    resource: F,
}

impl<R: TypedResource, F: FnOnce(Value<String>) -> R> ForEach<F> {
    /// Creates a loop over a list, such as a [`Parameter::comma_delimited_list`](crate::Parameter::comma_delimited_list).
    /// The function is called once: it receives the element as a value that CloudFormation resolves, and returns the
    /// resource.
    #[track_caller]
    pub fn new(collection: impl IntoValue<Vec<String>>, resource: F) -> Self {
        Self { collection: Property::new("Collection", collection.into()), resource }
    }
}

/// A loop as it is written into the template.
#[derive(Debug)]
pub(crate) struct Loop {
    /// The name of the loop variable, which must be unique in the template.
    pub variable: String,
    pub collection: Property,
    pub resource: Resource,
}

impl<R: TypedResource, F: FnOnce(Value<String>) -> R> Construct for ForEach<F> {
    type Handle = ();

    fn build(self, scope: &mut Scope<'_>) {
        let variable = format!("{}Item", scope.id());
        let item = Value::from_expression(Expression::Name(variable.clone().into()));
        let mut resource = (self.resource)(item).into_resource();
        resource.options.acknowledgements.clone_from(&scope.acknowledgements);
        scope
            .insert(Loop { variable, collection: self.collection, resource }, |contents| &mut contents.loops);
    }
}
