//! Generates the typed resources of every service whose feature is on.

mod generator;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use stackwright_schemas::registry;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=generator");
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in registry::type_names() {
        let mut parts = name.split("::");
        if let (Some("AWS"), Some(service)) = (parts.next(), parts.next()) {
            services.entry(service).or_default().push(name);
        }
    }
    let mut text = String::new();
    for (service, types) in services {
        let feature = format!("CARGO_FEATURE_{}", service.to_uppercase());
        if std::env::var_os(feature).is_some() {
            let types = types.into_iter().filter_map(registry::resource_type);
            generator::service(service, types, &mut text);
        }
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("resources.rs"), text).expect("OUT_DIR is writable");
}
