//! The comparison of a change set with the changes that the templates predict.
//!
//! The deployer reads the deployed version, and stores what the caller finds in the change set: it does not compare templates
//! itself.

use std::collections::BTreeSet;

use aws_sdk_cloudformation::types::{Stack, TemplateStage};
use serde::{Deserialize, Serialize};
use stackwright_schemas::consequence::Consequence;
use stackwright_synth::{StackArtifact, Template, with_causes};

use crate::change_set::ChangeSet;
use crate::connection::Connection;
use crate::deployed::DeployedStack;
use crate::error::DeployError;
use crate::lookup::{deployed_template, read_template};
use crate::parameters::Parameters;
use crate::{Progress, Report};

/// A resource for which the change set differs from what the comparison of the templates predicts. What CloudFormation
/// reports is what happens.
///
/// ```
/// use std::collections::BTreeSet;
/// use stackwright_deploy::{ChangeOutcome, PredictionDifference};
/// use stackwright_schemas::consequence::Consequence;
///
/// let replaced = ChangeOutcome::new(Consequence::Replaced, BTreeSet::from(["BucketName".to_owned()]));
/// let found = PredictionDifference::new("Models", "AWS::S3::Bucket").reported(Some(replaced));
/// assert_eq!(found.predicted, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PredictionDifference {
    /// The logical ID of the resource.
    pub logical_id: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The outcome that the comparison of the templates predicts; `None` if it predicts no change.
    pub predicted: Option<ChangeOutcome>,
    /// The outcome in the change set; `None` if it does not change the resource.
    pub reported: Option<ChangeOutcome>,
}

impl PredictionDifference {
    /// Creates the difference for a resource, without an outcome on either side.
    #[must_use]
    pub fn new(logical_id: impl Into<String>, resource_type: impl Into<String>) -> Self {
        Self {
            logical_id: logical_id.into(),
            resource_type: resource_type.into(),
            predicted: None,
            reported: None,
        }
    }

    /// Sets the outcome that the comparison of the templates predicts; `None` if it predicts no change.
    #[must_use]
    pub fn predicted(mut self, outcome: Option<ChangeOutcome>) -> Self {
        self.predicted = outcome;
        self
    }

    /// Sets the outcome in the change set; `None` if it does not change the resource.
    #[must_use]
    pub fn reported(mut self, outcome: Option<ChangeOutcome>) -> Self {
        self.reported = outcome;
        self
    }
}

/// The outcome of a change for a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeOutcome {
    /// The consequence for the resource.
    pub consequence: Consequence,
    /// The names of the properties that replace the resource, or may replace it.
    pub causes: BTreeSet<String>,
}

impl ChangeOutcome {
    /// Creates an outcome from the consequence and the names of the properties that replace the resource, or may replace it.
    #[must_use]
    pub fn new(consequence: Consequence, causes: BTreeSet<String>) -> Self {
        Self { consequence, causes }
    }
}

/// The two versions of a stack that has a change set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComparedVersions {
    /// The stack as it is deployed. The stack policy is not read.
    pub deployed: DeployedStack,
    /// The new template with transforms applied; `None` if it has none. Then the deployed template has transforms applied too.
    pub processed: Option<Template>,
}

/// Compares a change set with what the two versions of its stack predict, and returns the differences.
pub type ComparePrediction<'a> =
    &'a dyn Fn(&StackArtifact, ComparedVersions, &ChangeSet) -> Vec<PredictionDifference>;

/// Reads the versions to compare; `None` if that is not allowed or fails, which is reported.
pub(crate) async fn versions(
    connection: &Connection,
    stack: &StackArtifact,
    (found, parameters): (&Stack, &Parameters),
    change_set: &ChangeSet,
    report: Report<'_>,
) -> Result<Option<ComparedVersions>, DeployError> {
    let has_transform = |template: &Template| template.sections().contains_key("Transform");
    let read = async {
        let name = &stack.name;
        let mut template = deployed_template(connection, name, TemplateStage::Original).await?;
        let mut processed = None;
        if has_transform(&template) || has_transform(&stack.template) {
            template = deployed_template(connection, name, TemplateStage::Processed).await?;
            processed = Some(processed_template(connection, stack, change_set).await?);
        }
        let deployed = DeployedStack::new(stack, found, template, parameters);
        Ok(ComparedVersions { deployed, processed })
    };
    match read.await {
        Ok(versions) => Ok(Some(versions)),
        Err(error) if DeployError::is_expired(&error) => Err(error),
        Err(error) => {
            report(Progress::NotCompared { reason: with_causes(&error) });
            Ok(None)
        }
    }
}

/// Reads the template of a change set with transforms applied.
async fn processed_template(
    connection: &Connection,
    stack: &StackArtifact,
    change_set: &ChangeSet,
) -> Result<Template, DeployError> {
    let request = connection
        .cloudformation
        .get_template()
        .stack_name(&stack.name)
        .change_set_name(&change_set.id)
        .template_stage(TemplateStage::Processed);
    let answer = request.send().await.map_err(DeployError::call("GetTemplate"))?;
    read_template(&stack.name, answer.template_body())
}
