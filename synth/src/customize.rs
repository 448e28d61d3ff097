//! Customizations: changes that a program makes to the resources that a construct creates.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use crate::construct::{Construct, Scope};
use crate::resource::{Resource, TypedResource};
use crate::value::{CallerLocation, Expression, Property};

/// A change to a resource: a closure that gets the resource and returns the changed resource.
type Change<R> = Box<dyn Fn(R) -> R>;

/// A change to the resources of one type, or to every resource if the type is [`Resource`].
#[derive(Clone)]
pub(crate) struct Customization {
    /// The one resource that is changed; every resource of the type unless set.
    logical_id: Option<String>,
    /// A `Change<R>`.
    change: Rc<dyn Any>,
    /// How many resources were changed.
    applied: Rc<Cell<usize>>,
}

impl fmt::Debug for Customization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Customization").field("logical_id", &self.logical_id).finish_non_exhaustive()
    }
}

impl Customization {
    pub(crate) fn new<R: TypedResource + 'static>(change: impl Fn(R) -> R + 'static) -> Self {
        let change: Change<R> = Box::new(change);
        Self { logical_id: None, change: Rc::new(change), applied: Rc::default() }
    }

    /// Applies the change if the resource is one that it applies to.
    pub(crate) fn apply<R: TypedResource + 'static>(&self, mut resource: R, logical_id: &str) -> R {
        if self.logical_id.as_deref().is_some_and(|id| id != logical_id) {
            return resource;
        }
        let before = locations(resource.resource_mut());
        if let Some(change) = self.change.downcast_ref::<Change<R>>() {
            resource = change(resource);
        } else if let Some(change) = self.change.downcast_ref::<Change<Resource>>() {
            let untyped = resource.resource_mut();
            let original = std::mem::replace(untyped, Resource::of(""));
            *untyped = change(original);
        } else {
            return resource;
        }
        self.applied.set(self.applied.get() + 1);
        resource.resource_mut().properties.0.iter_mut().for_each(|property| keep_location(property, &before));
        resource
    }
}

