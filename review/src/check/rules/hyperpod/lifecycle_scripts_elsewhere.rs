//! `lifecycle-scripts-elsewhere`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::glob::matches;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::rules::security::{allowing_to, allows};
use crate::check::text::{Piece, Text};
use crate::check::value::{is_set, is_unresolved, items, one_or_many};
use crate::check::view::{Resource, View, references, referred};

rule! {
    /// The lifecycle scripts of a HyperPod instance group are in a bucket whose name does not start with `sagemaker-`,
    /// and its role is not in the template, so that it may have only the managed policy.
    ///
    /// # Why it matters
    ///
    /// `AmazonSageMakerClusterInstanceRolePolicy` allows reading from such buckets only, so the cluster cannot be
    /// created.
    ///
    /// # How to fix
    ///
    /// Add a permission for the bucket to the role, or use another bucket. If the role has the permission, acknowledge the
    /// finding.
    Warning "lifecycle-scripts-elsewhere",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterLifeCycleConfig.SourceS3Uri",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

/// The managed policies. Only the first one allows reading from buckets of scripts.
const MANAGED: [&str; 7] = [
    "AmazonSageMakerClusterInstanceRolePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            let uri = &group["LifeCycleConfig"]["SourceS3Uri"];
            let location = Text::of(uri);
            if !location.start().starts_with("s3://") {
                continue;
            }
            let is_open = location.start().starts_with("s3://sagemaker-");
            match view.target(&group["ExecutionRole"]).filter(|role| role.type_name == "AWS::IAM::Role") {
                Some(role) => {
                    if may_read(view, role, &location) == Some(false) {
                        let message =
                            format!("no policy of `{}` allows it to read the lifecycle scripts", role.id);
                        let help = "allow `s3:GetObject` and `s3:ListBucket` on the bucket";
                        findings.add(cluster, uri, message, help);
                    }
                }
                None => {
                    let long_enough =
                        location.start().len() >= "s3://sagemaker-".len() || location.known().is_some();
                    if long_enough && !is_open {
                        findings.add(
                            cluster,
                            uri,
                            "the managed policy allows reading scripts from s3://sagemaker-… only",
                            "rename the bucket, or allow the role to read it",
                        );
                    }
                }
            }
        }
    }
}

/// Returns whether a role may read a location; `None` if that is not known.
fn may_read(view: &View<'_>, role: &Resource<'_>, location: &Text<'_>) -> Option<bool> {
    let bucket = Bucket::of(location)?;
    let managed = &role.properties["ManagedPolicyArns"];
    let mut has_cluster_policy = false;
    for policy in items(managed) {
        // A policy of the template is attached, and its statements are read below.
        if view.target(policy).is_some_and(|target| target.type_name == "AWS::IAM::ManagedPolicy") {
            return None;
        }
        let arn = Text::of(policy);
        let name = arn.end().rsplit('/').next().unwrap_or_default().to_owned();
        if !MANAGED.contains(&name.as_str()) {
            return None;
        }
        has_cluster_policy |= name == MANAGED[0];
    }
    if is_unresolved(managed) || is_unresolved(&role.properties["Policies"]) {
        return None;
    }
    // CloudFormation starts a name that it chooses with the name of the stack.
    let given = match &bucket {
        Bucket::Named(name) => name.clone(),
        Bucket::Of(id) => Text::of(&view.resource(id)?.properties["BucketName"]).start().to_owned(),
    };
    if has_cluster_policy && given.starts_with("sagemaker-") {
        return Some(true);
    }
    for (_, statement) in allowing_to(view, role) {
        if is_set(&statement["NotAction"]) || is_set(&statement["NotResource"]) {
            return None;
        }
        if allows(statement, "s3:GetObject")
            && one_or_many(&statement["Resource"]).any(|arn| bucket.may_be(arn))
        {
            return Some(true);
        }
    }
    Some(false)
}

/// The bucket of a location.
enum Bucket {
    Named(String),
    /// The bucket of the template, by its logical ID.
    Of(String),
}

impl Bucket {
    fn of(location: &Text<'_>) -> Option<Self> {
        match location.split('/').get(2)?.0.as_slice() {
            [Piece::Known(name)] => Some(Self::Named(name.to_string())),
            [Piece::Hole(hole)] => referred(hole).map(Self::Of),
            _ => None,
        }
    }

    /// Returns whether the resource of a statement may be the bucket or its objects.
    fn may_be(&self, arn: &JsonValue) -> bool {
        let text = Text::of(arn);
        match (self, text.known()) {
            (Self::Named(name), Some(arn)) => {
                let pattern = arn.rsplit(":::").next().unwrap_or_default();
                matches(pattern.split('/').next().unwrap_or_default(), name)
            }
            // Only a pattern means a bucket whose name CloudFormation chooses.
            (Self::Of(_), Some(arn)) => {
                arn.contains('*') && !arn.rsplit(":::").next().unwrap_or_default().contains('/')
            }
            (Self::Named(_), None) => true,
            (Self::Of(id), None) => {
                let (mut names_bucket, mut names_other) = (false, false);
                references(arn, &mut String::new(), &mut |name, _, _| {
                    names_bucket |= name == id;
                    names_other |= name != id && !name.starts_with("AWS::");
                });
                names_bucket || names_other
            }
        }
    }
}
