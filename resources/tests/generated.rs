//! The Rust code that the generator writes for unusual schemas.

#[allow(dead_code)]
#[path = "../generator/mod.rs"]
mod generator;

use stackwright_schemas::registry::{resource_type, type_names};

#[test]
fn a_list_that_may_be_json_is_a_list() {
    let mut text = String::new();
    generator::service("DynamoDB", true, resource_type("AWS::DynamoDB::Table").into_iter(), &mut text);
    // The schema of the table takes a list of keys or JSON; that of an index takes only the list.
    assert!(text.contains("pub fn new(key_schema: impl s::IntoValue<Vec<table::KeySchema>>)"));
    assert!(text.contains("pub struct KeySchema<const MISSING: usize = 0>(s::Properties);"));
    assert!(!text.contains("attribute_name(mut self, value: impl s::IntoValue<s::Json>)"));
}

/// Two arguments could be swapped without an error.
#[test]
fn no_generated_function_takes_two_arguments() {
    let mut text = String::new();
    let types = type_names().filter(|name| name.starts_with("AWS::"));
    generator::service("EC2", true, types.filter_map(resource_type), &mut text);
    let functions: Vec<&str> = text.split("pub fn ").skip(1).collect();
    assert!(functions.len() > 20_000, "only {} functions were found", functions.len());
    for function in functions {
        let (head, _) = function.split_once(" {").unwrap();
        assert!(head.matches(": ").count() <= 1, "{head}");
    }
}
