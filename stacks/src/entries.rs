//! Lists of tags, environment variables and members of an object.

use stackwright_synth::{Properties, Value};

/// Sets the value of a key. It replaces an earlier value, so that no key is in the list twice.
pub(crate) fn set(entries: &mut Vec<(String, Value<String>)>, key: impl Into<String>, value: Value<String>) {
    let key = key.into();
    match entries.iter_mut().find(|(existing, _)| *existing == key) {
        Some((_, existing)) => *existing = value,
        None => entries.push((key, value)),
    }
}

/// Returns an object of members. A member replaces an earlier one of the same name.
pub(crate) fn object(members: &[(&'static str, Value<String>)]) -> Properties {
    let mut object = Properties::default();
    for (name, value) in members {
        object.put(*name, value);
    }
    object
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
        let members = [("ExperimentName", "a".into()), ("ExperimentName", "b".into())];
        let mut expected = Properties::default();
        expected.put("ExperimentName", "b");
        assert_eq!(object(&members), expected);
    }
}
