//! Suggestions for misspelt names.

/// The maximum number of names that are compared: more than the registry has types, which is the longest list.
const MAX_NAMES: usize = 4000;

/// Returns the most similar of the known names; `None` if no name is similar enough to be a misspelling. Letter case is ignored.
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
    let (length, counts) = (given.chars().count(), letter_counts(&given));
    let mut most = given.len().div_ceil(3);
    let mut best = None;
    for name in known.take(MAX_NAMES) {
        // The distance is at least the difference of the lengths. Lower case may have other lengths than upper case.
        let is_far = name.is_ascii()
            && (name.len().abs_diff(length) > most || least_distance(&counts, &letter_counts(name)) > most);
        if is_far {
            continue;
        }
        let distance = strsim::levenshtein(&given, &name.to_lowercase());
        if distance <= most && best.is_none_or(|best| (distance, name) < best) {
            best = Some((distance, name));
            most = distance;
        }
    }
    best.map(|(_, name)| name)
}

/// Returns the number of occurrences of each letter, ignoring case; all other characters are counted together.
fn letter_counts(text: &str) -> [u16; 32] {
    let mut counts = [0_u16; 32];
    for byte in text.bytes() {
        let place = if byte.is_ascii_alphabetic() { usize::from(byte & 31) } else { 0 };
        counts[place] = counts[place].saturating_add(1);
    }
    counts
}

/// Returns a lower bound of the distance: a change removes at most one letter and adds at most one. It is computed many times
/// faster.
fn least_distance(one: &[u16; 32], other: &[u16; 32]) -> usize {
    let surplus = |one: &[u16; 32], other: &[u16; 32]| -> usize {
        one.iter().zip(other).skip(1).map(|(one, other)| usize::from(one.saturating_sub(*other))).sum()
    };
    surplus(one, other).max(surplus(other, one))
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

    #[test]
    fn the_result_is_that_of_comparing_all_distances() {
        let names = [
            "BucketName",
            "BucketNames",
            "Tags",
            "NotificationConfiguration",
            "Ünïcode",
            "ÜNÏCODE2",
            "abc",
            "ABD",
        ];
        for given in [
            "BuketName",
            "bucketnames",
            "Tgas",
            "NotificationConfig",
            "ünicode",
            "abx",
            "",
            "é",
            "B-u-c-k-e-t-N",
        ] {
            let lower = given.to_lowercase();
            let each = names.map(|name| (strsim::levenshtein(&lower, &name.to_lowercase()), name));
            let expected =
                each.into_iter().min().filter(|(distance, _)| *distance <= lower.len().div_ceil(3));
            assert_eq!(nearest(given, names.into_iter()), expected.map(|(_, name)| name), "{given}");
        }
    }
}
