//! `Fn::ForEach`: a resource for each element of a list that only the deployment knows.
//!
//! A list that the program knows needs none of this: a Rust loop does.

use crate::construct::{Construct, Scope};
use crate::resource::{Resource, TypedResource};
use crate::value::{Expression, Property, Value};

/// A resource for each element of a list parameter.
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
#[derive(Debug)]
pub struct ForEach {
    pub(crate) collection: Property,
    pub(crate) make: Make,
}

/// Makes the resource once the name of the loop's variable is known.
pub(crate) struct Make(pub Box<dyn Fn(Value<String>) -> Resource>);

impl std::fmt::Debug for Make {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Make")
    }
}

impl ForEach {
    /// A resource for each element; the function gets the element.
    #[track_caller]
    pub fn new<R: TypedResource>(
        collection: impl Into<Value<Vec<String>>>,
        resource: impl Fn(Value<String>) -> R + 'static,
    ) -> Self {
        Self {
            collection: Property::new("Collection", collection.into()),
            make: Make(Box::new(move |item| resource(item).into_resource())),
        }
    }

    /// The name of the loop's variable: nothing else of the template may be called so.
    pub(crate) fn variable(id: &str) -> String {
        format!("{id}Item")
    }

    pub(crate) fn resource(&self, id: &str) -> Resource {
        (self.make.0)(Value::from_expression(Expression::Name(Self::variable(id).into())))
    }
}

impl Construct for ForEach {
    type Handle = ();

    fn build(self, scope: &mut Scope<'_>) {
        scope.insert(self, |contents| &mut contents.loops);
    }
}