/// The locations of all properties of a resource, nested ones included.
fn locations(resource: &Resource) -> HashSet<CallerLocation> {
    fn collect(expression: &Expression, found: &mut HashSet<CallerLocation>) {
        match expression {
            Expression::Object(properties) => {
                for property in properties {
                    found.insert(property.source);
                    collect(&property.value, found);
                }
            }
            Expression::List(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = HashSet::new();
    for property in &resource.properties.0 {
        found.insert(property.source);
        collect(&property.value, &mut found);
    }
    found
}

/// Keeps the location of the customization for a value that it set, even inside a construct that hides its inner
/// locations.
fn keep_location(property: &mut Property, before: &HashSet<CallerLocation>) {
    fn nested(expression: &mut Expression, before: &HashSet<CallerLocation>) {
        match expression {
            Expression::Object(properties) => {
                properties.iter_mut().for_each(|property| keep_location(property, before));
            }
            Expression::List(items) => items.iter_mut().for_each(|item| nested(item, before)),
            _ => {}
        }
    }
    if !before.contains(property.source) {
        property.from_value = true;
    }
    nested(&mut property.value, before);
}

/// A construct with a customization: the result of [`Construct::customize`] and [`Construct::customize_part`].
#[must_use]
pub struct Customized<C> {
    construct: C,
    customization: Customization,
    /// The ID of the part, relative to the construct's.
    part: Option<String>,
    type_name: &'static str,
    source: CallerLocation,
}

impl<C> Customized<C> {
    #[track_caller]
    pub(crate) fn new<R: TypedResource + 'static>(
        construct: C,
        part: Option<&str>,
        change: impl Fn(R) -> R + 'static,
    ) -> Self {
        let type_name = std::any::type_name::<R>();
        Self {
            construct,
            customization: Customization::new(change),
            part: part.map(str::to_owned),
            type_name: type_name.rsplit("::").next().unwrap_or(type_name),
            source: std::panic::Location::caller(),
        }
    }
}

impl<C: Construct> Construct for Customized<C> {
    type Handle = C::Handle;
    const HIDES_INNER_LOCATIONS: bool = C::HIDES_INNER_LOCATIONS;

    fn build(self, scope: &mut Scope<'_>) -> C::Handle {
        let mut customization = self.customization;
        customization.logical_id = self.part.as_ref().map(|part| format!("{}{part}", scope.id()));
        let applied = Rc::clone(&customization.applied);
        scope.customizations.push(customization);
        let handle = self.construct.build(scope);
        if applied.get() == 0 {
            let part = self.part.map(|part| format!(" with the ID `{part}`")).unwrap_or_default();
            scope.error(
                "nothing-to-customize",
                format!("`{}` creates no `{}`{part}", scope.id(), self.type_name),
                format!("the construct creates {}", created(scope)),
                Some(self.source),
            );
        }
        handle
    }
}

/// The resources below a scope: the IDs of parts, with their types.
fn created(scope: &Scope<'_>) -> String {
    let resources = scope.stack().resource_types(scope.id());
    let listed: Vec<String> = resources
        .into_iter()
        .map(|(part, type_name)| match part.as_str() {
            "" => format!("{type_name} (its main part)"),
            part => format!("{type_name} `{part}`"),
        })
        .collect();
    if listed.is_empty() { "no resources".to_owned() } else { listed.join(", ") }
}

#[cfg(test)]
mod tests {
    use crate::{App, Construct, DeletionPolicy, Handle, Resource, ResourceOptions, Scope, TypedResource};

    /// A typed resource, as the generator writes it.
    struct Topic(Resource);

    impl TypedResource for Topic {
        type Handle = Handle;
        fn into_resource(self) -> Resource {
            self.0
        }
        fn resource_mut(&mut self) -> &mut Resource {
            &mut self.0
        }
    }

    struct TwoTopics;

    impl Construct for TwoTopics {
        type Handle = ();
        const HIDES_INNER_LOCATIONS: bool = true;
        fn build(self, scope: &mut Scope<'_>) {
            let topic = || Topic(Resource::of("AWS::SNS::Topic").set("DisplayName", "inner"));
            scope.add("First", topic());
            scope.add("Second", topic());
            scope.add("Queue", Resource::of("AWS::SQS::Queue"));
        }
    }

    #[test]
    fn a_customization_reaches_every_resource_of_its_type_and_keeps_the_users_line() {
        let app = App::new("app");
        let (line, change) = (line!(), |topic: Topic| topic.property("DisplayName", "mine"));
        app.stack("Main").add("Topics", TwoTopics.customize(change));
        let assembly = app.synth().unwrap();
        let (template, provenance) = (&assembly.stacks[0].template, &assembly.stacks[0].provenance);
        for id in ["TopicsFirst", "TopicsSecond"] {
            assert_eq!(template.sections()["Resources"][id]["Properties"]["DisplayName"], "mine");
            let location = provenance.find(&format!("/Resources/{id}/Properties/DisplayName")).unwrap();
            assert_eq!(location.line, line);
        }
        assert!(template.sections()["Resources"]["TopicsQueue"]["Properties"].is_null());
    }

    #[test]
    fn one_part_or_every_resource_can_be_changed() {
        let app = App::new("app");
        let topics = TwoTopics
            .customize_part("Second", |topic: Topic| {
                topic.property("FifoTopic", true).remove_property("DisplayName")
            })
            .customize(|resource: Resource| resource.deletion_policy(DeletionPolicy::Retain));
        app.stack("Main").add("Topics", topics);
        let assembly = app.synth().unwrap();
        let resources = &assembly.stacks[0].template.sections()["Resources"];
        assert_eq!(resources["TopicsSecond"]["Properties"], serde_json::json!({ "FifoTopic": true }));
        assert_eq!(resources["TopicsFirst"]["Properties"]["DisplayName"], "inner");
        assert!(["TopicsFirst", "TopicsQueue"].iter().all(|id| resources[id]["DeletionPolicy"] == "Retain"));
    }

    #[test]
    fn a_stack_and_an_app_change_everything_in_them() {
        let app = App::new("app").customize(|topic: Topic| topic.property("KmsMasterKeyId", "of the app"));
        let stack = app.stack("Main").customize(|topic: Topic| topic.property("DisplayName", "of the stack"));
        stack.add("Topics", TwoTopics);
        let assembly = app.synth().unwrap();
        let first = &assembly.stacks[0].template.sections()["Resources"]["TopicsFirst"]["Properties"];
        assert_eq!(
            (&first["DisplayName"], &first["KmsMasterKeyId"]),
            (&"of the stack".into(), &"of the app".into())
        );
    }

    #[test]
    fn a_customization_that_finds_nothing_is_an_error_at_its_line() {
        let app = App::new("app");
        let line = line!() + 1;
        let topics = TwoTopics.customize_part("Third", |topic: Topic| topic);
        app.stack("Main").add("Topics", topics);
        let error = app.synth().unwrap_err().into_iter().next().unwrap();
        assert_eq!(error.location.unwrap().line, line);
        let help = error.kind.help().unwrap();
        assert!(
            help.contains("AWS::SNS::Topic `First`") && help.contains("AWS::SQS::Queue `Queue`"),
            "{help}"
        );
    }

    #[test]
    fn a_nested_property_is_set_by_its_path() {
        let app = App::new("app");
        let variant = serde_json::json!([{ "Name": "a", "Count": 1 }]);
        let config = Resource::of("X::Y::Z").set("Variants", variant);
        let config = config.property_at("/Variants/0/Count", 2).property_at("/Capture/Enabled", true);
        app.stack("Main").add("Config", config);
        let assembly = app.synth().unwrap();
        let properties = &assembly.stacks[0].template.sections()["Resources"]["Config"]["Properties"];
        let expected = serde_json::json!({
            "Variants": [{ "Name": "a", "Count": 2 }], "Capture": { "Enabled": true }
        });
        assert_eq!(*properties, expected);
        let app = App::new("app");
        let config = Resource::of("X::Y::Z").set("Variants", serde_json::json!([]));
        let (line, config) = (line!(), config.property_at("/Variants/1/Count", 2));
        app.stack("Main").add("Config", config);
        assert_eq!(app.synth().unwrap_err().iter().next().unwrap().location.as_ref().unwrap().line, line);
    }
}
