//! Dynamic references: `{{resolve:ssm:NAME:VERSION}}`, `{{resolve:ssm-secure:NAME:VERSION}}` and
//! `{{resolve:secretsmanager:ID:SecretString:KEY:STAGE:VERSION}}`.

use serde_json::{Map, Value as Json};

use crate::state::{Environment, Parameter, State};

/// The properties in which `ssm-secure` is supported (CloudFormation User Guide, "Get a secure string value from Systems
/// Manager Parameter Store", read 2026-11-26).
const SSM_SECURE_PROPERTIES: [(&str, &str); 11] = [
    ("AWS::DirectoryService::MicrosoftAD", "/Password"),
    ("AWS::DirectoryService::SimpleAD", "/Password"),
    ("AWS::ElastiCache::ReplicationGroup", "/AuthToken"),
    ("AWS::IAM::User", "/LoginProfile/Password"),
    ("AWS::KinesisFirehose::DeliveryStream", "/RedshiftDestinationConfiguration/Password"),
    ("AWS::OpsWorks::App", "/AppSource/Password"),
    ("AWS::OpsWorks::Stack", "/CustomCookbooksSource/Password"),
    ("AWS::OpsWorks::Stack", "/RdsDbInstances/*/DbPassword"),
    ("AWS::RDS::DBCluster", "/MasterUserPassword"),
    ("AWS::RDS::DBInstance", "/MasterUserPassword"),
    ("AWS::Redshift::Cluster", "/MasterUserPassword"),
];

/// A dynamic reference.
#[derive(Debug, PartialEq)]
enum Reference<'t> {
    Ssm { name: &'t str, version: Option<u64> },
    SsmSecure { name: &'t str, version: Option<u64> },
    Secret { id: String, key: Option<&'t str> },
}

/// The reason why a dynamic reference cannot be resolved, and the time at which CloudFormation reports it.
#[derive(Debug, PartialEq)]
pub(crate) enum Unresolved {
    /// The reference is resolved when the change set is created.
    Early(String),
    /// The reference is resolved when the resource is created or updated.
    Late(String),
}

impl Unresolved {
    pub fn message(self) -> String {
        match self {
            Self::Early(message) | Self::Late(message) => message,
        }
    }
}

/// Resolves the SSM parameters in the properties of a resource. It checks that secrets exist, but does not replace the
/// references to them, so that no file of the state contains a secret.
pub(crate) fn resolve(
    type_name: &str,
    properties: &Map<String, Json>,
    state: &State,
    environment: Environment<'_>,
) -> Result<Map<String, Json>, Unresolved> {
    let resolver = Resolver { type_name, state, environment };
    let mut resolved = Map::new();
    for (name, value) in properties {
        resolved.insert(name.clone(), resolver.value(value, &format!("/{name}"))?);
    }
    Ok(resolved)
}

struct Resolver<'a> {
    type_name: &'a str,
    state: &'a State,
    environment: Environment<'a>,
}

impl Resolver<'_> {
    fn value(&self, value: &Json, path: &str) -> Result<Json, Unresolved> {
        Ok(match value {
            Json::String(text) if text.contains("{{resolve:") => self.text(text, path)?.into(),
            Json::Array(items) => {
                let items: Result<Vec<Json>, _> =
                    items.iter().map(|item| self.value(item, &format!("{path}/*"))).collect();
                items?.into()
            }
            Json::Object(map) => {
                let mut resolved = Map::new();
                for (name, inner) in map {
                    resolved.insert(name.clone(), self.value(inner, &format!("{path}/{name}"))?);
                }
                resolved.into()
            }
            other => other.clone(),
        })
    }

    fn text(&self, text: &str, path: &str) -> Result<String, Unresolved> {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{resolve:") {
            let Some(length) = rest[start..].find("}}") else { break };
            let whole = &rest[start..start + length + 2];
            resolved.push_str(&rest[..start]);
            let inner = &whole["{{resolve:".len()..whole.len() - 2];
            match parse(inner) {
                Some(reference) => match self.reference(&reference, inner, path)? {
                    Some(value) => resolved.push_str(&value),
                    None => resolved.push_str(whole),
                },
                None => resolved.push_str(whole),
            }
            rest = &rest[start + length + 2..];
        }
        resolved.push_str(rest);
        Ok(resolved)
    }

    /// Returns the value of a reference; nothing for a secret.
    fn reference(
        &self,
        reference: &Reference<'_>,
        inner: &str,
        path: &str,
    ) -> Result<Option<String>, Unresolved> {
        match reference {
            Reference::Ssm { name, version } => {
                let found = self.parameter(name, *version, inner)?;
                if found.kind == "SecureString" {
                    return Err(Unresolved::Early(format!(
                        "Non-secure ssm prefix was used for secure parameter: {name}"
                    )));
                }
                Ok(Some(found.value))
            }
            Reference::SsmSecure { name, version } => {
                if !SSM_SECURE_PROPERTIES.contains(&(self.type_name, path)) {
                    return Err(Unresolved::Early(format!(
                        "SSM Secure reference is not supported in: [{}/Properties{path}]",
                        self.type_name
                    )));
                }
                self.parameter(name, *version, inner).map(|_| None)
            }
            Reference::Secret { id, key } => self.check_secret(id, *key).map(|()| None),
        }
    }

    fn parameter(&self, name: &str, version: Option<u64>, inner: &str) -> Result<Parameter, Unresolved> {
        let found = self.state.parameter(self.environment, name).or_else(|| public_image(name));
        let found = found.filter(|found| version.is_none_or(|version| version <= found.version));
        found.ok_or_else(|| Unresolved::Early(format!("Parameters: [{inner}] cannot be found.")))
    }

    fn check_secret(&self, id: &str, key: Option<&str>) -> Result<(), Unresolved> {
        let late = |message: &str| Unresolved::Late(message.to_owned());
        let value = self.state.secret(self.environment, id).ok_or_else(|| {
            late("Secrets Manager can't find the specified secret. (Service: AWSSecretsManager; Status Code: 400; Error Code: \
                  ResourceNotFoundException)")
        })?;
        let Some(key) = key else { return Ok(()) };
        let parsed: Json =
            serde_json::from_str(&value).map_err(|_| late("Could not parse SecretString JSON"))?;
        match parsed.get(key) {
            Some(_) => Ok(()),
            None => Err(late("Could not find a value associated with JSONKey in SecretString")),
        }
    }
}

