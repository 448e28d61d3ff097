//! `training-plan-with-spot`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::value::{is_set, truth};
use crate::check::view::View;

rule! {
    /// A managed spot job with a training plan. The plan has reserved the capacity, and paid for it.
    ///
    /// That the API refuses the combination is not confirmed.
    Warning "training-plan-with-spot",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ResourceConfig.TrainingPlanArn; unconfirmed",
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
                InstanceType: ml.p5.48xlarge
                InstanceCount: 1
                VolumeSizeInGB: 100
                TrainingPlanArn: arn:aws:sagemaker:us-east-1:111122223333:training-plan/reserved # here
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
                MaxWaitTimeInSeconds: 90000
              EnableManagedSpotTraining: true
              CheckpointConfig: {S3Uri: s3://checkpoints/}
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let plan = &job.resources()["TrainingPlanArn"];
        if is_set(plan) && truth(&job.arguments["EnableManagedSpotTraining"]) == Some(true) {
            findings.add(
                job.resource,
                plan,
                "a training plan has reserved the capacity: spot adds nothing",
                "turn `EnableManagedSpotTraining` off",
            );
        }
    }
}
