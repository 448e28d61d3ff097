//! The capabilities that a template needs.

use super::StackTemplate;
use crate::api::error::ServiceError;

impl StackTemplate {
    /// Returns the capability that the resources of the template need, if they need one.
    pub fn capabilities(&self) -> Option<&'static str> {
        let named = self.section("Resources").any(|(_, resource)| {
            let properties = &resource["Properties"];
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::IAM::Role" => properties.get("RoleName").is_some(),
                "AWS::IAM::User" => properties.get("UserName").is_some(),
                "AWS::IAM::Group" => properties.get("GroupName").is_some(),
                "AWS::IAM::ManagedPolicy" => properties.get("ManagedPolicyName").is_some(),
                _ => false,
            }
        });
        let any = self
            .section("Resources")
            .any(|(_, resource)| resource["Type"].as_str().unwrap_or_default().starts_with("AWS::IAM::"));
        match (named, any) {
            (true, _) => Some("CAPABILITY_NAMED_IAM"),
            (false, true) => Some("CAPABILITY_IAM"),
            _ => None,
        }
    }

    /// Rejects a template whose capabilities the caller has not acknowledged.
    pub fn check_capabilities(&self, given: &[String]) -> Result<(), ServiceError> {
        let has = |name: &str| given.iter().any(|one| one == name);
        let Some(needed) = self.capabilities() else { return Ok(()) };
        if has(needed) || has("CAPABILITY_NAMED_IAM") {
            return Ok(());
        }
        Err(ServiceError::new(
            "InsufficientCapabilitiesException",
            format!("Requires capabilities : [{needed}]"),
        ))
    }

    /// Rejects macros that the caller has not acknowledged if no change set shows their expansion.
    pub fn check_auto_expand(&self, given: &[String]) -> Result<(), ServiceError> {
        const AUTO_EXPAND: &str = "CAPABILITY_AUTO_EXPAND";
        if self.transforms().is_empty() || given.iter().any(|one| one == AUTO_EXPAND) {
            return Ok(());
        }
        let message = format!("Requires capabilities : [{AUTO_EXPAND}]");
        Err(ServiceError::new("InsufficientCapabilitiesException", message))
    }
}
