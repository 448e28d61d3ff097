//! Locations in S3, and the permissions that a role needs to read and write there.

use std::panic::Location;

use serde_json::Value as JsonValue;
use stackwright_synth::{AssetHandle, Expression, IntoValue, Json, Value, sub};

use crate::arn::known;
use crate::bucket::BucketReference;
use crate::iam::Statement;
use crate::key::{EncryptionKey, through_s3};

/// The maximum length of the key of an object in bytes.
const MAX_KEY_BYTES: usize = 1_024;

/// A location in S3: an object, such as a `model.tar.gz`, or all objects whose keys start with a prefix.
///
/// A location contains the KMS key of its bucket, if it is known: a role that may read the location may decrypt with the key,
/// and a role that may write there may encrypt with the key. A string converts into a location by its URI, `s3://BUCKET/KEY`.
///
/// ```
/// use stackwright_stacks::S3Location;
///
/// S3Location::new("my-models", "relevance/3/model.tar.gz");
/// S3Location::from_uri("s3://my-models/relevance/3/model.tar.gz").kms_key("alias/models");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct S3Location {
    bucket: Box<BucketReference>,
    key: Value<String>,
}

impl S3Location {
    /// Creates a location from the name of a bucket, such as `my-models`, and a key or a prefix, such as
    /// `relevance/3/model.tar.gz` or `relevance/`. An invalid name, or a key that starts with a slash, contains two slashes in a
    /// row, or has more than 1,024 bytes, is an error at the caller's line.
    #[track_caller]
    pub fn new(bucket: impl IntoValue<String>, key: impl IntoValue<String>) -> Self {
        Self::in_bucket(BucketReference::named(bucket), key)
    }

    /// Creates a location from a bucket, which the app creates or which exists already, and a key or a prefix. A key that starts
    /// with a slash, contains two slashes in a row, or has more than 1,024 bytes is an error at the caller's line.
    #[track_caller]
    pub fn in_bucket(bucket: impl Into<BucketReference>, key: impl IntoValue<String>) -> Self {
        let mut bucket = Box::new(bucket.into());
        bucket.name = bucket.name.with_caller_location();
        Self { bucket, key: checked_key(key) }
    }

