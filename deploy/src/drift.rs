//! Drift: changes made outside CloudFormation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::types::{StackDriftDetectionStatus, StackResourceDrift};
use serde::Serialize;
use stackwright_synth::StackArtifact;

use crate::connection::Connection;
use crate::error::DeployError;
use crate::lookup::resources;
use crate::secret::Secrets;
use crate::status::DriftStatus;

/// The differences between a stack and its resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drift {
    /// The name of the stack.
    pub stack: String,
    /// Whether drift detection succeeded for every resource that supports it.
    pub complete: bool,
    /// The number of resources that match the stack.
    pub in_sync: usize,
    /// The resources that differ.
    pub drifted: Vec<DriftedResource>,
    /// The resources that CloudFormation did not compare (`NOT_CHECKED`), because their types do not support drift
    /// detection or because it failed for them.
    pub not_checked: Vec<String>,
}

/// A resource that was changed or deleted outside CloudFormation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DriftedResource {
    /// The logical ID of the resource.
    pub logical_id: String,
    /// The type of the resource.
    pub resource_type: String,
    /// `MODIFIED` or `DELETED`.
    pub status: DriftStatus,
    /// The properties that differ.
    pub differences: Vec<PropertyDifference>,
}

/// A property whose current value differs from the deployed value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PropertyDifference {
    /// The path of the property, as a JSON pointer.
    pub path: String,
    /// The value that was deployed.
    pub expected: String,
    /// The value that the resource has.
    pub actual: String,
}

/// The maximum time for drift detection.
const DETECTION_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Compares the resources of a stack with what was deployed.
///
/// # Errors
/// Returns an error if the stack does not exist, if an operation is running on it, or if a request fails.
pub async fn detect_drift(connection: &Connection, stack: &StackArtifact) -> Result<Drift, DeployError> {
    let (name, secrets) = (&stack.name, Secrets::new(stack, &BTreeMap::new()));
    let complete = wait_for_detection(connection, name).await?;
    let mut drift =
        Drift { stack: name.to_owned(), complete, in_sync: 0, drifted: Vec::new(), not_checked: Vec::new() };
    let mut compared = BTreeSet::new();
    let mut page = None;
    loop {
        let request = connection.cloudformation.describe_stack_resource_drifts();
        let request = request.stack_name(name).set_next_token(page);
        let answer = request.send().await.map_err(DeployError::call("DescribeStackResourceDrifts"))?;
        for one in answer.stack_resource_drifts() {
            let logical_id = one.logical_resource_id().unwrap_or_default().to_owned();
            let status = DriftStatus::from(
                one.stack_resource_drift_status().map_or("UNKNOWN", |status| status.as_str()),
            );
            match status {
                DriftStatus::InSync => drift.in_sync += 1,
                DriftStatus::Modified | DriftStatus::Deleted => {
                    drift.drifted.push(drifted(one, status, &secrets));
                }
                _ => continue,
            }
            compared.insert(logical_id);
        }
        page = answer.next_token;
        if page.is_none() {
            break;
        }
    }
    // CloudFormation does not list the resources that it cannot compare.
    let all = resources(connection, name).await?.into_iter().filter_map(|one| one.logical_resource_id);
    drift.not_checked = all.filter(|id| !compared.contains(id)).collect();
    Ok(drift)
}

/// Starts drift detection and waits for its end. Returns whether it succeeded for all resources.
async fn wait_for_detection(connection: &Connection, stack: &str) -> Result<bool, DeployError> {
    let client = &connection.cloudformation;
    let started = client.detect_stack_drift().stack_name(stack).send().await;
    let id =
        started.map_err(DeployError::call("DetectStackDrift"))?.stack_drift_detection_id.unwrap_or_default();
    let start = Instant::now();
    loop {
        let request = client.describe_stack_drift_detection_status().stack_drift_detection_id(&id);
        let status = request.send().await.map_err(DeployError::call("DescribeStackDriftDetectionStatus"))?;
        match status.detection_status {
            Some(StackDriftDetectionStatus::DetectionComplete) => return Ok(true),
            // The results for the other resources are available.
            Some(StackDriftDetectionStatus::DetectionFailed) => return Ok(false),
            _ => {}
        }
        if start.elapsed() > DETECTION_TIMEOUT {
            return Err(DeployError::Timeout {
                activity: format!("drift detection for the stack {stack}"),
                limit: DETECTION_TIMEOUT,
                backend: connection.backend(),
            });
        }
        connection.poller.wait(start.elapsed()).await;
    }
}

fn drifted(one: &StackResourceDrift, status: DriftStatus, secrets: &Secrets<'_>) -> DriftedResource {
    let logical_id = one.logical_resource_id().unwrap_or_default().to_owned();
    let differences = one
        .property_differences()
        .iter()
        .map(|one| {
            let path = one.property_path().unwrap_or_default().to_owned();
            let property = path.split('/').nth(1).unwrap_or_default().to_owned();
            let shown = |value: Option<&str>| {
                let mut value = value.map(str::to_owned);
                secrets.mask_property(&logical_id, &property, &mut value);
                value.unwrap_or_default()
            };
            PropertyDifference {
                expected: shown(one.expected_value()),
                actual: shown(one.actual_value()),
                path,
            }
        })
        .collect();
    DriftedResource {
        resource_type: one.resource_type().unwrap_or_default().to_owned(),
        logical_id,
        status,
        differences,
    }
}
