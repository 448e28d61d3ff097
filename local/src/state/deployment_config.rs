//! `DeploymentConfig` of an operation: whether it waits until resources are ready, and whether a failure is rolled back.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeploymentConfig {
    /// Whether resources are complete as soon as they are configured.
    pub is_express: bool,
    /// Whether a failure is not rolled back, as set in the request.
    pub disable_rollback: Option<bool>,
}

impl DeploymentConfig {
    /// Reads the structure of a request.
    ///
    /// # Errors
    /// A message about a member that has no valid value.
    pub fn read(given: &Json) -> Result<Self, String> {
        let invalid = |value: &Json, member: &str, allowed: &str| {
            format!(
                "1 validation error detected: Value '{}' at 'deploymentConfig.{member}' failed to satisfy constraint: Member \
                 must satisfy enum value set: [{allowed}]",
                value.as_str().unwrap_or_default()
            )
        };
        let is_express = match &given["Mode"] {
            Json::Null => false,
            mode if mode == "STANDARD" => false,
            mode if mode == "EXPRESS" => true,
            mode => return Err(invalid(mode, "mode", "STANDARD, EXPRESS")),
        };
        let disable_rollback = match &given["DisableRollback"] {
            Json::Null => None,
            value if value == "true" => Some(true),
            value if value == "false" => Some(false),
            value => return Err(invalid(value, "disableRollback", "true, false")),
        };
        Ok(Self { is_express, disable_rollback })
    }

    /// Returns whether a failure is not rolled back. Express mode disables rollback unless the request enables it.
    pub fn disables_rollback(&self) -> bool {
        self.disable_rollback.unwrap_or(self.is_express)
    }

    /// Returns the structure as responses contain it.
    pub fn shown(&self) -> Json {
        json!({
            "Mode": if self.is_express { "EXPRESS" } else { "STANDARD" },
            "DisableRollback": self.disables_rollback(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_read_with_its_defaults() {
        let read = |given: Json| DeploymentConfig::read(&given).map(|config| config.shown());
        let shown = |mode: &str, disabled: bool| Ok(json!({ "Mode": mode, "DisableRollback": disabled }));
        assert_eq!(read(json!({})), shown("STANDARD", false));
        assert_eq!(read(json!({ "DisableRollback": "true" })), shown("STANDARD", true));
        assert_eq!(read(json!({ "Mode": "EXPRESS" })), shown("EXPRESS", true));
        assert_eq!(read(json!({ "Mode": "EXPRESS", "DisableRollback": "false" })), shown("EXPRESS", false));
        for (wrong, member) in
            [(json!({ "Mode": "FAST" }), "Mode"), (json!({ "DisableRollback": "1" }), "disableRollback")]
        {
            let error = read(wrong).unwrap_err();
            assert!(
                error.to_lowercase().contains(&format!("deploymentconfig.{}", member.to_lowercase())),
                "{error}"
            );
        }
    }
}
