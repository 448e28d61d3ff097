//! Findings of rules as diagnostics, with the path of the value and the line that set it.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde_json::Value as JsonValue;
use stackwright_synth::{RelatedLocation, pointer};

use super::cursor::{Cursor, Tree as _};
use super::resolve::Resolver;
use super::rules::{Rule, schema};
use super::value::{function, is_set, shown};
use super::view::{Resource, View};
use super::work;
use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::globals;
use stackwright_schemas::{misspelled, nearest};

/// The rule, the path, and the line and column that set the value.
type Place = (Cow<'static, str>, String, Option<(u32, u32)>);

/// The findings so far, each one once.
#[derive(Default)]
pub(crate) struct Found {
    pub diagnostics: Vec<Diagnostic>,
    seen: HashSet<(Cow<'static, str>, String, String)>,
    /// The diagnostic at a place, and how many further deployments have it.
    at: HashMap<Place, (usize, usize)>,
    /// The finding that was added last, unless it was known already.
    last: Option<usize>,
}

impl Found {
    /// Adds a diagnostic. What one deployment shows is not repeated for each further deployment.
    fn add(&mut self, diagnostic: Diagnostic) {
        work::step();
        self.last = None;
        // Branches of a function have the same path, and each has a line of its own.
        let line = diagnostic.location.as_ref().map(|location| (location.line, location.column));
        let place: Place = (diagnostic.id.clone(), diagnostic.path.clone(), line);
        if !self.seen.insert((place.0.clone(), place.1.clone(), diagnostic.message.clone())) {
            return;
        }
        match self.at.entry(place) {
            Entry::Occupied(mut before) if diagnostic.when.is_some() => {
                before.get_mut().1 += 1;
                return;
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(vacant) => {
                vacant.insert((self.diagnostics.len(), 0));
            }
        }
        self.last = Some(self.diagnostics.len());
        self.diagnostics.push(diagnostic);
    }

    /// Sets the fix of what was added last.
    fn fix_last(&mut self, fix: Option<Fix>) {
        if let Some(last) = self.last.and_then(|last| self.diagnostics.get_mut(last)) {
            last.fix = fix;
        }
    }

    /// Makes a warning of what was added last, if it is an error.
    fn doubt_last(&mut self) {
        if let Some(last) = self.last.and_then(|last| self.diagnostics.get_mut(last)) {
            last.severity = last.severity.max(Severity::Warning);
        }
    }

    /// Returns all diagnostics; a diagnostic that occurs in several deployments has their number.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        for (number, more) in self.at.into_values().filter(|(_, more)| *more > 0) {
            let when = self.diagnostics[number].when.take();
            let others = if more == 1 { "1 other deployment" } else { "other deployments" };
            let counted = if more == 1 { others.to_owned() } else { format!("{more} {others}") };
            self.diagnostics[number].when = Some(match when {
                Some(when) => format!("{when}, and in {counted}"),
                None => format!("every parameter has its default, and in {counted}"),
            });
        }
        self.diagnostics
    }
}

/// Takes what one rule finds.
pub(crate) struct Findings<'f, 'v, 'a> {
    pub view: &'v View<'a>,
    pub rule: &'static Rule,
    pub found: &'f mut Found,
}

/// The help for a name that does not exist, with the change that writes the nearest one if it is certainly intended.
pub(crate) fn nearest_name<'n, N: Iterator<Item = &'n str>>(
    name: &str,
    names: impl Fn() -> N,
) -> (String, Option<Fix>) {
    match nearest(name, names()) {
        Some(near) => (format!("the most similar name is `{near}`"), rename(name, names())),
        None => (String::new(), None),
    }
}

/// The change of a misspelled name, if exactly one of the known names can be intended.
pub(crate) fn rename<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<Fix> {
    let to = misspelled(name, known)?;
    Some(Fix::Rename { from: name.to_owned(), to: to.to_owned() })
}

