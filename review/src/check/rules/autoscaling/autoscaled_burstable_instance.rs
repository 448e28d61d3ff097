//! `autoscaled-burstable-instance`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::scaled_variant;
use crate::check::value::text;
use crate::check::view::View;

rule! {
    /// A variant on burstable instances (`ml.t2`) is a scalable target. SageMaker does not scale them.
    Error "autoscaled-burstable-instance",
    source: "Amazon SageMaker Developer Guide, endpoint-auto-scaling-add-console.md (names T2)",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    good: "
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: scorer
          InstanceType: ml.g5.2xlarge
          InitialInstanceCount: 1
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: scorer
      EndpointConfigName: !GetAtt Config.EndpointConfigName
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: sagemaker
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
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
          InstanceType: ml.t2.medium
          InitialInstanceCount: 1
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: scorer
      EndpointConfigName: !GetAtt Config.EndpointConfigName
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: sagemaker
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      ResourceId: !Sub endpoint/${Endpoint.EndpointName}/variant/A # here
      MinCapacity: 1
      MaxCapacity: 4
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let variant = scaled_variant(view, target);
        let burstable = variant.and_then(|variant| {
            text(&variant.value["InstanceType"]).filter(|name| name.starts_with("ml.t2."))
        });
        if let Some(name) = burstable {
            findings.add(
                target,
                &target.properties["ResourceId"],
                format!("{name} is burstable: SageMaker does not scale it"),
                "take another family, such as ml.m5",
            );
        }
    }
}
