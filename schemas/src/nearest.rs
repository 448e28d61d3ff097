//! The name that was probably meant, out of those that are known.

/// The nearest of some names, if one is near enough to be meant.
pub fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody misspells a name this long, and the distance takes the product of both lengths.
    let given = given.get(..given.len().min(256))?;
    known
        .map(|name| (distance(given, name), name))
        .min()
        .filter(|(distance, _)| *distance <= given.len().div_ceil(3))
        .map(|(_, name)| name)
}

/// How many letters have to change, come or go (Levenshtein), whatever their case.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found_and_a_far_one_is_not() {
        let names = ["BucketName", "Tags", "VersioningConfiguration"];
        assert_eq!(nearest("BucketNam", names.into_iter()), Some("BucketName"));
        assert_eq!(nearest("tag", names.into_iter()), Some("Tags"));
        assert_eq!(nearest("Nothing", names.into_iter()), None);
    }
}
