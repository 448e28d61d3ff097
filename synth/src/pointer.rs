//! JSON pointers ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)), which name the values of a template.

use std::borrow::Cow;

/// Escapes one step of a pointer: `~` becomes `~0` and `/` becomes `~1`.
///
/// ```
/// assert_eq!(stackwright_synth::pointer::escape("a/b"), "a~1b");
/// ```
pub fn escape(step: &str) -> Cow<'_, str> {
    if step.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
        step.replace('~', "~0").replace('/', "~1").into()
    } else {
        step.into()
    }
}

/// Reverses [`escape`]: `~1` becomes `/` and `~0` becomes `~`.
pub fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') { step.replace("~1", "/").replace("~0", "~").into() } else { step.into() }
}

/// Appends a step to a pointer, after a `/`. The step is escaped here.
pub fn push(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&escape(step));
}

/// Returns the pointer that consists of these steps, which are escaped here; an empty one without steps.
///
/// ```
/// assert_eq!(stackwright_synth::pointer::of(["Resources", "a/b"]), "/Resources/a~1b");
/// ```
pub fn of<S: AsRef<str>>(steps: impl IntoIterator<Item = S>) -> String {
    let mut pointer = String::new();
    for step in steps {
        push(&mut pointer, step.as_ref());
    }
    pointer
}

/// Returns the steps of a pointer, unescaped.
///
/// ```
/// let steps: Vec<_> = stackwright_synth::pointer::steps("/Resources/a~1b/0").collect();
/// assert_eq!(steps, ["Resources", "a/b", "0"]);
/// ```
pub fn steps(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(unescape)
}
