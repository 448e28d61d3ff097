//! What a resource holds that is lost or interrupted with it.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// What a resource holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Data that is gone with it.
    Data,
    /// Requests or work that it serves.
    Traffic,
}

#[derive(Deserialize)]
struct Types {
    data: Vec<String>,
    traffic: Vec<String>,
}

/// What resources of a type hold, as far as it is known.
pub fn held(type_name: &str) -> Option<Held> {
    static TYPES: OnceLock<Types> = OnceLock::new();
    let types: &'static Types = TYPES.get_or_init(|| embedded(include_str!("../facts/held.json")));
    let among = |names: &[String]| names.iter().any(|name| name == type_name);
    if among(&types.data) {
        Some(Held::Data)
    } else if among(&types.traffic) {
        Some(Held::Traffic)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_in_the_registry() {
        let types: Types = embedded(include_str!("../facts/held.json"));
        for name in types.data.iter().chain(&types.traffic) {
            assert!(crate::registry::resource_type(name).is_some(), "{name}");
        }
        assert_eq!(held("AWS::SageMaker::Endpoint"), Some(Held::Traffic));
        assert_eq!(held("AWS::S3::Bucket"), Some(Held::Data));
        assert_eq!(held("AWS::SageMaker::Model"), None);
    }
}
