//! `warm-pool-with-spot`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::value::{number, truth};
use crate::check::view::View;

rule! {
    /// A warm pool, `KeepAlivePeriodInSeconds`, for a managed spot job. Spot capacity cannot be kept.
    Error "warm-pool-with-spot",
    source: "Amazon SageMaker Developer Guide, train-warm-pools.md",
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
                InstanceType: ml.p4d.24xlarge
                InstanceCount: 1
                VolumeSizeInGB: 100
                KeepAlivePeriodInSeconds: 600
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
                InstanceType: ml.p4d.24xlarge
                InstanceCount: 1
                VolumeSizeInGB: 100
                KeepAlivePeriodInSeconds: 600 # here
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
        let keep = &job.resources()["KeepAlivePeriodInSeconds"];
        let keeps = number(keep).is_some_and(|seconds| seconds > 0.0);
        if keeps && truth(&job.arguments["EnableManagedSpotTraining"]) == Some(true) {
            findings.add(
                job.resource,
                keep,
                "spot instances cannot be kept in a warm pool",
                "turn one of the two off",
            );
        }
    }
}
