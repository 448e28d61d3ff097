//! Suggestions for misspelt names.

/// Returns the most similar of the known names, if one is similar enough to be the intended one. Letter case is ignored.
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
    known
        .map(|name| (strsim::levenshtein(&given, &name.to_lowercase()), name))
        .min()
        .filter(|(distance, _)| *distance <= given.len().div_ceil(3))
        .map(|(_, name)| name)
}
