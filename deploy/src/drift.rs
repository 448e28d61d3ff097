//! Drift: what somebody changed past the stack.

use std::time::{Duration, Instant};

use aws_sdk_cloudformation::types::StackDriftDetectionStatus;
use serde::Serialize;
use stackwright_synth::StackArtifact;

use crate::connection::Connection;
use crate::error::DeployError;
use crate::secret::Secrets;

/// What is other than the stack deployed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drift {
    /// The stack's name.
    pub stack: String,
    /// Whether every resource that can be looked at was looked at.
    pub complete: bool,
    /// Resources that differ.
    pub drifted: Vec<DriftedResource>,
    /// Resources that could not be compared.
    pub unchecked: Vec<String>,
}

/// A resource that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DriftedResource {
    /// The logical id.
    pub logical_id: String,
    /// The type.
    pub resource_type: String,
    /// `MODIFIED` or `DELETED`.
    pub status: String,
    /// Property paths, with what the stack says and what is there.
    pub differences: Vec<(String, String, String)>,
}

const DEADLINE: Duration = Duration::from_secs(30 * 60);

impl Connection {
    /// Has CloudFormation compare a stack's resources with what it deployed.
    ///
    /// # Errors
    /// There is no such stack, it is in an operation, or a call failed.
    pub async fn drift(&self, stack: &StackArtifact) -> Result<Drift, DeployError> {
        let (name, secrets) = (&stack.name, Secrets::of(stack));
        let client = &self.cloudformation;
        let begun = client.detect_stack_drift().stack_name(name).send().await;
        let id = begun
            .map_err(DeployError::call("DetectStackDrift"))?
            .stack_drift_detection_id
            .unwrap_or_default();
        let start = Instant::now();
        let complete = loop {
            let request = client.describe_stack_drift_detection_status().stack_drift_detection_id(&id);
            let status =
                request.send().await.map_err(DeployError::call("DescribeStackDriftDetectionStatus"))?;
            match status.detection_status {
                Some(StackDriftDetectionStatus::DetectionComplete) => break true,
                // What could be looked at is told all the same.
                Some(StackDriftDetectionStatus::DetectionFailed) => break false,
                _ => {}
            }
            if start.elapsed() > DEADLINE {
                return Err(DeployError::Deadline {
                    what: format!("looking for drift in {name}"),
                    seconds: DEADLINE.as_secs(),
                });
            }
            self.poller.turn(start.elapsed()).await;
        };
        let mut drift =
            Drift { stack: name.to_owned(), complete, drifted: Vec::new(), unchecked: Vec::new() };
        let mut page = None;
        loop {
            let request =
                client.describe_stack_resource_drifts().stack_name(name).set_next_token(page.take());
            let answer = request.send().await.map_err(DeployError::call("DescribeStackResourceDrifts"))?;
            for one in answer.stack_resource_drifts() {
                let logical_id = one.logical_resource_id().unwrap_or_default().to_owned();
                let status = one.stack_resource_drift_status().map_or("UNKNOWN", |status| status.as_str());
                match status {
                    "IN_SYNC" => {}
                    "MODIFIED" | "DELETED" => {
                        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                        let differences = one
                            .property_differences()
                            .iter()
                            .map(|one| {
                                let path = text(one.property_path());
                                let property = path.split('/').nth(1).unwrap_or_default();
                                let shown = |value: Option<&str>| {
                                    let mut value = value.map(str::to_owned);
                                    secrets.hide(&logical_id, property, &mut value);
                                    value.unwrap_or_default()
                                };
                                let values = (shown(one.expected_value()), shown(one.actual_value()));
                                (path, values.0, values.1)
                            })
                            .collect();
                        drift.drifted.push(DriftedResource {
                            logical_id,
                            resource_type: text(one.resource_type()),
                            status: status.to_owned(),
                            differences,
                        });
                    }
                    _ => drift.unchecked.push(logical_id),
                }
            }
            match answer.next_token {
                Some(token) => page = Some(token),
                None => return Ok(drift),
            }
        }
    }
}
