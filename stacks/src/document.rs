//! Helpers that build parts of SageMaker requests: objects and lists.

use stackwright_synth::{Properties, Untyped, Value};

/// An object with one member.
pub(crate) fn within(name: &'static str, value: impl Untyped) -> Properties {
    let mut object = Properties::default();
    object.put(name, value);
    object
}

/// An object with the given members.
pub(crate) fn object<'a, T: 'a>(
    entries: impl IntoIterator<Item = (&'static str, &'a Value<T>)>,
) -> Properties {
    let mut object = Properties::default();
    for (name, value) in entries {
        object.put(name, value);
    }
    object
}

/// A list of objects.
pub(crate) fn list(objects: impl IntoIterator<Item = Properties>) -> Value<Vec<Properties>> {
    objects.into_iter().map(Value::from).collect::<Vec<Value<Properties>>>().into()
}

/// A list of tags in the form that SageMaker expects.
pub(crate) fn tags(tags: &[(String, Value<String>)]) -> Value<Vec<Properties>> {
    list(tags.iter().map(|(key, value)| {
        let mut tag = Properties::default();
        tag.put("Key", key);
        tag.put("Value", value);
        tag
    }))
}
