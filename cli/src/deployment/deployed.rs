//! Compares the stacks of the program with those that are deployed.

use std::collections::BTreeMap;

use stackwright_deploy::{DeployedStack, deployed_stack};
use stackwright_review::diff::{self, ComparedStack, DeployedVersion, Diff};
use stackwright_synth::StackArtifact;
use stackwright_synth::secret::SecretValues;

use super::arguments::Target;
use super::runtime::on_each;
use super::view::{ProgressFormat, View};
use crate::failure::Failure;

/// Compares stacks with what is deployed, and returns the secrets of the deployed templates too. `given` returns the values of
/// parameters that a deployment of a stack would set.
pub(crate) fn compare_deployed(
    target: &Target,
    stacks: &[&StackArtifact],
    given: impl Fn(&StackArtifact) -> BTreeMap<String, String>,
) -> Result<(Diff, SecretValues), Failure> {
    let view = View::new(ProgressFormat::Auto);
    let found = on_each(target, stacks, &view, "the deployed stack", async |connection, stack, report| {
        deployed_stack(connection, stack, &given(stack), report).await
    })?;
    let pairs: Vec<_> = found
        .into_iter()
        .zip(stacks)
        .map(|(deployed, stack)| {
            ComparedStack::new(deployed.map(|deployed| as_version(deployed, stack)), stack)
        })
        .collect();
    let deployed = pairs.iter().filter_map(|pair| pair.deployed.as_ref());
    let secrets = deployed.map(|deployed| SecretValues::of_defaults(&deployed.stack.template));
    let secrets = secrets.fold(SecretValues::default(), SecretValues::and);
    Ok((diff::compare_deployed(&pairs), secrets))
}

/// Returns a deployed stack as a version of the program's stack.
pub(crate) fn as_version(deployed: DeployedStack, stack: &StackArtifact) -> DeployedVersion {
    let mut version = stack.clone();
    version.template = deployed.template;
    version.tags = deployed.tags.into_iter().collect();
    version.termination_protection = stack.termination_protection.map(|_| deployed.termination_protection);
    DeployedVersion::new(version)
        .parameters(deployed.parameters)
        .next_parameters(deployed.next_parameters)
        .policy(deployed.policy)
}
