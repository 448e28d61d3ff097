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

/// Returns the one known name of which the given name is a misspelling, if there is exactly one. This is narrower than
/// [`nearest`], so that a program can write the name without a question: each word of the name differs by at most one letter, or
/// by two letters that are exchanged. Digits, words of one or two letters and the plural form always have to be the same,
/// because `SubnetB` and `SubnetA`, or `Subnets` and `Subnet`, are names of different things.
///
/// ```
/// use stackwright_schemas::misspelled;
///
/// assert_eq!(misspelled("TopicNmae", ["TopicName", "Tags"].into_iter()), Some("TopicName"));
/// assert_eq!(misspelled("MinSize", ["MaxSize"].into_iter()), None);
/// assert_eq!(misspelled("Subnet3", ["Subnet1", "Subnet2"].into_iter()), None);
/// ```
pub fn misspelled<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > 256 {
        return None;
    }
    let words_of_given = words(given);
    let joined = words_of_given.concat();
    let is_similar = |name: &&str| {
        let is_near = name.len().abs_diff(given.len()) <= words_of_given.len() + 2;
        is_near && is_misspelling(&words_of_given, &joined, &words(name))
    };
    let mut similar = known.take(MAX_NAMES).filter(is_similar);
    let first = similar.next()?;
    similar.all(|other| other == first).then_some(first)
}

fn is_misspelling(given: &[String], joined: &str, name: &[String]) -> bool {
    let joined_name = name.concat();
    if joined == joined_name {
        return true;
    }
    if given.len() == name.len() {
        return given.iter().zip(name).all(|(one, other)| one == other || is_misspelled_word(one, other));
    }
    let fixed = |words: &[String]| -> Vec<String> {
        words.iter().filter(|word| word.chars().count() <= 2 || has_digit(word)).cloned().collect()
    };
    fixed(given) == fixed(name) && is_misspelled_word(joined, &joined_name)
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_misspelled_word(one: &str, other: &str) -> bool {
    let (length, other_length) = (one.chars().count(), other.chars().count());
    let is_plural = one.strip_suffix('s') == Some(other) || other.strip_suffix('s') == Some(one);
    if length.max(other_length) < 4
        || length.abs_diff(other_length) > 1
        || is_plural
        || has_digit(one)
        || has_digit(other)
    {
        return false;
    }
    // Short words that differ by one letter, such as `Role` and `Rule`, can both be intended.
    let is_replaced = length == other_length && strsim::levenshtein(one, other) == 1;
    strsim::osa_distance(one, other) == 1 && !(is_replaced && length < 5)
}

/// The words of a name in lower case: `VPCSubnet2Id` has the words `vpc`, `subnet`, `2` and `id`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let starts = before.is_some_and(|before| {
            let of_digits = before.is_ascii_digit() != letter.is_ascii_digit();
            let of_case = letter.is_uppercase()
                && (before.is_lowercase() || after.is_some_and(|after| after.is_lowercase()));
            of_digits || of_case
        });
        if starts || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
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

    #[test]
    fn words_are_split_at_case_digits_and_separators() {
        assert_eq!(words("VPCSubnet2Id"), ["vpc", "subnet", "2", "id"]);
        assert_eq!(words("AWS::SNS::Topic"), ["aws", "sns", "topic"]);
        assert_eq!(words("ml.g5.xlarge"), ["ml", "g", "5", "xlarge"]);
        assert_eq!(words("instance_type"), words("InstanceType"));
        assert_eq!(words(""), [""; 0]);
    }

    #[test]
    fn a_name_is_certain_only_if_one_name_differs_by_a_letter_of_each_word() {
        let certain = |given: &str, names: &[&'static str]| misspelled(given, names.iter().copied());
        for (given, name) in [
            ("TopicNam", "TopicName"),
            ("Tpic_name", "TopicName"),
            ("instance_type", "InstanceType"),
            ("Topicnme", "TopicName"),
            ("Propertis", "Properties"),
            ("KmsKeyID", "KmsKeyId"),
            ("ml.g5.xlrge", "ml.g5.xlarge"),
        ] {
            assert_eq!(certain(given, &[name, "Unrelated"]), Some(name), "{given}");
        }
        for (given, name) in [
            ("SubnetB", "SubnetA"),
            ("subnetb", "SubnetA"),
            ("Role", "Rule"),
            ("MinCapacity", "MaxCapacity"),
            ("EnableAccess", "DisableAccess"),
            ("InputPath", "OutputPath"),
            ("SubnetId", "SubnetIds"),
            ("Topic", "Topics"),
            ("python3.13", "python3.12"),
            ("ml.p4.24xlarge", "ml.p4d.24xlarge"),
            ("ml.g7.xlarge", "ml.g5.xlarge"),
        ] {
            assert_eq!(certain(given, &[name, "Unrelated"]), None, "{given}");
        }
        assert_eq!(certain("Quue", &["Queue", "Quite"]), Some("Queue"));
        assert_eq!(certain("Moddel", &["Model", "Middel"]), None, "two names are similar");
    }
}
