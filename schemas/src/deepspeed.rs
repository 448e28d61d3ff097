//! The options of DeepSpeed's configuration file, and their values.

use std::sync::OnceLock;

use serde_json::Value;

use crate::api::embedded;

/// Returns the JSON Schema of `ds_config.json`, derived from DeepSpeed's own classes. It rejects unknown keys at the
/// top level, which DeepSpeed itself ignores.
pub fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| embedded(include_str!("../facts/deepspeed.json")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_closed_where_deepspeed_is() {
        let zero = &super::schema()["properties"]["zero_optimization"];
        assert_eq!(zero["additionalProperties"], false);
        assert!(zero["properties"]["stage3_param_persistence_threshold"].is_object());
    }
}
