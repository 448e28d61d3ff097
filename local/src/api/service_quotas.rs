//! Service Quotas: AWS's default values, as far as they are known, and the values in the settings.

use serde_json::{Value as Json, json};
use stackwright_schemas::quotas::{QuotaUse, quotas};

use crate::api::cloudformation::Answer;
use crate::api::error::ServiceError;
use crate::engine::Engine;

/// Performs an operation of Service Quotas.
pub(crate) fn service_quotas(engine: &Engine, action: &str, region: &str, request: &Json) -> Answer {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let (service, code) = (text("ServiceCode"), text("QuotaCode"));
    let value = match action {
        "GetServiceQuota" => {
            engine.settings.faults.quotas.get(code).copied().or_else(|| default(service, code))
        }
        "GetAWSDefaultServiceQuota" => default(service, code),
        _ => {
            return Err(ServiceError::new(
                "UnknownOperationException",
                format!("Local mode does not implement the operation {action} of Service Quotas"),
            ));
        }
    };
    let Some(value) = value else {
        let message = "The request failed because the specified resource does not exist.";
        return Err(ServiceError::new("NoSuchResourceException", message));
    };
    let account = &engine.settings.account;
    Ok(json!({ "Quota": {
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaArn": format!("arn:aws:servicequotas:{region}:{account}:{service}/{code}"),
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
    } }))
}

/// AWS's default value of a quota, if it is known.
fn default(service: &str, code: &str) -> Option<u64> {
    let table = quotas();
    if let Some(quota) = table.others.values().find(|quota| quota.service == service && quota.code == code) {
        return quota.default;
    }
    if service == "ec2" {
        let (name, _) = table.ec2.iter().find(|(_, known)| *known == code)?;
        return table.defaults.get(name).copied();
    }
    if service != "sagemaker" {
        return None;
    }
    let mut codes = table.sagemaker.iter().flat_map(|(kind, codes)| codes.iter().map(move |one| (kind, one)));
    let (kind, (usage, _)) = codes.find(|(_, (_, known))| *known == code)?;
    match usage {
        QuotaUse::Training => Some(table.training_default),
        usage => table.defaults.get(&format!("{kind} for {}", usage.words())).copied(),
    }
}
