//! `unsupported-strategy-on-trainium`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// Another distribution strategy than torchrun on Trainium instances.
    Error "unsupported-strategy-on-trainium",
    source: "sagemaker 2.257.7 fw_utils.py validate_distribution_for_instance_type",
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
                TrainingImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training-neuronx:2.1.2-neuronx-py310-sdk2.19.1-ubuntu20.04
              OutputDataConfig: {S3OutputPath: s3://models/}
              ResourceConfig:
                InstanceType: ml.trn1.32xlarge
                InstanceCount: 1
                VolumeSizeInGB: 100
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              HyperParameters:
                sagemaker_torch_distributed_enabled: 'true'
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
                TrainingImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training-neuronx:2.1.2-neuronx-py310-sdk2.19.1-ubuntu20.04
              OutputDataConfig: {S3OutputPath: s3://models/}
              ResourceConfig:
                InstanceType: ml.trn1.32xlarge # here
                InstanceCount: 1
                VolumeSizeInGB: 100
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              HyperParameters:
                sagemaker_mpi_enabled: 'true'
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let strategies = ["sagemaker_mpi_enabled", DATA_PARALLEL, "sagemaker_pytorch_ddp_enabled"];
        let other = strategies.iter().find(|name| job.is_on(name));
        for (place, name, _) in job.instances().into_iter().filter(|(_, name, _)| name.starts_with("ml.trn"))
        {
            if let Some(strategy) = other {
                findings.add(
                    job.resource,
                    place,
                    format!("{name} does not support {strategy}"),
                    "use sagemaker_torch_distributed_enabled, and nothing else",
                );
            }
        }
    }
}
