//! From registry schemas to Rust: the form of each type is decided in `types`, the spelling of names in
//! `names`, its documentation in `documentation`. This module writes the code.

mod documentation;
mod names;
mod types;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use stackwright_schemas::registry::{ResourceType, Schema};

use names::{snake, upper_camel};
use types::{Module, Property, Structure};

/// Writes one service as a module. It is complete where the service's feature is on.
pub fn service<'a>(
    service: &str,
    complete: bool,
    types: impl Iterator<Item = &'a ResourceType>,
    text: &mut String,
) {
    let module = service.to_lowercase();
    document(text, &format!("Resources of `AWS::{service}`."));
    if !complete {
        document(text, "");
        document(
            text,
            &format!("These are the types that constructs use. The feature `{module}` adds the others."),
        );
    }
    put(
        text,
        &format!(
            "#[allow(clippy::new_without_default, clippy::too_many_arguments)]\npub mod {module} {{\n\
             #[allow(unused_imports)]\nuse crate::support as s;\n"
        ),
    );
    let mut taken = BTreeSet::new();
    for resource in types {
        let short = resource.name().rsplit("::").next().unwrap_or_default();
        let name = names::unique(upper_camel(short), &mut taken);
        // The handle's name is taken with the type's, so that no other type gets it.
        taken.insert(format!("{name}Handle"));
        write_resource(resource, &name, text);
    }
    put(text, "}\n");
}

fn write_resource(resource: &ResourceType, name: &str, text: &mut String) {
    let module_name = snake(name);
    let mut module = Module::default();
    let structure = module.resource(resource, &module_name);

    for line in documentation::resource(resource) {
        document(text, &line);
    }
    write_declaration(&structure, name, "s::Resource", text);
    write_setters(&structure, name, &format!("Self(s::Resource::of({:?}))", resource.name()), text);
    put(
        text,
        &format!(
            "impl s::TypedResource for {name} {{\ntype Handle = {name}Handle;\n\
             fn into_resource(self) -> s::Resource {{ self.0 }}\n\
             fn resource_mut(&mut self) -> &mut s::Resource {{ &mut self.0 }}\n}}\n"
        ),
    );
    write_handle(resource, name, text);
    if module.is_empty() {
        return;
    }
    document(text, &format!("Property types of [`{name}`]."));
    put(text, &format!("pub mod {module_name} {{\n#[allow(unused_imports)]\nuse crate::support as s;\n"));
    for structure in module.structures() {
        document(text, &format!("`{}.{}`", resource.name(), structure.name));
        write_declaration(structure, &structure.rust_name, "s::Properties", text);
        write_setters(structure, &structure.rust_name, "Self(s::Properties::default())", text);
        put(
            text,
            &format!(
                "impl s::Literal for {} {{\nfn into_expression(self) -> s::Expression {{ s::Literal::into_expression(self.0) }}\n}}\n",
                structure.rust_name
            ),
        );
    }
    for enumeration in module.enumerations() {
        put(text, "s::string_enum! {\n");
        document(text, &format!("Values of `{}` in `{}`.", enumeration.property, resource.name()));
        put(text, &format!("{} {{\n", enumeration.rust_name));
        for (variant, value) in &enumeration.variants {
            put(text, &format!("{variant} = {value:?},\n"));
        }
        put(text, "}\n}\n");
    }
    put(text, "}\n");
}

/// The declaration of a structure's type. Two or more required properties make it generic over how many are missing.
fn write_declaration(structure: &Structure, name: &str, holds: &str, text: &mut String) {
    let staged = structure.required.len() > 1;
    if staged {
        let setters: Vec<_> =
            structure.required.iter().map(|property| format!(".{}(…)", property.rust_name)).collect();
        document(text, "");
        document(text, &format!("Required, in this order: `{name}::new(){}`.", setters.concat()));
    }
    let default = if structure.required.is_empty() && holds == "s::Properties" { ", Default" } else { "" };
    let parameter = if staged { "<const MISSING: usize = 0>" } else { "" };
    put(
        text,
        &format!("#[derive(Clone, Debug{default})]\n#[must_use]\npub struct {name}{parameter}({holds});\n"),
    );
}

