//! What rules say, turned into diagnostics: where it stands, and which line said it.

use serde_json::Value as JsonValue;
use stackwright_synth::SourceLocation;

use super::resolve::Resolver;
use super::rules::Rule;
use super::value::children;
use super::view::{Resource, View};
use crate::diagnostic::Diagnostic;

/// Takes what one rule finds.
pub(crate) struct Findings<'f, 'v, 'a> {
    pub view: &'v View<'a>,
    pub rule: &'static Rule,
    pub found: &'f mut Vec<Diagnostic>,
}

impl Findings<'_, '_, '_> {
    /// Something is wrong with a value of a resource: with a property, with something in one of its documents, or
    /// with the resource as a whole.
    pub fn add(
        &mut self,
        resource: &Resource<'_>,
        at: &JsonValue,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let path = path_to(resource, at);
        self.add_at(resource, path.as_deref(), message, help);
    }

    /// The same, where the path is known: the steps from the properties, or nothing for the resource itself.
    pub fn add_at(
        &mut self,
        resource: &Resource<'_>,
        path: Option<&[String]>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let mut pointer = format!("/Resources/{}", resource.id);
        let Some(path) = path else {
            return self.push(
                Some(resource.id),
                pointer.clone(),
                &pointer,
                None,
                message.into(),
                help.into(),
            );
        };
        pointer.push_str("/Properties");
        let resolver = Resolver::new(self.view.template(), self.view.scenario);
        let (written, parameter) =
            resource.body.get("Properties").map(|it| resolver.origin(it, path)).unwrap_or_default();
        let written = format!("{pointer}{written}");
        for step in path {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        // A program says more than the template's text does: which line set what inside a document.
        let text = written.trim_end_matches("/0").trim_end_matches("/Fn::Sub");
        let written = if pointer.starts_with(&format!("{text}/")) { pointer.clone() } else { written };
        let related = parameter.and_then(|name| {
            let place = self.view.stack.provenance.find(&format!("/Parameters/{name}/Default"))?;
            Some((format!("the value comes from the parameter `{name}`"), place.clone()))
        });
        self.push(Some(resource.id), pointer, &written, related, message.into(), help.into());
    }

    /// Something is wrong with what a pointer names in the template as it was written.
    pub fn add_written(
        &mut self,
        resource: Option<&str>,
        pointer: String,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let written = pointer.clone();
        self.push(resource, pointer, &written, None, message.into(), help.into());
    }

    fn push(
        &mut self,
        resource: Option<&str>,
        path: String,
        written: &str,
        related: Option<(String, SourceLocation)>,
        message: String,
        help: String,
    ) {
        let stack = self.view.stack;
        let again = |one: &Diagnostic| one.id == self.rule.name && one.path == path && one.message == message;
        if self.found.iter().any(again) {
            return;
        }
        self.found.push(Diagnostic {
            id: self.rule.name.into(),
            severity: self.rule.severity,
            message,
            help: (!help.is_empty()).then_some(help),
            when: self.view.scenario.when.clone(),
            stack: stack.id.clone(),
            resource: resource.map(str::to_owned),
            path,
            location: stack.provenance.find(written).cloned(),
            related,
            acknowledged: None,
        });
    }
}

/// The steps from a resource's properties to a value of them, known by its address.
fn path_to(resource: &Resource<'_>, wanted: &JsonValue) -> Option<Vec<String>> {
    let mut path = Vec::new();
    if search(&resource.properties, wanted, &mut path) {
        return Some(path);
    }
    for document in &resource.documents {
        for request in &document.requests {
            if search(&request.arguments, wanted, &mut path) {
                return Some(request.path.iter().cloned().chain(path).collect());
            }
        }
        if document.value.as_ref().is_ok_and(|value| search(value, wanted, &mut path)) {
            return Some(document.path.iter().cloned().chain(path).collect());
        }
    }
    None
}

fn search(value: &JsonValue, wanted: &JsonValue, path: &mut Vec<String>) -> bool {
    if std::ptr::eq(value, wanted) {
        return true;
    }
    children(value).any(|(step, inner)| {
        path.push(step.into_owned());
        let found = search(inner, wanted, path);
        if !found {
            path.pop();
        }
        found
    })
}
