//! `pipeline-parallel-with-vllm`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// Pipeline parallelism is asked of a container that batches with vLLM, which does not do it there.
    Error "pipeline-parallel-with-vllm",
    source: "djl-serving vllm_rb_properties.py:147",
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
          OPTION_ROLLING_BATCH: vllm
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
          OPTION_ROLLING_BATCH: vllm
          OPTION_PIPELINE_PARALLEL_DEGREE: '2' # here
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let place = settings.place("PIPELINE_PARALLEL_DEGREE");
        let splits = number(place).is_some_and(|degree| degree > 1.0);
        if splits && settings.get("ROLLING_BATCH") == Some("vllm") {
            findings.add(
                model,
                place,
                "there is no pipeline parallelism with the vLLM rolling batch",
                "use tensor parallelism",
            );
        }
    }
}
