//! `state-machine-role-without-events`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items, one_or_many, text};
use crate::check::view::View;

rule! {
    /// A state machine waits for a job (`.sync`), and its role may not make the EventBridge rule by which Step Functions learns that
    /// the job has ended. The execution fails when it starts the job.
    Error "state-machine-role-without-events",
    source: "AWS Step Functions Developer Guide, connect-sagemaker.md",
    applies_to: ["AWS::StepFunctions::StateMachine"],
    good: r#"
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: launch
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: [sagemaker:CreateTrainingJob, sagemaker:DescribeTrainingJob, sagemaker:StopTrainingJob], Resource: "arn:aws:sagemaker:us-east-1:111122223333:training-job/arr-coc-*"}
              - {Effect: Allow, Action: [events:PutTargets, events:PutRule, events:DescribeRule], Resource: "arn:aws:events:us-east-1:111122223333:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"}
  Launch:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
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
"#,
    bad: r#"
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: launch
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: [sagemaker:CreateTrainingJob, sagemaker:DescribeTrainingJob, sagemaker:StopTrainingJob], Resource: "arn:aws:sagemaker:us-east-1:111122223333:training-job/arr-coc-*"}
  Launch:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn # here
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
"#,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let kinds = [
        ("CreateTrainingJob", "createTrainingJob"),
        ("CreateProcessingJob", "createProcessingJob"),
        ("CreateTransformJob", "createTransformJob"),
        ("CreateHyperParameterTuningJob", "createHyperParameterTuningJob"),
    ];
    for machine in view.of_type("AWS::StepFunctions::StateMachine") {
        let waits = machine.documents.iter().any(|document| {
            let text = document.value.as_ref().map(ToString::to_string).unwrap_or_default();
            kinds.iter().any(|(_, name)| text.contains(&format!(":sagemaker:{name}.sync")))
        });
        let role = &machine.properties["RoleArn"];
        let Some(target) = view.target(role).filter(|target| waits && target.type_name == "AWS::IAM::Role")
        else {
            continue;
        };
        // Managed policies and policies that are resources of their own may say it.
        let elsewhere = is_set(&target.properties["ManagedPolicyArns"])
            || ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"]
                .iter()
                .any(|kind| view.of_type(kind).next().is_some());
        let statements = items(&target.properties["Policies"])
            .flat_map(|policy| one_or_many(&policy["PolicyDocument"]["Statement"]));
        let may = statements.flat_map(|statement| one_or_many(&statement["Action"])).any(|action| {
            is_unresolved(action)
                || text(action)
                    .is_some_and(|name| matches!(name, "*" | "events:*" | "events:Put*" | "events:PutRule"))
        });
        if !may && !elsewhere && !is_unresolved(&target.properties["Policies"]) {
            let message = format!("`{}` may not make the rule that tells of the job's end", target.id);
            findings.add(machine, role, message, "allow events:PutTargets, PutRule and DescribeRule on rule/StepFunctionsGetEventsForSageMaker…Rule");
        }
    }
}
