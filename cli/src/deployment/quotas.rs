//! The service quotas that stacks need, with the values of their accounts.

use std::collections::BTreeMap;

use stackwright_deploy::{DeployError, QuotaId, quota_values};
use stackwright_estimate::cost::Options;
use stackwright_estimate::quotas::{self, Need};
use stackwright_synth::{Assembly, StackArtifact};

use super::session::Session;

/// The quotas that stacks need, and why the values of an account were not read.
pub(crate) struct AccountQuotas {
    pub needs: Vec<Need>,
    pub unread: Option<DeployError>,
}

/// Reads the quotas that an assembly needs in the accounts and regions of some of its stacks. If a request fails, the values
/// that were not read stay unknown.
///
/// # Errors
/// Returns an error if there is no connection for a stack.
pub(crate) async fn account_quotas(
    session: &Session,
    assembly: &Assembly,
    stacks: &[&StackArtifact],
) -> Result<AccountQuotas, DeployError> {
    let mut needs = quotas::of_assembly(assembly, &Options::default());
    let key = |stack: &StackArtifact| (stack.environment.account.clone(), stack.environment.region.clone());
    let environments: BTreeMap<_, &StackArtifact> = stacks.iter().map(|stack| (key(stack), *stack)).collect();
    needs.retain(|need| environments.contains_key(&(need.account.clone(), need.region.clone())));
    let mut unread = None;
    for ((account, region), stack) in environments {
        let of_environment = needs
            .iter_mut()
            .filter(|need| need.account == account && need.region == region && need.code.is_some());
        let of_environment: Vec<&mut Need> = of_environment.collect();
        if of_environment.is_empty() {
            continue;
        }
        let id = |need: &Need| QuotaId {
            service: need.service.code().to_owned(),
            code: need.code.clone().unwrap_or_default(),
        };
        let ids: Vec<QuotaId> = of_environment.iter().map(|need| id(need)).collect();
        let connection = session.connections.for_stack(stack).await?;
        match quota_values(&connection, &ids).await {
            Ok(values) => {
                for (need, value) in of_environment.into_iter().zip(values) {
                    need.account_value = value;
                }
            }
            Err(error) => unread = Some(error),
        }
    }
    Ok(AccountQuotas { needs, unread })
}
