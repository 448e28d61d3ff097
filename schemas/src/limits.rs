//! Quotas of CloudFormation that apply to templates.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// CloudFormation's quotas for one template.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum number of resources in a template.
    pub resources: usize,
    /// The maximum number of parameters in a template.
    pub parameters: usize,
    /// The maximum number of outputs in a template.
    pub outputs: usize,
    /// The maximum number of mappings in a template.
    pub mappings: usize,
    /// The maximum number of attributes in a mapping.
    pub mapping_attributes: usize,
    /// The maximum length of a logical ID in characters.
    pub logical_id_characters: usize,
    /// The maximum size of a template's description in bytes.
    pub description_bytes: usize,
    /// The maximum size in bytes of a template that is passed in the request.
    pub template_body_bytes: usize,
    /// The maximum size in bytes of a template that is passed by its URL in S3.
    pub template_url_bytes: usize,
    /// The maximum number of tags of a stack.
    pub tags: usize,
}

/// Returns the quotas of CloudFormation for templates.
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
