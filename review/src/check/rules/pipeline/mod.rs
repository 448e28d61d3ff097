//! Pipeline definitions, and other documents inside of properties.

mod cache_without_duration;
mod malformed_pipeline;
mod missing_definition;
mod retry_given_twice;
mod unknown_step;
mod unreadable_definition;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::value::items;
use crate::check::view::{Resource, View};

pub(super) const RULES: &[&Rule] = &[
    &unreadable_definition::RULE,
    &missing_definition::RULE,
    &retry_given_twice::RULE,
    &cache_without_duration::RULE,
    &unknown_step::RULE,
    &malformed_pipeline::RULE,
];

/// Returns the pipeline definitions that can be read.
fn definitions<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    view.of_type("AWS::SageMaker::Pipeline").flat_map(|pipeline| {
        let documents = pipeline.documents.iter();
        documents.filter_map(move |document| Some((pipeline, document.value.as_ref().ok()?)))
    })
}

/// Returns every step of every pipeline, those under a condition too.
fn steps<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    definitions(view)
        .flat_map(|(pipeline, definition)| steps_of(definition).into_iter().map(move |step| (pipeline, step)))
}

/// Returns every step of a definition, including the steps in the branches of conditions.
fn steps_of<'v, 'a>(definition: &'v Cursor<'a>) -> Vec<&'v Cursor<'a>> {
    fn collect<'v, 'a>(list: &'v Cursor<'a>, found: &mut Vec<&'v Cursor<'a>>) {
        for step in items(list) {
            found.push(step);
            collect(&step["Arguments"]["IfSteps"], found);
            collect(&step["Arguments"]["ElseSteps"], found);
        }
    }
    let mut found = Vec::new();
    collect(&definition["Steps"], &mut found);
    found
}