    /// Creates a location from its URI, `s3://BUCKET/KEY`. Another form is an error at the caller's line.
    #[track_caller]
    pub fn from_uri(uri: impl AsRef<str>) -> Self {
        let uri = uri.as_ref();
        match uri.strip_prefix("s3://") {
            Some(rest) => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                Self::new(bucket, key)
            }
            None => {
                let message = format!("`{uri}` is not the URI of a location in S3");
                Self::new(Value::<String>::invalid("invalid-s3-uri", message, "use `s3://BUCKET/KEY`"), "")
            }
        }
    }

    /// Sets the KMS key that the objects are encrypted with, as a handle, an ARN, an ID or an alias. By default, it is the key of
    /// the bucket for buckets of the app, and no key for other buckets.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.bucket.key = Some(key.into());
        self
    }

    /// Returns the URI of the location, `s3://BUCKET/KEY`.
    pub fn uri(&self) -> Value<String> {
        sub!("s3://{}/{}", &self.bucket.name, &self.key).with_location(self.bucket.name.location())
    }

    /// Returns the bucket's name.
    pub(crate) fn bucket(&self) -> &Value<String> {
        &self.bucket.name
    }

    /// Returns the KMS key of the bucket.
    pub(crate) fn encryption_key(&self) -> Option<&EncryptionKey> {
        self.bucket.key.as_ref()
    }

    /// Returns the key, or the start of it.
    pub(crate) fn key(&self) -> &Value<String> {
        &self.key
    }

    /// Returns a location below the location: its key is joined with another key, such as `models/model.tar.gz`, with one slash
    /// between them.
    #[track_caller]
    pub fn join(&self, key: impl IntoValue<String>) -> Self {
        let key = key.into();
        let location = key.location().or(self.bucket.name.location()).unwrap_or(Location::caller());
        let key = match known(&key) {
            Some(literal) => Value::from(literal.trim_start_matches('/')).with_location(Some(location)),
            None => key,
        };
        let joined = match known(&self.key) {
            Some("") => key,
            Some(own) => sub!("{}/{}", own.trim_end_matches('/'), key),
            None => sub!("{}/{}", &self.key, key),
        };
        Self { key: joined, ..self.clone() }
    }

    /// Returns the same location with a slash at its end. Without it, S3 also matches keys of other prefixes that
    /// start alike.
    pub(crate) fn as_prefix(&self) -> Self {
        let key = match known(&self.key) {
            Some(key) => match key.trim_end_matches('/') {
                "" => Value::from(""),
                key => Value::from(format!("{key}/")),
            },
            None => sub!("{}/", &self.key),
        };
        Self { key: key.with_location(self.key.location()), ..self.clone() }
    }

    /// Returns the permissions that a role needs to read a single object. Without the permission to list the bucket,
    /// S3 answers a request for a missing object with "access denied".
    pub(crate) fn read_object(&self) -> Vec<Statement> {
        if self.known_key() != self.key {
            return self.read();
        }
        let object = sub!("{}/{}", &self.bucket.arn, &self.key);
        self.reading(Statement::allow(["s3:GetObject"]).on(object), self.key.clone())
    }

    /// Returns the permissions that a role needs to read all objects whose keys start with this key.
    pub(crate) fn read(&self) -> Vec<Statement> {
        self.reading(Statement::allow(["s3:GetObject"]).on(self.objects()), sub!("{}*", self.known_key()))
    }

    /// Returns the permissions that a role needs to write objects below the location, and to read and continue
    /// earlier ones.
    pub(crate) fn write(&self) -> Vec<Statement> {
        let objects =
            Statement::allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]).on(self.objects());
        let mut statements = vec![objects, self.list(sub!("{}*", self.known_key()))];
        // Completing an upload of several parts decrypts them.
        statements.extend(
            self.bucket.key.iter().map(|key| through_s3(key, &["kms:Decrypt", "kms:GenerateDataKey"])),
        );
        statements
    }

    fn reading(&self, objects: Statement, keys: Value<String>) -> Vec<Statement> {
        let mut statements = vec![objects, self.list(keys)];
        statements.extend(self.bucket.key.iter().map(|key| through_s3(key, &["kms:Decrypt"])));
        statements
    }

    fn objects(&self) -> Value<String> {
        sub!("{}/{}*", &self.bucket.arn, self.known_key())
    }

    /// Returns the key up to the first value that is known only when a job runs, such as a parameter of a pipeline. A
    /// policy can contain only this part.
    fn known_key(&self) -> Value<String> {
        let is_of_run = |part: &Expression| matches!(part, Expression::Object(_));
        match self.key.expression() {
            Expression::Object(_) => "".into(),
            Expression::Text(parts) if parts.iter().any(is_of_run) => {
                let known = parts.iter().take_while(|part| !is_of_run(part)).cloned().collect();
                Value::from_expression(Expression::Text(known)).with_location(self.key.location())
            }
            _ => self.key.clone(),
        }
    }

    fn list(&self, keys: Value<String>) -> Statement {
        Statement::allow(["s3:ListBucket"]).on(&self.bucket.arn).when("StringLike", "s3:prefix", keys)
    }
}

/// The key, or an invalid value if the key is known and is malformed, such as one that starts with a slash.
#[track_caller]
fn checked_key(key: impl IntoValue<String>) -> Value<String> {
    let key = key.into().with_caller_location();
    let Some(text) = known(&key) else { return key };
    let (message, help) = if text.starts_with("s3:") {
        let message = format!("`{text}` is a URI, and the key of an object is expected");
        (message, "use `S3Location::from_uri` for a URI")
    } else if text.starts_with('/') || text.contains("//") {
        let message = format!("the key `{text}` has an empty part");
        (message, "remove the slash at its start, and use single slashes")
    } else if text.len() > MAX_KEY_BYTES {
        let message = format!("the key has {} bytes, and S3 accepts {MAX_KEY_BYTES}", text.len());
        (message, "use a shorter key")
    } else {
        return key;
    };
    Value::invalid("invalid-s3-key", message, help)
}

/// Converts the URI of a location, `s3://BUCKET/KEY`.
impl From<&str> for S3Location {
    #[track_caller]
    fn from(uri: &str) -> Self {
        Self::from_uri(uri)
    }
}

impl From<&AssetHandle> for S3Location {
    fn from(asset: &AssetHandle) -> Self {
        let bucket = Box::new(BucketReference::of_assets(asset.bucket()));
        Self { bucket, key: asset.key().into() }
    }
}

impl From<AssetHandle> for S3Location {
    fn from(asset: AssetHandle) -> Self {
        Self::from(&asset)
    }
}

/// The permissions that a role needs for the locations that a program sets in a request by a JSON pointer: to read
/// them, and to write below the value of a member whose name states that it is for results. Only literal URIs are
/// considered.
pub(crate) fn access_to_set(pointer: &str, value: &Value<Json>) -> Vec<Statement> {
    let mut statements = Vec::new();
    if let Some(literal) = value.as_literal() {
        add_access(pointer, literal, &mut statements);
    }
    statements
}

