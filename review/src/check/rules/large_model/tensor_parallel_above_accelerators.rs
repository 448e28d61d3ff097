//! `tensor-parallel-above-accelerators`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// The tensor parallel degree is larger than the number of accelerators of the instance: the container does not start.
    Error "tensor-parallel-above-accelerators",
    source: "djl-serving configurations.md:93; instance hardware of moto 5.2.5",
    applies_to: ["AWS::SageMaker::Model"],
    good: "
Resources:
  Chat:
    Type: AWS::SageMaker::Model
    Properties:
      ExecutionRoleArn: arn:aws:iam::111122223333:role/Serving
      PrimaryContainer:
        Image: 763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.33.0-lmi15.0.0-cu128
        Environment:
          HF_MODEL_ID: s3://models/chat/
          OPTION_TENSOR_PARALLEL_DEGREE: '4'
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: !GetAtt Chat.ModelName
          InstanceType: ml.g5.12xlarge
          InitialInstanceCount: 1
",
    bad: "
Resources:
  Chat:
    Type: AWS::SageMaker::Model
    Properties:
      ExecutionRoleArn: arn:aws:iam::111122223333:role/Serving
      PrimaryContainer:
        Image: 763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.33.0-lmi15.0.0-cu128
        Environment:
          HF_MODEL_ID: s3://models/chat/
          OPTION_TENSOR_PARALLEL_DEGREE: '8' # here
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: !GetAtt Chat.ModelName
          InstanceType: ml.g5.12xlarge
          InitialInstanceCount: 1
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let place = settings.place("TENSOR_PARALLEL_DEGREE");
        let Some(degree) = number(place) else { continue };
        for instance in settings.instances(view, model) {
            if let Some(has) = instance.accelerator_count.filter(|has| degree > f64::from(*has)) {
                let message =
                    format!("{degree} is more than the {has} accelerators of {}", instance.instance_type);
                findings.add(model, place, message, "use `max`, or a larger instance type");
            }
        }
    }
}
