//! As much of STS and SSM as a deployment asks for.

use serde_json::{Value as Json, json};

use crate::cloud::{Cloud, Millis, written};
use crate::cloudformation::Answer;
use crate::error::Refusal;

pub(crate) const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// How long credentials of a role last, in milliseconds.
const LASTING: Millis = 3_600_000;

impl Cloud {
    pub(crate) fn sts(&self, action: &str, form: &serde_json::Map<String, Json>, time: Millis) -> Answer {
        let account = &self.settings.account;
        match action {
            "GetCallerIdentity" => Ok(json!({
                "Arn": format!("arn:aws:iam::{account}:user/local"),
                "UserId": "AIDALOCAL",
                "Account": account,
            })),
            "AssumeRole" => {
                let role = form.get("RoleArn").and_then(Json::as_str).unwrap_or_default();
                let session = form.get("RoleSessionName").and_then(Json::as_str).unwrap_or_default();
                Ok(json!({
                    "AssumedRoleUser": { "AssumedRoleId": format!("AROALOCAL:{session}"), "Arn": role },
                    // They open nothing but this endpoint, which looks at none.
                    "Credentials": {
                        "AccessKeyId": "ASIALOCAL",
                        "SecretAccessKey": "local",
                        "SessionToken": "local",
                        "Expiration": written(time + LASTING),
                    },
                }))
            }
            _ => Err(Refusal::new(
                "InvalidAction",
                format!("Could not find operation {action} for version 2011-06-15"),
            )),
        }
    }

    pub(crate) fn ssm(&self, action: &str, region: &str, request: &Json) -> Answer {
        let parameter = |name: &str| {
            let value = self.ssm_parameter(self.here(region), name)?;
            Some(json!({ "Name": name, "Type": "String", "Value": value, "Version": 1 }))
        };
        match action {
            "GetParameter" => {
                let name = request["Name"].as_str().unwrap_or_default();
                let found = parameter(name).ok_or_else(|| Refusal::new("ParameterNotFound", ""))?;
                Ok(json!({ "Parameter": found }))
            }
            "GetParameters" => {
                let names = request["Names"].as_array().cloned().unwrap_or_default();
                let (mut found, mut missing) = (Vec::new(), Vec::new());
                for name in names.iter().filter_map(Json::as_str) {
                    match parameter(name) {
                        Some(one) => found.push(one),
                        None => missing.push(name.to_owned()),
                    }
                }
                Ok(json!({ "Parameters": found, "InvalidParameters": missing }))
            }
            _ => Err(Refusal::new(
                "UnknownOperationException",
                format!("{action} is not rehearsed on this endpoint"),
            )),
        }
    }
}
