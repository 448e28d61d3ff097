//! Lists of tags and environment variables.

use stackwright_synth::Value;

/// Sets the value of a key. It replaces an earlier value, so that no key is in the list twice.
pub(crate) fn set(entries: &mut Vec<(String, Value<String>)>, key: impl Into<String>, value: Value<String>) {
    let key = key.into();
    match entries.iter_mut().find(|(existing, _)| *existing == key) {
        Some((_, existing)) => *existing = value,
        None => entries.push((key, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_value_replaces_the_first_in_its_place() {
        let mut entries = Vec::new();
        for (key, value) in [("team", "a"), ("stage", "test"), ("team", "b")] {
            set(&mut entries, key, value.into());
        }
        assert_eq!(entries, [("team".to_owned(), "b".into()), ("stage".to_owned(), "test".into())]);
    }
}
