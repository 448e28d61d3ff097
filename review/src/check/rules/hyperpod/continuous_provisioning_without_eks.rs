//! `continuous-provisioning-without-eks`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, text};
use crate::check::view::View;

rule! {
    /// `NodeProvisioningMode: Continuous` of a cluster that is not orchestrated by EKS.
    Error "continuous-provisioning-without-eks",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json CreateClusterRequest.NodeProvisioningMode",
    applies_to: ["AWS::SageMaker::Cluster"],
    good: r#"
Resources:
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      Orchestrator: {Eks: {ClusterArn: "arn:aws:eks:us-east-1:111122223333:cluster/ml"}}
      NodeProvisioningMode: Continuous
      VpcConfig: {SecurityGroupIds: [sg-0123456789abcdef0], Subnets: [subnet-0123456789abcdef0]}
      InstanceGroups:
        - InstanceGroupName: worker
          ExecutionRole: arn:aws:iam::111122223333:role/HyperPod
          LifeCycleConfig: {SourceS3Uri: s3://sagemaker-scripts/, OnCreate: on_create.sh}
          InstanceType: ml.p5.48xlarge
          InstanceCount: 2
"#,
    bad: "
Resources:
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      Orchestrator: {Slurm: {}}
      NodeProvisioningMode: Continuous # here
      InstanceGroups:
        - InstanceGroupName: worker
          ExecutionRole: arn:aws:iam::111122223333:role/HyperPod
          LifeCycleConfig: {SourceS3Uri: s3://sagemaker-scripts/, OnCreate: on_create.sh}
          InstanceType: ml.p5.48xlarge
          InstanceCount: 2
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let mode = &cluster.properties["NodeProvisioningMode"];
        let orchestrator = &cluster.properties["Orchestrator"];
        if text(mode) == Some("Continuous") && !is_set(&orchestrator["Eks"]) && !is_unresolved(orchestrator) {
            findings.add(
                cluster,
                mode,
                "continuous provisioning needs the EKS orchestrator",
                "leave it out, or use `Orchestrator.Eks`",
            );
        }
    }
}
