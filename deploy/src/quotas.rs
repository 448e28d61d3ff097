//! The service quotas of an account, as Service Quotas has them.

use aws_sdk_servicequotas::error::ProvideErrorMetadata as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::connection::Connection;
use crate::error::DeployError;

/// The maximum number of quotas that are read at the same time.
const CONCURRENCY: usize = 4;

/// The identifier of a quota in Service Quotas: the code of the service and the code of the quota.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaId {
    /// The code of the service, such as `sagemaker`.
    pub service: String,
    /// The code of the quota, such as `L-9614C779`.
    pub code: String,
}

/// Reads the values of quotas in the account and region of a connection, in the order of `quotas`. A quota that has no value for
/// the account has AWS's default value; `None` means that Service Quotas does not have the quota in this region.
///
/// The value does not show how much of the quota is used already.
///
/// # Errors
/// Returns the error of the first request that fails, for example because the caller may not call
/// `servicequotas:GetServiceQuota` or `servicequotas:GetAWSDefaultServiceQuota`.
pub async fn quota_values(
    connection: &Connection,
    quotas: &[QuotaId],
) -> Result<Vec<Option<u64>>, DeployError> {
    stream::iter(quotas).map(|quota| value(connection, quota)).buffered(CONCURRENCY).try_collect().await
}

/// The code of the error for a quota that does not exist or has no value of its own.
const MISSING: &str = "NoSuchResourceException";

async fn value(connection: &Connection, quota: &QuotaId) -> Result<Option<u64>, DeployError> {
    let QuotaId { service, code } = quota;
    let client = &connection.service_quotas;
    match client.get_service_quota().service_code(service).quota_code(code).send().await {
        Ok(answer) => return Ok(whole(answer.quota().and_then(|quota| quota.value()))),
        Err(error) if error.code() == Some(MISSING) => {}
        Err(error) => return Err(DeployError::call("GetServiceQuota")(error)),
    }
    match client.get_aws_default_service_quota().service_code(service).quota_code(code).send().await {
        Ok(answer) => Ok(whole(answer.quota().and_then(|quota| quota.value()))),
        Err(error) if error.code() == Some(MISSING) => Ok(None),
        Err(error) => Err(DeployError::call("GetAWSDefaultServiceQuota")(error)),
    }
}

/// Converts the value of a quota to a whole number: a value of 2.5 allows two.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is rounded down and not negative"
)]
fn whole(value: Option<f64>) -> Option<u64> {
    value.filter(|value| *value >= 0.0).map(|value| value as u64)
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn values_are_rounded_down() {
        assert_eq!([whole(Some(2.9)), whole(Some(-1.0)), whole(None)], [Some(2), None, None]);
        assert_eq!(whole(Some(f64::NAN)), None);
    }
}
