//! `wait-without-spot`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::value::{is_set, truth};
use crate::check::view::View;

rule! {
    /// `MaxWaitTimeInSeconds` is given for a job that is no managed spot job. The API refuses it.
    Error "wait-without-spot",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json StoppingCondition.MaxWaitTimeInSeconds",
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
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
                MaxWaitTimeInSeconds: 90000 # here
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let spot = &job.arguments["EnableManagedSpotTraining"];
        let wait = &job.stopping()["MaxWaitTimeInSeconds"];
        if is_set(wait) && (!is_set(spot) || truth(spot) == Some(false)) {
            findings.add(
                job.resource,
                wait,
                "only a spot job has `MaxWaitTimeInSeconds`",
                "leave it out, or turn `EnableManagedSpotTraining` on",
            );
        }
    }
}
