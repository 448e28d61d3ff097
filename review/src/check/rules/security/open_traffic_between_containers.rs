//! `open-traffic-between-containers`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::value::{is_set, truth};
use crate::check::view::View;

rule! {
    /// A job on several instances is given a key for its storage, so its data counts as sensitive, and what its instances tell each
    /// other is not encrypted. It also does where it is switched off in words.
    Warning "open-traffic-between-containers",
    source: "Amazon SageMaker Developer Guide, train-encrypt.md",
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
                InstanceType: ml.m5.xlarge
                InstanceCount: 2
                VolumeSizeInGB: 100
                VolumeKmsKeyId: 1234abcd-12ab-34cd-56ef-1234567890ab
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              EnableInterContainerTrafficEncryption: true
              EnableNetworkIsolation: true
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
                InstanceType: ml.m5.xlarge
                InstanceCount: 2
                VolumeSizeInGB: 100
                VolumeKmsKeyId: 1234abcd-12ab-34cd-56ef-1234567890ab # here
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              EnableNetworkIsolation: true
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let given = &job.arguments["EnableInterContainerTrafficEncryption"];
        let key = &job.resources()["VolumeKmsKeyId"];
        let several = job.count().is_some_and(|count| count > 1.0);
        if several && is_set(key) && (truth(given) == Some(false) || !is_set(given)) {
            let at = if is_set(given) { given } else { key };
            findings.add(
                job.resource,
                at,
                "the storage has a key, and traffic between the containers is not encrypted",
                "set `EnableInterContainerTrafficEncryption: true`; it costs some speed",
            );
        }
    }
}
