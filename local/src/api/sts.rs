//! STS: returns the identity of the caller, and credentials of assumed roles.

use serde_json::{Map, Value as Json, json};

use crate::api::cloudformation::Answer;
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Millis, iso_time};

pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The time for which the credentials of a role are valid, in milliseconds.
const CREDENTIALS_TTL: Millis = 3_600_000;

/// Performs an operation of STS.
pub(crate) fn sts(engine: &Engine, action: &str, form: &Map<String, Json>, time: Millis) -> Answer {
    let account = &engine.settings.account;
    match action {
        "GetCallerIdentity" => Ok(json!({
            "Arn": format!("arn:aws:iam::{account}:user/local"),
            "UserId": "AIDALOCAL",
            "Account": account,
        })),
        "AssumeRole" => {
            let text = |name: &str| form.get(name).and_then(Json::as_str).unwrap_or_default();
            let (role, session) = (text("RoleArn"), text("RoleSessionName"));
            let assumed = role.replacen(":iam:", ":sts:", 1).replacen(":role/", ":assumed-role/", 1);
            Ok(json!({
                "AssumedRoleUser": {
                    "AssumedRoleId": format!("AROALOCAL:{session}"),
                    "Arn": format!("{assumed}/{session}"),
                },
                // Local mode does not verify signatures. Clients check that these members are set.
                "Credentials": {
                    "AccessKeyId": "ASIALOCAL",
                    "SecretAccessKey": "local",
                    "SessionToken": "local",
                    "Expiration": iso_time(time + CREDENTIALS_TTL),
                },
            }))
        }
        _ => Err(ServiceError::new(
            "InvalidAction",
            format!("Could not find operation {action} for version 2011-06-15"),
        )),
    }
}