impl Findings<'_, '_, '_> {
    /// Reports a value of a resource: a property, a value in one of its documents, or a value that does not exist, for which
    /// the resource as a whole is reported.
    pub fn add(
        &mut self,
        resource: &Resource<'_>,
        at: &Cursor<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let path = at.path();
        self.add_at(resource, path.as_deref(), message, help);
    }

    /// Reports the second of two members of an object that exclude each other, if both are set.
    pub fn add_if_both(&mut self, resource: &Resource<'_>, object: &Cursor<'_>, [first, second]: [&str; 2]) {
        if is_set(&object[first]) && is_set(&object[second]) {
            let message = format!("`{first}` and `{second}` exclude each other");
            self.add(resource, &object[second], message, "keep one of them");
        }
    }

    /// Reports the value at a path: the steps from the properties, or `None` for the resource itself.
    pub fn add_at(
        &mut self,
        resource: &Resource<'_>,
        path: Option<&[String]>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let mut pointer = pointer::of(["Resources", resource.id]);
        let Some(path) = path else {
            let written = pointer.clone();
            return self.push(Some(resource.id), pointer, &written, None, message.into(), help.into());
        };
        pointer.push_str("/Properties");
        let template = self.view.template();
        let resolver = Resolver::new(template, self.view.scenario);
        let (written, parameter) = resolver.origin(resource.written, path);
        // The type of what a reference returns does not depend on the value of the parameter.
        let value = path.iter().fold(&*resource.properties, |value, step| value.member(step));
        let is_reference =
            self.rule.name == schema::WRONG_TYPE.name && matches!(function(value), Some(("Ref", _)));
        let parameter = parameter.filter(|_| !is_reference);
        let parameter = parameter.or_else(|| resolver.chosen_member(resource.written, &written));
        let written = globals::origin(template, resource.id, resource.body, &written);
        for step in path {
            pointer::push(&mut pointer, step);
        }
        // The provenance of a program contains the lines that set values inside of documents.
        let text = written.trim_end_matches("/0").trim_end_matches("/Fn::Sub");
        let written = if pointer.starts_with(&format!("{text}/")) { pointer.clone() } else { written };
        let source = parameter.and_then(|name| self.source(name));
        self.push(Some(resource.id), pointer, &written, source, message.into(), help.into());
    }

    /// Reports a value of the template as it was written, by its pointer.
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

    /// Changes the finding that was added last to a warning, because no source confirms that AWS rejects the value.
    pub fn doubt_last(&mut self) {
        self.found.doubt_last();
    }

    /// Adds a fix to the finding that was added last.
    pub fn fix_last(&mut self, fix: Option<Fix>) {
        self.found.fix_last(fix);
    }

    /// Adds the dependency that removes the cause of what was added last, unless it would be circular, the other resource may
    /// not exist, or the resource depends on an unknown name, which can be a misspelling of the other resource.
    pub fn fix_last_by_dependency(&mut self, resource: &Resource<'_>, on: &Resource<'_>) {
        let condition = &on.body["Condition"];
        let exists = condition.is_null() || *condition == resource.body["Condition"];
        let is_known =
            |name: &JsonValue| name.as_str().is_some_and(|id| self.view.template().resource(id).is_some());
        let are_known = match &resource.body["DependsOn"] {
            JsonValue::Null => true,
            value => super::value::one_or_many(value).all(is_known),
        };
        if exists && are_known && !self.view.written().waits(on.id, resource.id) {
            self.fix_last(Some(Fix::AddDependsOn { on: on.id.to_owned() }));
        }
    }

    /// Reports a location inside of a function: the path of the diagnostic ends at the value that the function returns, and its
    /// line is that of the inner location.
    pub fn add_in_function(
        &mut self,
        resource: Option<&str>,
        written: String,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let end =
            ["/Fn::", "/Ref"].into_iter().filter_map(|step| written.find(step)).filter(|at| *at > 0).min();
        let is_loop =
            written.starts_with("/Resources/Fn::ForEach") || written.starts_with("/Conditions/Fn::ForEach");
        let path = written[..end.filter(|_| !is_loop).unwrap_or(written.len())].to_owned();
        self.push(resource, path, &written, None, message.into(), help.into());
    }

    /// Reports a path, with the line of the location that `below` names below it.
    pub fn add_below(
        &mut self,
        resource: Option<&str>,
        path: String,
        below: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let written = format!("{path}{below}");
        self.push(resource, path, &written, None, message.into(), help.into());
    }

    fn push(
        &mut self,
        resource: Option<&str>,
        path: String,
        written: &str,
        source: Option<Source>,
        message: String,
        help: String,
    ) {
        let stack = self.view.stack;
        let assumed = source.as_ref().is_some_and(|source| source.is_assumed);
        let severity = match self.rule.severity {
            Severity::Error if assumed => Severity::Warning,
            severity => severity,
        };
        let of_default = source.as_ref().filter(|_| assumed).map(|source| source.value.clone());
        self.found.add(Diagnostic {
            id: self.rule.name.into(),
            severity,
            message,
            help: (!help.is_empty()).then_some(help),
            when: self.view.scenario.when.clone().or(of_default),
            stack: stack.id.clone(),
            resource: resource.map(str::to_owned),
            path,
            location: stack.provenance.find(written).cloned(),
            related: source.and_then(|source| source.related),
            fix: None,
            acknowledged: None,
        });
    }

    /// Returns the text that relates a parameter to a finding about its value. A value that may be replaced in a deployment, and
    /// that the template only allows, or uses as a placeholder, is assumed: CloudFormation refuses that deployment, not the
    /// template.
    fn source(&self, name: &str) -> Option<Source> {
        let parameter = self.view.template().sections().get("Parameters")?.get(name)?;
        let location = self.view.stack.provenance.find(&pointer::of(["Parameters", name, "Default"]));
        let related = location.map(|location| {
            RelatedLocation::new(format!("the value comes from the parameter `{name}`"), location.clone())
        });
        let (is_assumed, given) = match parameter.get("Default") {
            None => (true, parameter["AllowedValues"].get(0)),
            Some(default) => {
                let is_form = self.rule.name == schema::PATTERN_MISMATCH.name;
                (self.view.scenario.when.is_some() || is_form || is_placeholder(default), Some(default))
            }
        };
        let value = given.map_or_else(String::new, shown);
        Some(Source { related, is_assumed, value: format!("`{name}` is `{value}`") })
    }
}

/// The origin of the value that a finding is about.
struct Source {
    related: Option<RelatedLocation>,
    is_assumed: bool,
    /// The parameter and its value.
    value: String,
}

/// Returns whether a default is a placeholder for a value that has to be passed.
fn is_placeholder(default: &JsonValue) -> bool {
    let text = shown(default).to_ascii_lowercase();
    let marks =
        ["xxx", "change", "replace", "your", "todo", "example", "placeholder", "<", "default", "enter"];
    let words = ["none", "na", "n/a", "null", "-", "false", ""];
    marks.iter().any(|mark| text.contains(mark)) || words.contains(&text.trim())
}