/// Parses the text between `{{resolve:` and `}}`.
fn parse(inner: &str) -> Option<Reference<'_>> {
    let (service, rest) = inner.split_once(':')?;
    let versioned = || match rest.rsplit_once(':') {
        Some((name, version)) if version.parse::<u64>().is_ok() => (name, version.parse().ok()),
        _ => (rest, None),
    };
    match service {
        "ssm" => {
            let (name, version) = versioned();
            Some(Reference::Ssm { name, version })
        }
        "ssm-secure" => {
            let (name, version) = versioned();
            Some(Reference::SsmSecure { name, version })
        }
        "secretsmanager" => {
            let parts: Vec<&str> = rest.split(':').collect();
            // An ARN consists of seven parts.
            let own = if rest.starts_with("arn:") { 7.min(parts.len()) } else { 1 };
            let key = parts.get(own + 1).copied().filter(|key| !key.is_empty());
            Some(Reference::Secret { id: parts[..own].join(":"), key })
        }
        _ => None,
    }
}

/// Returns a public parameter of AWS that names an image has a value in every account. Local mode assumes an ID for it, because
/// no image is started.
fn public_image(name: &str) -> Option<Parameter> {
    let is_image =
        name.starts_with("/aws/service/") && (name.ends_with("/ami-id") || name.ends_with("/image_id"));
    is_image.then(|| Parameter {
        kind: "String".to_owned(),
        value: "ami-0123456789abcdef0".to_owned(),
        version: 1,
        time: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn resolved(type_name: &str, value: Json) -> Result<Json, Unresolved> {
        let parameter = |kind: &str, value: &str| Parameter {
            kind: kind.to_owned(),
            value: value.to_owned(),
            version: 2,
            time: 0,
        };
        let mut state = State::default();
        let parameters = BTreeMap::from([
            ("/plain".to_owned(), parameter("String", "value")),
            ("/secure".to_owned(), parameter("SecureString", "hidden")),
        ]);
        state.rest.parameters.insert("us-east-1".to_owned(), parameters);
        let secrets = BTreeMap::from([("db".to_owned(), parameter("Secret", r#"{"password": "hidden"}"#))]);
        state.rest.secrets.insert("us-east-1".to_owned(), secrets);
        let environment = Environment { account: "1", region: "us-east-1" };
        let Json::Object(properties) = value else { panic!("properties are an object") };
        resolve(type_name, &properties, &state, environment).map(Json::Object)
    }

    #[test]
    fn parameters_are_resolved_in_texts() {
        let found = resolved(
            "AWS::SNS::Topic",
            json!({ "Names": ["a-{{resolve:ssm:/plain:1}}-b {{resolve:ssm:/plain}}"] }),
        );
        assert_eq!(found.unwrap(), json!({ "Names": ["a-value-b value"] }));
        let image = json!({ "ImageId": "{{resolve:ssm:/aws/service/ami/latest/ami-id}}" });
        let found = resolved("AWS::EC2::LaunchTemplate", image);
        assert_eq!(found.unwrap()["ImageId"], "ami-0123456789abcdef0");
    }

    #[test]
    fn unresolvable_dynamic_references_are_refused_with_cloudformations_message() {
        for (value, message) in [
            ("{{resolve:ssm:/missing:1}}", "Parameters: [ssm:/missing:1] cannot be found."),
            ("{{resolve:ssm:/plain:3}}", "Parameters: [ssm:/plain:3] cannot be found."),
            ("{{resolve:ssm:/secure}}", "Non-secure ssm prefix was used for secure parameter: /secure"),
            (
                "{{resolve:ssm-secure:/secure}}",
                "SSM Secure reference is not supported in: [AWS::SNS::Topic/Properties/Name]",
            ),
        ] {
            let error = resolved("AWS::SNS::Topic", json!({ "Name": value })).unwrap_err();
            assert_eq!(error, Unresolved::Early(message.to_owned()));
        }
        let missing = resolved("AWS::SNS::Topic", json!({ "Name": "{{resolve:secretsmanager:none}}" }));
        assert!(matches!(missing.unwrap_err(), Unresolved::Late(_)));
        let key =
            resolved("AWS::SNS::Topic", json!({ "Name": "{{resolve:secretsmanager:db:SecretString:user}}" }));
        assert!(key.unwrap_err().message().contains("JSONKey"));
    }

    #[test]
    fn secrets_stay_references() {
        let secret =
            "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:1:secret:db:SecretString:password}}";
        let secure = "{{resolve:ssm-secure:/secure:1}}";
        let database = json!({ "MasterUserPassword": secure, "MasterUsername": secret });
        assert_eq!(resolved("AWS::RDS::DBInstance", database.clone()).unwrap(), database);
    }
}
