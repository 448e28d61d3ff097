//! `volume-key-on-local-storage`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// `VolumeKmsKeyId` for an instance type whose storage is its own NVMe disks, which are encrypted by the instance: the API
    /// refuses the key.
    Error "volume-key-on-local-storage",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ResourceConfig.VolumeKmsKeyId; instance hardware of moto 5.2.5",
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
                VolumeKmsKeyId: 1234abcd-12ab-34cd-56ef-1234567890ab # here
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let key = &job.resources()["VolumeKmsKeyId"];
        for (_, name, facts) in job.instances() {
            if is_set(key) && facts.and_then(|facts| facts.local_nvme_gb).is_some_and(|size| size > 0) {
                findings.add(
                    job.resource,
                    key,
                    format!("{name} has local NVMe storage, which takes no key"),
                    "leave it out: the instance encrypts it",
                );
            }
        }
    }
}
