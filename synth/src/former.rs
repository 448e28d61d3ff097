//! Former logical IDs of constructs, by which a deployment renames resources instead of replacing them.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::assembly::StackArtifact;
use crate::construct::{Construct, Scope};
use crate::error::{Error, ErrorKind, RelatedLocation};
use crate::stack::Contents;
use crate::template::Template;
use crate::value::CallerLocation;

/// A construct with a former ID, created by [`Construct::formerly`].
#[must_use]
pub struct Formerly<C> {
    construct: C,
    id: String,
    source: CallerLocation,
}

impl<C> Formerly<C> {
    pub(crate) fn new(construct: C, id: String, source: CallerLocation) -> Self {
        Self { construct, id, source }
    }
}

impl<C: Construct> Construct for Formerly<C> {
    type Handle = C::Handle;
    const HIDES_INNER_LOCATIONS: bool = C::HIDES_INNER_LOCATIONS;

    fn build(self, scope: &mut Scope<'_>) -> C::Handle {
        scope.formers.add(&self.id, self.source);
        self.construct.build(scope)
    }
}

/// The former prefixes of the logical IDs of a scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Formers {
    /// The current and the former prefixes of the enclosing scope.
    outer: Vec<String>,
    /// The former prefixes of this scope, with the line that set each.
    prefixes: Vec<(String, CallerLocation)>,
}

impl Formers {
    /// Returns the former prefixes of a scope inside the one with these former prefixes.
    pub fn inside(&self, prefix: &str, id: &str) -> Self {
        let before = self.prefixes.iter();
        Self {
            outer: std::iter::once(prefix.to_owned())
                .chain(before.clone().map(|(former, _)| former.clone()))
                .collect(),
            prefixes: before.map(|(former, source)| (format!("{former}{id}"), *source)).collect(),
        }
    }

    fn add(&mut self, id: &str, source: CallerLocation) {
        self.prefixes.extend(self.outer.iter().map(|outer| (format!("{outer}{id}"), source)));
    }

    /// Returns the former IDs of the resource whose logical ID is the prefix.
    pub fn ids(&self) -> &[(String, CallerLocation)] {
        &self.prefixes
    }
}

/// The former IDs of the resources of a stack. A former ID that is not a valid logical ID is an error.
pub(crate) fn former_ids(contents: &Contents, errors: &mut Vec<Error>) -> IndexMap<String, Vec<String>> {
    let mut owners: IndexMap<&str, (&str, CallerLocation)> = IndexMap::new();
    let mut found: IndexMap<String, Vec<String>> = IndexMap::new();
    for (id, formers) in &contents.former_ids {
        for (former, source) in formers {
            let mut report = |message: String, help: &str, first: Option<(&str, CallerLocation)>| {
                let kind = ErrorKind::Construct { name: "invalid-former-id", message, help: help.to_owned() };
                errors.push(Error {
                    kind,
                    path: format!("{}/{id}", contents.id),
                    location: Some((*source).into()),
                    related: first.map(|(label, location)| RelatedLocation::new(label, location)),
                });
            };
            if former.is_empty() || !former.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                report(
                    format!("`{former}` was not the logical ID of a resource: it is not a valid logical ID"),
                    "name the ID with which the construct was added before",
                    None,
                );
            } else if let Some(location) = contents.logical_ids.get(former) {
                report(
                    format!(
                        "`{former}` cannot be the former ID of `{id}`: the stack has an element with this ID"
                    ),
                    "remove `formerly`, or give the other element another ID",
                    Some(("used here", *location)),
                );
            } else if let Some((owner, location)) = owners.insert(former, (id, *source)) {
                report(
                    format!("`{former}` is the former ID of `{owner}` and of `{id}`"),
                    "only one resource can replace the former one",
                    Some(("first named here", location)),
                );
            } else {
                found.entry(id.clone()).or_default().push(former.clone());
            }
        }
    }
    found
}

