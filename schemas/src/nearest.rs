//! Suggestions for misspelt names.

/// How many names are compared: more than the types of the registry, which are most.
const MAX_NAMES: usize = 4000;

/// Returns the most similar of the known names, if one is similar enough to be the intended one. Letter case is ignored.
/// The first 4,000 names are compared.
///
/// ```
/// use stackwright_schemas::nearest;
///
/// assert_eq!(nearest("BucketNam", ["BucketName", "Tags"].into_iter()), Some("BucketName"));
/// assert_eq!(nearest("Nothing", ["BucketName", "Tags"].into_iter()), None);
/// ```
pub fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes the product of both lengths, and no name is this long.
    let given = given.get(..given.len().min(256))?.to_lowercase();
    let (most, letters) = (given.len().div_ceil(3), given.chars().count());
    known
        .take(MAX_NAMES)
        // The distance is at least the difference of the lengths. Lower case may have other lengths than upper case.
        .filter(|name| !name.is_ascii() || name.len().abs_diff(letters) <= most)
        .map(|name| (strsim::levenshtein(&given, &name.to_lowercase()), name))
        .min()
        .filter(|(distance, _)| *distance <= most)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_registry_is_compared() {
        let names = crate::registry::type_names().count();
        assert!(names < MAX_NAMES, "{names}");
        assert_eq!(nearest("AWS::SNS::Topik", crate::registry::type_names()), Some("AWS::SNS::Topic"));
    }
}
