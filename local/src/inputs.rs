//! What stacks are made from: templates as they are given, and as they are when everything in them is written out.

use std::cell::RefCell;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use crate::cloud::{Cloud, Home, Inputs};
use crate::error::Refusal;
use crate::evaluate::Scope;
use crate::for_each::{has_loops, unrolled};
use crate::plan::pseudo_of;
use crate::template::{Wanted, words};

/// Values of parameters as requests give them.
pub(crate) fn given<'a>(values: impl Iterator<Item = (&'a str, String)>) -> Vec<Json> {
    values.map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value })).collect()
}

/// Tags as requests and resources give them.
pub(crate) fn tags(given: &[Json]) -> IndexMap<String, String> {
    given.iter().map(|tag| (words(&tag["Key"]), words(&tag["Value"]))).collect()
}

impl Cloud {
    /// Reads and checks a template for an account and region, with values for its parameters: given, kept, or by default.
    /// Whatever else a stack is made from stays as it was before.
    pub fn made_from(
        &self,
        home: Home<'_>,
        template: String,
        given: &[Json],
        before: &Inputs,
    ) -> Result<(Inputs, Wanted), Refusal> {
        let wanted = Wanted::read(&template)?;
        if !has_loops(&wanted) {
            wanted.check(home.region)?;
            let parameters = wanted.parameters(given, &before.parameters)?;
            return Ok((Inputs { template, original: None, parameters, ..before.clone() }, wanted));
        }
        wanted.check_transform()?;
        let parameters = wanted.parameters(given, &before.parameters)?;
        let values = wanted.parameter_values(&parameters, self, home)?;
        let nothing = |name: &str, _: Option<&str>| {
            Err(format!("Template error: a collection of Fn::ForEach cannot refer to {name}"))
        };
        let scope = Scope {
            wanted: &wanted,
            parameters: &values,
            pseudo: pseudo_of(home),
            exports: &BTreeMap::new(),
            resource: &nothing,
            imported: RefCell::default(),
        };
        let written = unrolled(&wanted, &scope)?;
        let wanted = Wanted::read(&written)?;
        wanted.check(home.region)?;
        let inputs = Inputs { template: written, original: Some(template), parameters, ..before.clone() };
        Ok((inputs, wanted))
    }
}
