//! `serverless-target-without-provisioned-concurrency`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::scaled_variant;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A serverless variant without `ProvisionedConcurrency` is a scalable target. Only provisioned concurrency is scaled.
    Error "serverless-target-without-provisioned-concurrency",
    source: "Amazon SageMaker Developer Guide, serverless-endpoints-autoscale.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
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
      ResourceId: !Sub endpoint/${Endpoint.EndpointName}/variant/A # here
      MinCapacity: 1
      MaxCapacity: 4
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let Some(variant) = scaled_variant(view, target) else { continue };
        let serverless = &variant.value["ServerlessConfig"];
        if serverless.is_object()
            && !is_unresolved(serverless)
            && !is_set(&serverless["ProvisionedConcurrency"])
        {
            let message =
                format!("the serverless variant {} has no `ProvisionedConcurrency` to scale", variant.name());
            findings.add(
                target,
                &target.properties["ResourceId"],
                message,
                "give it some, or leave the target out: serverless scales by itself",
            );
        }
    }
}
