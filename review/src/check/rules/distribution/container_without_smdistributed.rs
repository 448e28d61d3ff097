//! `container-without-smdistributed`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::value::text;
use crate::check::view::View;

rule! {
    /// One of SageMaker's distribution libraries with the image `2.0.1-gpu-py310-cu121`, from which they were left out.
    Error "container-without-smdistributed",
    source: "sagemaker 2.257.7 fw_utils.py validate_smdistributed",
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
              HyperParameters:
                sagemaker_distributed_dataparallel_enabled: 'true'
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
                TrainingImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.0.1-gpu-py310-cu121 # here
              OutputDataConfig: {S3OutputPath: s3://models/}
              ResourceConfig:
                InstanceType: ml.p4d.24xlarge
                InstanceCount: 1
                VolumeSizeInGB: 100
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              HyperParameters:
                sagemaker_distributed_dataparallel_enabled: 'true'
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let image = &job.arguments["AlgorithmSpecification"]["TrainingImage"];
        let without = text(image).is_some_and(|uri| uri.contains("2.0.1-gpu-py310-cu121"));
        if without && (job.is_on(DATA_PARALLEL) || job.model_parallel().is_some()) {
            findings.add(
                job.resource,
                image,
                "this image has no smdistributed",
                "use 2.0.1-gpu-py310-cu118, or a newer version",
            );
        }
    }
}
