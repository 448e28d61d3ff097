//! The Rust code that the generator writes for unusual schemas.

#[allow(dead_code)]
#[path = "../generator/mod.rs"]
mod generator;

use stackwright_schemas::registry::resource_type;

#[test]
fn a_list_that_may_be_json_is_a_list() {
    let mut text = String::new();
    generator::service("DynamoDB", true, resource_type("AWS::DynamoDB::Table").into_iter(), &mut text);
    // The schema of the table takes a list of keys or JSON; that of an index takes only the list.
    assert!(text.contains("pub fn new(key_schema: impl s::IntoValue<Vec<table::KeySchema>>)"));
    assert!(text.contains("pub struct KeySchema<const MISSING: usize = 0>(s::Properties);"));
    assert!(!text.contains("attribute_name(mut self, value: impl s::IntoValue<s::Json>)"));
}
