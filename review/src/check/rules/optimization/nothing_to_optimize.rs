//! `nothing-to-optimize`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::items;
use crate::check::view::View;

rule! {
    /// An optimization job without any optimization.
    Error "nothing-to-optimize",
    source: "sagemaker 2.257.7 serve/utils/optimize_utils.py:163",
    applies_to: ["AWS::StepFunctions::StateMachine", "AWS::SageMaker::Pipeline", "AWS::Scheduler::Schedule"],
    good: "
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
                - ModelQuantizationConfig: {OverrideEnvironment: {OPTION_QUANTIZE: awq}}
",
    bad: "
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
              OptimizationConfigs: [] # here
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, request) in view.requests("CreateOptimizationJob") {
        let arguments = &request.arguments;
        let configs = &arguments["OptimizationConfigs"];
        if configs.is_array() && items(configs).next().is_none() {
            findings.add(
                resource,
                configs,
                "the job names no optimization",
                "quantization, compilation, sharding or speculative decoding",
            );
        }
    }
}
