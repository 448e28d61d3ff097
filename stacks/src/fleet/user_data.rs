//! The user data of instances: scripts that run at the first start.

use stackwright_synth::intrinsic::{base64, join};
use stackwright_synth::{IntoValue, Value};

use crate::deferred_error::DeferredError;

/// The line that separates the parts of a multipart document. No line of a part may be equal to it.
const BOUNDARY: &str = "==stackwright==";

/// The user data of instances: scripts and cloud-init documents that an instance runs when it starts for the first time, in the
/// order of the calls.
///
/// ```
/// use serde_json::json;
/// use stackwright_stacks::fleet::UserData;
///
/// UserData::new()
///     .cloud_config("packages: [htop]\n")
///     .script("#!/bin/bash\nset -euo pipefail\nsystemctl start trainer\n")
///     .template("#!/bin/bash\naws s3 sync s3://{{bucket}} /data\n", &json!({ "bucket": "my-data" }));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct UserData {
    parts: Vec<(&'static str, Value<String>)>,
    pub(super) errors: Vec<DeferredError>,
}

impl UserData {
    /// Creates user data without any part.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a script, given by its text. The first line starts with `#!`, such as `#!/bin/bash`.
    #[track_caller]
    pub fn script(mut self, text: impl IntoValue<String>) -> Self {
        self.parts.push(("text/x-shellscript", text.into().with_caller_location()));
        self
    }

    /// Adds a cloud-config document of cloud-init, given by its text in YAML.
    #[track_caller]
    pub fn cloud_config(mut self, text: impl IntoValue<String>) -> Self {
        self.parts.push(("text/cloud-config", text.into().with_caller_location()));
        self
    }

    /// Adds a script from a template of [Handlebars](https://handlebarsjs.com): `{{name}}` is replaced by the member `name`
    /// of the JSON object `values`. An invalid template, or a name that `values` does not contain, is an error at the
    /// caller's line.
    #[track_caller]
    pub fn template(mut self, template: &str, values: &serde_json::Value) -> Self {
        let mut engine = handlebars::Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(handlebars::no_escape);
        match engine.render_template(template, values) {
            Ok(text) => self.script(text),
            Err(error) => {
                self.errors.push(DeferredError {
                    name: "user-data",
                    message: format!("the template cannot be rendered: {error}"),
                    help: "set a value for each name in the template".into(),
                    source: std::panic::Location::caller(),
                });
                self
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Appends the parts of other user data.
    pub(super) fn extend(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.errors.extend(other.errors);
    }

    /// Returns the document in Base64, as a launch template requires.
    pub(super) fn rendered(&self) -> Value<String> {
        let text = match self.parts.as_slice() {
            [(_, only)] => only.clone(),
            parts => multipart(parts),
        };
        let location = text.location();
        base64(text).with_location(location)
    }
}

impl From<&str> for UserData {
    #[track_caller]
    fn from(script: &str) -> Self {
        Self::new().script(script)
    }
}

impl From<Value<String>> for UserData {
    #[track_caller]
    fn from(script: Value<String>) -> Self {
        Self::new().script(script)
    }
}

/// A MIME document of the parts: a literal string if all of them are known during synthesis.
fn multipart(parts: &[(&'static str, Value<String>)]) -> Value<String> {
    let head = format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\n");
    let mut pieces: Vec<Value<String>> = vec![head.into()];
    for (kind, text) in parts {
        pieces.push(format!("--{BOUNDARY}\nContent-Type: {kind}; charset=\"us-ascii\"\n").into());
        pieces.push(text.clone());
    }
    pieces.push(format!("--{BOUNDARY}--\n").into());
    let known: Option<Vec<&str>> =
        pieces.iter().map(|piece| piece.as_literal().and_then(serde_json::Value::as_str)).collect();
    match known {
        Some(known) => known.join("\n").into(),
        None => join("\n", pieces),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_part_is_itself_and_several_are_multipart() {
        let text = |data: &UserData| match data.parts.as_slice() {
            [(_, only)] => only.as_literal().cloned(),
            parts => multipart(parts).as_literal().cloned(),
        };
        assert_eq!(text(&UserData::from("#!/bin/bash\n")), Some(json!("#!/bin/bash\n")));
        let both = UserData::new().cloud_config("packages: []").script("#!/bin/bash");
        let written = text(&both).unwrap();
        let written = written.as_str().unwrap();
        assert!(written.starts_with("MIME-Version: 1.0\nContent-Type: multipart/mixed"), "{written}");
        assert!(
            written.contains("Content-Type: text/cloud-config; charset=\"us-ascii\"\n\npackages: []\n--"),
            "{written}"
        );
        assert!(written.ends_with("#!/bin/bash\n--==stackwright==--\n"), "{written}");
    }

    #[test]
    fn a_template_is_filled_in_or_refused() {
        let filled = UserData::new().template("#!/bin/bash\necho {{name}}", &json!({ "name": "a&b" }));
        assert_eq!(filled.parts[0].1.as_literal(), Some(&json!("#!/bin/bash\necho a&b")));
        let refused = UserData::new().template("{{name}}", &json!({}));
        assert!(refused.is_empty() && refused.errors[0].message.contains("name"));
    }
}
