//! `cluster-plan-with-spot`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A HyperPod group has a training plan and asks for spot capacity. The plan has reserved the capacity, and paid for it.
    ///
    /// That the API refuses the combination is not confirmed.
    Warning "cluster-plan-with-spot",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterCapacityRequirements; unconfirmed",
    applies_to: ["AWS::SageMaker::Cluster"],
    good: "
Resources:
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      Orchestrator: {Slurm: {}}
      InstanceGroups:
        - InstanceGroupName: worker
          ExecutionRole: arn:aws:iam::111122223333:role/HyperPod
          LifeCycleConfig: {SourceS3Uri: s3://sagemaker-scripts/, OnCreate: on_create.sh}
          InstanceType: ml.p5.48xlarge
          InstanceCount: 2
          TrainingPlanArn: arn:aws:sagemaker:us-east-1:111122223333:training-plan/reserved
",
    bad: "
Resources:
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      Orchestrator: {Slurm: {}}
      InstanceGroups:
        - InstanceGroupName: worker
          ExecutionRole: arn:aws:iam::111122223333:role/HyperPod
          LifeCycleConfig: {SourceS3Uri: s3://sagemaker-scripts/, OnCreate: on_create.sh}
          InstanceType: ml.p5.48xlarge
          InstanceCount: 2
          TrainingPlanArn: arn:aws:sagemaker:us-east-1:111122223333:training-plan/reserved
          CapacityRequirements: # here
            Spot: {}
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            let capacity = &group["CapacityRequirements"];
            if is_set(&group["TrainingPlanArn"]) && is_set(&capacity["Spot"]) {
                findings.add(
                    cluster,
                    capacity,
                    "a training plan has reserved the capacity: spot adds nothing",
                    "leave one of the two out",
                );
            }
        }
    }
}
