//! `two-smdistributed-strategies`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A job turns on both of SageMaker's distribution libraries, data parallel and model parallel, as strategies. Under model
    /// parallel the data parallel library serves as its collective backend and is not turned on.
    Error "two-smdistributed-strategies",
    source: "sagemaker 2.257.7 fw_utils.py validate_smdistributed",
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
                InstanceType: ml.p4d.24xlarge
                InstanceCount: 1
                VolumeSizeInGB: 100
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              HyperParameters:
                sagemaker_torch_distributed_enabled: 'true'
                sagemaker_distributed_dataparallel_enabled: 'true' # here
                mp_parameters: '{"hybrid_shard_degree": 8}'
"#,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        if job.is_on(DATA_PARALLEL) && job.model_parallel().is_some() {
            let place = &job.arguments["HyperParameters"][DATA_PARALLEL];
            findings.add(
                job.resource,
                place,
                "data parallel and model parallel exclude each other as strategies",
                "leave data parallel out",
            );
        }
    }
}
