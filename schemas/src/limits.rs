//! Quotas of CloudFormation that a template runs into.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// CloudFormation's quotas for one template.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Resources in a template.
    pub resources: usize,
    /// Parameters in a template.
    pub parameters: usize,
    /// Outputs in a template.
    pub outputs: usize,
    /// Mappings in a template.
    pub mappings: usize,
    /// Attributes of one mapping.
    pub mapping_attributes: usize,
    /// Characters of a logical id.
    pub logical_id_characters: usize,
    /// Bytes of a template's description.
    pub description_bytes: usize,
    /// Bytes of a template that is passed in the request.
    pub template_body_bytes: usize,
    /// Bytes of a template that is passed by its URL in S3.
    pub template_url_bytes: usize,
    /// Tags of a stack.
    pub tags: usize,
}

/// The quotas.
pub fn limits() -> &'static Limits {
    static LIMITS: OnceLock<Limits> = OnceLock::new();
    LIMITS.get_or_init(|| embedded(include_str!("../facts/cloudformation_limits.json")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn are_read() {
        assert_eq!(super::limits().template_body_bytes, 51_200);
    }
}