impl StackArtifact {
    /// Returns the resources that a deployment of this stack renames instead of replacing them. The keys are the logical
    /// IDs in the deployed template, and the values are the new ones. A resource is renamed if the deployed template
    /// has a resource of the same type with its former ID, and none with its new ID.
    pub fn renamed_resources(&self, deployed: &Template) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (id, formers) in &self.former_ids {
            let Some(new) = self.template.resource(id).filter(|_| deployed.resource(id).is_none()) else {
                continue;
            };
            let is_it = |former: &&String| {
                let old = deployed.resource(former);
                old.is_some_and(|old| old["Type"] == new["Type"])
                    && self.template.resource(former).is_none()
                    && !found.contains_key(*former)
            };
            if let Some(former) = formers.iter().find(is_it) {
                found.insert(former.clone(), id.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::{App, Assembly, Construct, Handle, Resource, Scope, Template};

    struct Queues;

    impl Construct for Queues {
        type Handle = Handle;
        const HIDES_INNER_LOCATIONS: bool = true;
        fn build(self, scope: &mut Scope<'_>) -> Handle {
            scope.add("Failed", Resource::of("AWS::SQS::Queue"));
            scope.add("Late", Resource::of("AWS::SQS::Queue").formerly("Delayed"));
            scope.add_default(Resource::of("AWS::SQS::Queue"))
        }
    }

    fn ids(assembly: &Assembly) -> Vec<String> {
        let ids = assembly.stacks[0].former_ids.iter();
        ids.map(|(id, formers)| format!("{id}: {}", formers.join(" "))).collect()
    }

    #[test]
    fn every_resource_of_the_construct_has_its_former_id() {
        let app = App::new("shop");
        app.stack("Work").add("Jobs", Queues.formerly("Tasks").formerly("Work"));
        let assembly = app.synth().unwrap();
        let expected = [
            "JobsFailed: WorkFailed TasksFailed",
            "JobsLate: WorkLate TasksLate JobsDelayed WorkDelayed TasksDelayed",
            "Jobs: Work Tasks",
        ];
        assert_eq!(ids(&assembly), expected);
    }

    #[test]
    fn a_resource_is_renamed_if_the_deployed_template_has_it_under_a_former_id() {
        let app = App::new("shop");
        let stack = app.stack("Work");
        stack.add("Jobs", Resource::of("AWS::SQS::Queue").formerly("Tasks").formerly("Work"));
        stack.add("Alarms", Resource::of("AWS::SNS::Topic").formerly("Late"));
        let stack = app.synth().unwrap().stacks.remove(0);
        let renamed = |resources: &str| -> Vec<(String, String)> {
            let deployed = Template::read(&format!("Resources: {{{resources}}}")).unwrap();
            stack.renamed_resources(&deployed).into_iter().collect()
        };
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        assert_eq!(renamed("Work: {Type: AWS::SQS::Queue}"), [pair("Work", "Jobs")]);
        assert_eq!(renamed("Tasks: {Type: AWS::SQS::Queue}"), [pair("Tasks", "Jobs")]);
        // The new ID exists already, or the type differs.
        assert_eq!(renamed("Tasks: {Type: AWS::SQS::Queue}, Jobs: {Type: AWS::SQS::Queue}"), []);
        assert_eq!(renamed("Late: {Type: AWS::SQS::Queue}"), []);
    }

    #[test]
    fn an_assembly_keeps_former_ids_and_templates_do_not_have_them() {
        let app = App::new("shop");
        app.stack("Work").add("Jobs", Resource::of("AWS::SQS::Queue").formerly("Tasks"));
        let assembly = app.synth().unwrap();
        assert!(!assembly.stacks[0].template.json().contains("Tasks"));
        let directory = tempfile::tempdir().unwrap();
        assembly.write(directory.path()).unwrap();
        assert_eq!(ids(&Assembly::read(directory.path()).unwrap()), ["Jobs: Tasks"]);
    }

    #[test]
    fn an_id_that_is_in_use_or_not_valid_is_an_error_at_its_line() {
        let app = App::new("shop");
        let stack = app.stack("Work");
        stack.add("Tasks", Resource::of("AWS::SQS::Queue"));
        let line = line!() + 1;
        stack.add("Jobs", Resource::of("AWS::SQS::Queue").formerly("Tasks"));
        stack.add("Other", Resource::of("AWS::SQS::Queue").formerly("not-valid"));
        stack.add("One", Resource::of("AWS::SQS::Queue").formerly("Before"));
        stack.add("Two", Resource::of("AWS::SQS::Queue").formerly("Before"));
        let errors: Vec<_> = app.synth().unwrap_err().into_iter().collect();
        let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 3, "{messages:?}");
        assert_eq!(errors[0].location.as_ref().unwrap().line, line);
        assert!(messages[0].contains("`Tasks` cannot be the former ID of `Jobs`"), "{messages:?}");
        assert!(messages[1].contains("`not-valid` was not the logical ID"), "{messages:?}");
        assert!(messages[2].contains("`Before` is the former ID of `One` and of `Two`"), "{messages:?}");
    }
}
