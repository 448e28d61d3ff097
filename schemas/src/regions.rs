//! The names of the regions of AWS, in all partitions.

static NAMES: &str = include_str!("../data/region-names.txt");

/// Returns the names of all regions that the AWS SDK for Python listed at the date of the data, sorted. AWS may have newer
/// regions.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.lines()
}

/// Returns whether [`names`] contains a region.
pub fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_all_partitions_are_known() {
        for name in ["us-east-1", "cn-northwest-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1"] {
            assert!(is_known(name), "{name}");
        }
        for name in ["us-east-7", "aws-global", "aws-us-gov-global", "", "us-east"] {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn every_region_of_the_registry_is_known() {
        let missing: Vec<_> = crate::registry::regions().iter().filter(|name| !is_known(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
