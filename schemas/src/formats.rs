//! Formats of strings that registry schemas name, such as IDs and ARNs.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// Returns the regular expression of a format such as `AWS::EC2::Subnet.Id`; `None` for an unknown format.
pub fn pattern(format: &str) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Document {
        formats: BTreeMap<String, String>,
    }
    static FORMATS: OnceLock<Document> = OnceLock::new();
    let document = FORMATS.get_or_init(|| embedded(include_str!("../facts/formats.json")));
    document.formats.get(format).map(String::as_str)
}

#[cfg(test)]
mod tests {
    #[test]
    fn are_read() {
        assert!(super::pattern("AWS::EC2::Subnet.Id").unwrap().starts_with("^subnet-"));
        assert_eq!(super::pattern("date-time"), None);
    }
}