fn add_access(path: &str, value: &JsonValue, statements: &mut Vec<Statement>) {
    match value {
        JsonValue::String(text) if text.starts_with("s3://") => {
            let is_written = ["Checkpoint", "Output"].iter().any(|word| path.contains(word));
            let location = S3Location::from_uri(text);
            statements.extend(if is_written { location.as_prefix().write() } else { location.read() });
        }
        JsonValue::Array(items) => items.iter().for_each(|item| add_access(path, item, statements)),
        JsonValue::Object(members) => {
            for (name, value) in members {
                add_access(&format!("{path}/{name}"), value, statements);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::{App, Output};

    use super::*;
    use crate::iam::{ExecutionRole, PolicyDocument};
    use crate::{ExternalBucket, PrivateBucket};

    fn synthesized(build: impl FnOnce(&stackwright_synth::Stack)) -> Result<serde_json::Value, String> {
        let app = App::new("app");
        build(&app.stack("Main").region("us-east-1"));
        let assembly = app.synth().map_err(|errors| errors.to_string())?;
        Ok(serde_json::from_str(assembly.stacks[0].template.json()).unwrap())
    }

    #[test]
    fn who_reads_a_location_may_use_the_key_of_its_bucket() {
        let template = synthesized(|stack| {
            let bucket = stack.add("Models", PrivateBucket::new().own_kms_key());
            stack.add("Reader", ExecutionRole::new(bucket.location("a/").read()));
            stack.add("Writer", ExecutionRole::new(bucket.location("a/").write()));
        })
        .unwrap();
        let resources = &template["Resources"];
        let of_bucket =
            &resources["Models"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        let arn = serde_json::json!({ "Fn::GetAtt": ["ModelsKey", "Arn"] });
        assert_eq!(of_bucket["ServerSideEncryptionByDefault"]["KMSMasterKeyID"], arn);
        assert_eq!(resources["ModelsKey"]["DeletionPolicy"], "Retain");
        assert_eq!(resources["ModelsKey"]["Properties"]["EnableKeyRotation"], true);
        for (role, actions) in [
            ("Reader", serde_json::json!(["kms:Decrypt"])),
            ("Writer", serde_json::json!(["kms:Decrypt", "kms:GenerateDataKey"])),
        ] {
            let statements = &resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
            let of_key = statements.as_array().unwrap().iter().find(|one| one["Resource"] == arn).unwrap();
            assert_eq!(of_key["Action"], actions);
            let via = &of_key["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Sub"];
            assert_eq!(via, "s3.${AWS::Region}.${AWS::URLSuffix}");
        }
    }

    #[test]
    fn an_alias_is_granted_by_a_condition() {
        let bucket = ExternalBucket::from_name("company-models").kms_key("alias/models");
        let template = synthesized(|stack| {
            stack.add("Reader", ExecutionRole::new(bucket.location("a").read_object()));
        })
        .unwrap();
        let statements =
            &template["Resources"]["Reader"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        assert_eq!(
            statements[2]["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"],
            "alias/models"
        );
    }

    #[test]
    fn malformed_locations_are_errors_at_the_line_that_gave_them() {
        let uses =
            |location: S3Location| synthesized(|stack| stack.output("Uri", location.uri())).unwrap_err();
        #[track_caller]
        fn of_arn(arn: &str) -> S3Location {
            ExternalBucket::from_arn(arn).location("a")
        }
        for (location, line, expected) in [
            (S3Location::new("s3://models", "a"), line!(), "is a URI"),
            (S3Location::new("Models", "a"), line!(), "lowercase"),
            (S3Location::new("models", "/a"), line!(), "empty part"),
            (S3Location::new("models", "s3://models/a"), line!(), "is a URI"),
            (S3Location::from_uri("models/a"), line!(), "not the URI"),
            (S3Location::from_uri("s3://s3://models/a"), line!(), "is not a valid bucket name"),
            (of_arn("arn:aws:kms:us-east-1::x"), line!(), "of the service `kms`"),
        ] {
            let error = uses(location);
            assert!(
                error.contains(expected) && error.contains(&format!("s3.rs:{line}:")),
                "{expected}: {error}"
            );
        }
        assert!(uses(S3Location::new("m", "a").kms_key("not-a-key")).contains("bucket name"));
    }

    #[test]
    fn keys_may_contain_values() {
        let template = synthesized(|stack| {
            let version = stack.add("Version", stackwright_synth::Parameter::string().default("1"));
            let models = S3Location::from("s3://my-models/relevance/").join(version).join("model.tar.gz");
            stack.add("Uri", Output::new(models.uri()));
            stack.add(
                "Policy",
                stackwright_resources::iam::ManagedPolicy::new(PolicyDocument::new(models.read_object())),
            );
        })
        .unwrap();
        assert_eq!(
            template["Outputs"]["Uri"]["Value"]["Fn::Sub"],
            "s3://my-models/relevance/${Version}/model.tar.gz"
        );
    }
}
