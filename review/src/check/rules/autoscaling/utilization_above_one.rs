//! `utilization-above-one`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::POLICY;
use crate::check::rules::rule;
use crate::check::value::{number, text};
use crate::check::view::View;

rule! {
    /// The target of a policy on `SageMakerVariantProvisionedConcurrencyUtilization` is above 1. It is a share: 0.7 is 70 %.
    Warning "utilization-above-one",
    source: "Amazon SageMaker Developer Guide, serverless-endpoints-autoscale.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalingPolicy"],
    good: "
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: scorer
          ServerlessConfig:
            MemorySizeInMB: 2048
            MaxConcurrency: 5
            ProvisionedConcurrency: 1
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: scorer
      EndpointConfigName: !GetAtt Config.EndpointConfigName
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: sagemaker
      ScalableDimension: sagemaker:variant:DesiredProvisionedConcurrency
      ResourceId: !Sub endpoint/${Endpoint.EndpointName}/variant/A
      MinCapacity: 1
      MaxCapacity: 4
",
    bad: "
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: scorer
          ServerlessConfig:
            MemorySizeInMB: 2048
            MaxConcurrency: 5
            ProvisionedConcurrency: 1
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: scorer
      EndpointConfigName: !GetAtt Config.EndpointConfigName
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: sagemaker
      ScalableDimension: sagemaker:variant:DesiredProvisionedConcurrency
      ResourceId: !Sub endpoint/${Endpoint.EndpointName}/variant/A
      MinCapacity: 1
      MaxCapacity: 4
  Policy:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      PolicyName: load
      PolicyType: TargetTrackingScaling
      ScalingTargetId: !Ref Target
      TargetTrackingScalingPolicyConfiguration:
        TargetValue: 70 # here
        PredefinedMetricSpecification:
          PredefinedMetricType: SageMakerVariantProvisionedConcurrencyUtilization
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for policy in view.of_type(POLICY) {
        let tracking = &policy.properties["TargetTrackingScalingPolicyConfiguration"];
        let metric = text(&tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]);
        let value = number(&tracking["TargetValue"]).filter(|value| *value > 1.0);
        if let (Some("SageMakerVariantProvisionedConcurrencyUtilization"), Some(value)) = (metric, value) {
            let message = format!("a utilization of {value} is never reached: it goes from 0 to 1");
            findings.add(policy, &tracking["TargetValue"], message, "0.7 is 70 %");
        }
    }
}
