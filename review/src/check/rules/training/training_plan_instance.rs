//! `training-plan-instance`

use stackwright_schemas::instances::Service;

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A training plan for an instance type of which SageMaker reserves none.
    Error "training-plan-instance",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ReservedCapacityInstanceType",
    applies_to: ["AWS::StepFunctions::StateMachine", "AWS::SageMaker::Pipeline", "AWS::Scheduler::Schedule"],
    good: "
Resources:
  Launch:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::111122223333:role/Launch
      Definition:
        StartAt: Train
        States:
          Train:
            Type: Task
            Resource: arn:aws:states:::sagemaker:createTrainingJob.sync
            End: true
            Parameters:
              TrainingJobName.$: $$.Execution.Name
              RoleArn: arn:aws:iam::111122223333:role/Training
              AlgorithmSpecification:
                TrainingInputMode: File
                TrainingImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3.0-gpu-py311-cu121-ubuntu20.04-sagemaker
              OutputDataConfig: {S3OutputPath: s3://models/}
              ResourceConfig:
                InstanceType: ml.p5.48xlarge
                InstanceCount: 1
                VolumeSizeInGB: 100
                TrainingPlanArn: arn:aws:sagemaker:us-east-1:111122223333:training-plan/reserved
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
",
    bad: "
Resources:
  Launch:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::111122223333:role/Launch
      Definition:
        StartAt: Train
        States:
          Train:
            Type: Task
            Resource: arn:aws:states:::sagemaker:createTrainingJob.sync
            End: true
            Parameters:
              TrainingJobName.$: $$.Execution.Name
              RoleArn: arn:aws:iam::111122223333:role/Training
              AlgorithmSpecification:
                TrainingInputMode: File
                TrainingImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3.0-gpu-py311-cu121-ubuntu20.04-sagemaker
              OutputDataConfig: {S3OutputPath: s3://models/}
              ResourceConfig:
                InstanceType: ml.g5.48xlarge # here
                InstanceCount: 1
                VolumeSizeInGB: 100
                TrainingPlanArn: arn:aws:sagemaker:us-east-1:111122223333:training-plan/reserved
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        for (place, name, facts) in job.instances() {
            let offered = facts.is_none_or(|facts| facts.is_for(Service::TrainingPlan));
            if is_set(&job.resources()["TrainingPlanArn"]) && !offered {
                findings.add(
                    job.resource,
                    place,
                    format!("training plans do not offer {name}"),
                    "they offer p4d, p4de, p5, p6 and Trainium types",
                );
            }
        }
    }
}
