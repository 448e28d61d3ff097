//! `instances-given-twice`

use crate::check::findings::Findings;
use crate::check::job::jobs;
use crate::check::rules::rule;
use crate::check::value::{is_set, truth};
use crate::check::view::View;

rule! {
    /// The instances of a job are given in more than one way: `InstanceType` with `InstanceCount`, `InstanceGroups`, or
    /// `InstancePreferences`.
    Error "instances-given-twice",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ResourceConfig",
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
                InstanceGroups: # here
                  - {InstanceGroupName: one, InstanceType: ml.p4d.24xlarge, InstanceCount: 1}
                VolumeSizeInGB: 100
                InstanceType: ml.p4d.24xlarge
                InstanceCount: 1
              StoppingCondition:
                MaxRuntimeInSeconds: 86400
              HyperParameters: {sagemaker_mpi_enabled: 'true', sagemaker_distribution_instance_groups: '["one"]'}
"#,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let resources = job.resources();
        let groups = &resources["InstanceGroups"];
        let preferences = &resources["InstancePreferences"];
        let of_one_type = ["InstanceType", "InstanceCount"].iter().any(|name| is_set(&resources[*name]));
        for (place, others) in
            [(groups, of_one_type || is_set(preferences)), (preferences, is_set(&resources["InstanceType"]))]
        {
            if is_set(place) && others {
                findings.add(
                    job.resource,
                    place,
                    "`InstanceType`, `InstanceGroups` and `InstancePreferences` exclude each other",
                    "keep one of them",
                );
            }
        }
        if is_set(preferences) && truth(&job.arguments["EnableManagedSpotTraining"]) == Some(true) {
            findings.add(
                job.resource,
                preferences,
                "`InstancePreferences` do not work with spot",
                "name one instance type",
            );
        }
    }
}