/// `new`, and a setter for each property. One required property is the argument of `new`; several are set by
/// name, each setter leading to the next, so that none can be left out or mistaken for another.
fn write_setters(structure: &Structure, name: &str, empty: &str, text: &mut String) {
    match structure.required.as_slice() {
        [] => {
            put(text, &format!("impl {name} {{\n"));
            document(text, "Creates it without any property.");
            put(text, &format!("#[track_caller]\npub fn new() -> Self {{\n{empty}\n}}\n"));
        }
        [property] => {
            put(text, &format!("impl {name} {{\n"));
            document(text, "Creates it with the required property.");
            document(text, "");
            document(text, &format!("- {}", property.documentation.join(" ")));
            put(
                text,
                &format!(
                    "#[track_caller]\npub fn new({}: impl s::IntoValue<{ty}>) -> Self {{\n\
                     let mut this = {empty};\nthis.0.put({:?}, Into::<s::Value<{ty}>>::into({}));\nthis\n}}\n",
                    property.rust_name,
                    property.name,
                    property.rust_name,
                    ty = property.rust_type
                ),
            );
        }
        required => {
            put(text, &format!("impl {name}<{}> {{\n", required.len()));
            document(text, "Creates it. The required properties follow, each by its name.");
            put(text, &format!("#[track_caller]\npub fn new() -> Self {{\n{empty}\n}}\n}}\n"));
            for (index, property) in required.iter().enumerate() {
                let missing = required.len() - index;
                put(text, &format!("impl {name}<{missing}> {{\n"));
                write_documentation(property, text);
                put(
                    text,
                    &format!(
                        "#[track_caller]\npub fn {}(mut self, value: impl s::IntoValue<{ty}>) -> {name}<{}> {{\n\
                         self.0.put({:?}, Into::<s::Value<{ty}>>::into(value));\n{name}(self.0)\n}}\n}}\n",
                        property.rust_name,
                        missing - 1,
                        property.name,
                        ty = property.rust_type
                    ),
                );
            }
            put(text, &format!("impl<const MISSING: usize> {name}<MISSING> {{\n"));
        }
    }
    for property in &structure.optional {
        write_documentation(property, text);
        put(
            text,
            &format!(
                "#[track_caller]\npub fn {}(mut self, value: impl s::IntoValue<{ty}>) -> Self {{\n\
                 self.0.put({:?}, Into::<s::Value<{ty}>>::into(value));\nself\n}}\n",
                property.rust_name,
                property.name,
                ty = property.rust_type
            ),
        );
    }
    put(text, "}\n");
}

fn write_documentation(property: &Property, text: &mut String) {
    for line in &property.documentation {
        document(text, line);
    }
    if property.deprecated {
        put(
            text,
            "#[deprecated = \"the CloudFormation schema of the type lists this property as deprecated\"]\n",
        );
    }
}

/// The handle, with a getter for each attribute.
fn write_handle(resource: &ResourceType, name: &str, text: &mut String) {
    document(text, &format!("An [`{name}`] that was added to a stack, with its attributes."));
    put(
        text,
        &format!("#[derive(Clone, Debug)]\npub struct {name}Handle(s::Handle);\ns::handle!({name}Handle);\n"),
    );
    put(text, &format!("impl {name}Handle {{\n"));
    let mut taken = BTreeSet::new();
    for attribute in resource.attributes() {
        let getter = names::unique(snake(attribute), &mut taken);
        let (yields, list) = attribute_type(resource.attribute(attribute));
        document(text, &format!("`Fn::GetAtt`: `{attribute}`"));
        let (returns, call) = if list {
            (format!("Vec<{yields}>"), "list_attribute")
        } else {
            (yields.to_owned(), "attribute")
        };
        put(
            text,
            &format!("pub fn {getter}(&self) -> s::Value<{returns}> {{ self.0.{call}({attribute:?}) }}\n"),
        );
    }
    put(text, "}\n");
}

fn attribute_type(schema: Option<Schema<'_>>) -> (&'static str, bool) {
    let scalar = |types: Vec<&str>| match types.as_slice() {
        ["integer"] => "i64",
        ["number"] => "f64",
        ["boolean"] => "bool",
        _ => "String",
    };
    match schema {
        Some(schema) if schema.types() == ["array"] => {
            (scalar(schema.items().map(|items| items.types()).unwrap_or_default()), true)
        }
        Some(schema) => (scalar(schema.types()), false),
        None => ("String", false),
    }
}

fn document(text: &mut String, line: &str) {
    writeln!(text, "#[doc = {:?}]", format!(" {line}")).expect("writing to a string");
}

fn put(text: &mut String, code: &str) {
    text.push_str(code);
}
