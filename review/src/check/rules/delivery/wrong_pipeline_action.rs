//! `wrong-pipeline-action`

use super::PIPELINE;
use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// An action of a pipeline has too few or too many artifacts for its provider, or no value for a setting that the
    /// provider requires.
    ///
    /// # Why it matters
    ///
    /// CodePipeline refuses the pipeline.
    ///
    /// # How to fix
    ///
    /// Give the action as many artifacts and the settings in `Configuration` that the message names.
    ///
    /// # Limitations
    ///
    /// Providers that are not in the table of the User Guide, and custom actions, are not checked.
    Error "wrong-pipeline-action",
    source: "AWS CodePipeline User Guide, \"Valid input and output artifacts for each action type\" and \"Valid configuration parameters for each provider type\"; \"Action structure reference\" for GitHub and manual approvals",
    applies_to: [PIPELINE],
    check: Each(check),
}

/// The requirements of an action of a provider.
struct Provider {
    category: &'static str,
    name: &'static str,
    inputs: (usize, usize),
    outputs: (usize, usize),
    /// The settings that `Configuration` must have.
    needs: &'static [&'static str],
}

const fn provider(
    category: &'static str,
    name: &'static str,
    inputs: (usize, usize),
    outputs: (usize, usize),
    needs: &'static [&'static str],
) -> Provider {
    Provider { category, name, inputs, outputs, needs }
}

const PROVIDERS: [Provider; 17] = [
    provider("Source", "S3", (0, 0), (1, 1), &["S3Bucket", "S3ObjectKey"]),
    provider("Source", "CodeCommit", (0, 0), (1, 1), &["RepositoryName", "BranchName"]),
    provider("Source", "ECR", (0, 0), (1, 1), &["RepositoryName"]),
    provider("Source", "GitHub", (0, 0), (1, 1), &["Owner", "Repo", "Branch", "OAuthToken"]),
    provider(
        "Source",
        "CodeStarSourceConnection",
        (0, 0),
        (1, 1),
        &["ConnectionArn", "FullRepositoryId", "BranchName"],
    ),
    provider("Build", "CodeBuild", (1, 5), (0, 5), &["ProjectName"]),
    provider("Test", "CodeBuild", (1, 5), (0, 5), &["ProjectName"]),
    provider("Test", "DeviceFarm", (1, 1), (0, 0), &[]),
    provider("Approval", "Manual", (0, 0), (0, 0), &[]),
    provider("Deploy", "S3", (1, 1), (0, 0), &["BucketName", "Extract"]),
    provider("Deploy", "CloudFormation", (0, 10), (0, 1), &["ActionMode", "StackName"]),
    provider("Deploy", "CodeDeploy", (1, 1), (0, 0), &["ApplicationName", "DeploymentGroupName"]),
    provider("Deploy", "ElasticBeanstalk", (1, 1), (0, 0), &["ApplicationName", "EnvironmentName"]),
    provider("Deploy", "OpsWorks", (1, 1), (0, 0), &[]),
    provider("Deploy", "ECS", (1, 1), (0, 0), &["ClusterName", "ServiceName"]),
    provider("Deploy", "ServiceCatalog", (1, 1), (0, 0), &[]),
    provider("Invoke", "Lambda", (0, 5), (0, 5), &["FunctionName"]),
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for pipeline in view.of_type(PIPELINE) {
        let stages = items(&pipeline.properties["Stages"]);
        for action in stages.flat_map(|stage| items(&stage["Actions"])) {
            let kind = &action["ActionTypeId"];
            let (Some(category), Some(name)) = (string(&kind["Category"]), string(&kind["Provider"])) else {
                continue;
            };
            let is_custom = string(&kind["Owner"]).is_none_or(|owner| owner == "Custom");
            let known = PROVIDERS.iter().find(|known| known.category == category && known.name == name);
            if let Some(known) = known.filter(|_| !is_custom) {
                check_action(pipeline, action, known, findings);
            }
        }
    }
}

fn check_action(
    pipeline: &Resource<'_>,
    action: &Cursor<'_>,
    provider: &Provider,
    findings: &mut Findings<'_, '_, '_>,
) {
    let lists =
        [("InputArtifacts", "input", provider.inputs), ("OutputArtifacts", "output", provider.outputs)];
    for (name, what, (least, most)) in lists {
        let list = &action[name];
        let count = items(list).count();
        if is_unresolved(list) || items(list).any(|one| is_unresolved(one)) || (least..=most).contains(&count)
        {
            continue;
        }
        let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let message = format!(
            "an action of the category {} and the provider {} has {wanted} {what} artifacts, and this one has {count}",
            provider.category, provider.name
        );
        findings.add(pipeline, if is_set(list) { list } else { action }, message, "");
    }
    let settings = &action["Configuration"];
    if is_unresolved(settings) || settings.as_object().is_some_and(|map| map.contains_key("Fn::Transform")) {
        return;
    }
    for name in provider.needs.iter().filter(|name| !is_set(&settings[**name])) {
        let message = format!("the provider {} needs the setting `{name}`", provider.name);
        findings.add(
            pipeline,
            if is_set(settings) { settings } else { action },
            message,
            "add it to `Configuration`",
        );
    }
}
