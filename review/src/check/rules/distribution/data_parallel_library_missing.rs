//! `data-parallel-library-missing`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// SageMaker's data parallel library (SMDDP) with a PyTorch container that does not have it. The last framework container
    /// with it is that of 2.3; after that it comes in the model parallel image.
    Error "data-parallel-library-missing",
    source: "sagemaker 2.257.7 fw_utils.py SM_DATAPARALLEL_SUPPORTED_FRAMEWORK_VERSIONS; Amazon SageMaker Developer Guide, distributed-data-parallel-support.md",
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
                TrainingImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5.1-gpu-py311-cu121-ubuntu20.04-sagemaker # here
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
        let Some((place, version)) = job.pytorch().filter(|_| job.is_on(DATA_PARALLEL)) else { continue };
        if version > [2, 3, 1] {
            let [major, minor, patch] = version;
            findings.add(
                job.resource,
                place,
                format!("SMDDP is not in the PyTorch {major}.{minor}.{patch} container"),
                "use PyTorch 2.3 or older, the SageMaker model parallel image, or NCCL",
            );
        }
    }
}
