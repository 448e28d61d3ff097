//! `unsupported-model-parallel-instance`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::distribution::is_version_1;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// SageMaker model parallel (SMP v2) on an instance type that it does not support.
    Error "unsupported-model-parallel-instance",
    source: "Amazon SageMaker Developer Guide, distributed-model-parallel-support-v2.md",
    applies_to: ["AWS::StepFunctions::StateMachine", "AWS::SageMaker::Pipeline", "AWS::Scheduler::Schedule"],
    good: r#"
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
                sagemaker_torch_distributed_enabled: 'true'
                mp_parameters: '{"hybrid_shard_degree": 8}'
"#,
    bad: r#"
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
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              HyperParameters:
                sagemaker_torch_distributed_enabled: 'true'
                mp_parameters: '{"hybrid_shard_degree": 8}'
"#,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        if job.model_parallel().is_none_or(|parameters| is_version_1(&parameters)) {
            continue;
        }
        for (place, name, facts) in job.instances() {
            let support =
                facts.and_then(|facts| facts.accelerators()).and_then(|facts| facts.smp_v2.as_deref());
            if support == Some("False") || facts.is_some_and(|facts| facts.accelerator_count == Some(0)) {
                findings.add(
                    job.resource,
                    place,
                    format!("SageMaker model parallel does not support {name}"),
                    "use p4d, p4de, p5 or p5e",
                );
            }
        }
    }
}
