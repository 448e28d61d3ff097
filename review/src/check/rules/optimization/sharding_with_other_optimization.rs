//! `sharding-with-other-optimization`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items};
use crate::check::view::View;

rule! {
    /// An optimization job shards the model and does something else with it, or does not say into how many parts. Sharding stands
    /// alone and needs `OPTION_TENSOR_PARALLEL_DEGREE`.
    Error "sharding-with-other-optimization",
    source: "sagemaker 2.257.7 serve/builder/model_builder.py:1702-1728",
    applies_to: ["AWS::StepFunctions::StateMachine", "AWS::SageMaker::Pipeline", "AWS::Scheduler::Schedule"],
    good: r#"
Resources:
  Launch:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::111122223333:role/Launch
      Definition:
        StartAt: Optimize
        States:
          Optimize:
            Type: Task
            Resource: arn:aws:states:::aws-sdk:sagemaker:createOptimizationJob
            End: true
            Parameters:
              OptimizationJobName.$: $$.Execution.Name
              RoleArn: arn:aws:iam::111122223333:role/Optimization
              ModelSource: {S3: {S3Uri: s3://models/chat/}}
              DeploymentInstanceType: ml.g5.12xlarge
              OutputConfig: {S3OutputLocation: s3://optimized/}
              StoppingCondition: {MaxRuntimeInSeconds: 36000}
              OptimizationConfigs:
                - ModelShardingConfig: {OverrideEnvironment: {OPTION_TENSOR_PARALLEL_DEGREE: "4"}}
"#,
    bad: r#"
Resources:
  Launch:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::111122223333:role/Launch
      Definition:
        StartAt: Optimize
        States:
          Optimize:
            Type: Task
            Resource: arn:aws:states:::aws-sdk:sagemaker:createOptimizationJob
            End: true
            Parameters:
              OptimizationJobName.$: $$.Execution.Name
              RoleArn: arn:aws:iam::111122223333:role/Optimization
              ModelSource: {S3: {S3Uri: s3://models/chat/}}
              DeploymentInstanceType: ml.g5.12xlarge
              OutputConfig: {S3OutputLocation: s3://optimized/}
              StoppingCondition: {MaxRuntimeInSeconds: 36000}
              OptimizationConfigs:
                - ModelShardingConfig: {OverrideEnvironment: {OPTION_TENSOR_PARALLEL_DEGREE: "4"}} # here
                - ModelQuantizationConfig: {OverrideEnvironment: {OPTION_QUANTIZE: awq}}
"#,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, request) in view.requests("CreateOptimizationJob") {
        let arguments = &request.arguments;
        let configs = &arguments["OptimizationConfigs"];
        for one in items(configs).filter(|one| is_set(&one["ModelShardingConfig"])) {
            let sharding = &one["ModelShardingConfig"];
            if items(configs).count() > 1 {
                findings.add(resource, one, "sharding excludes every other optimization", "make two jobs");
            }
            let places = [&sharding["OverrideEnvironment"], &arguments["OptimizationEnvironment"]];
            let said = places
                .iter()
                .any(|place| is_unresolved(place) || is_set(&place["OPTION_TENSOR_PARALLEL_DEGREE"]));
            if !said {
                findings.add(
                    resource,
                    one,
                    "sharding needs OPTION_TENSOR_PARALLEL_DEGREE",
                    "set it in `OverrideEnvironment`",
                );
            }
        }
    }
}
