//! The keys of DeepSpeed's configuration file, and what they take.

use std::sync::OnceLock;

use serde_json::Value;

use crate::api::embedded;

/// The JSON Schema of `ds_config.json`, as DeepSpeed's own classes define it. Its top level is closed here:
/// DeepSpeed itself passes over a key there that it does not know.
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
