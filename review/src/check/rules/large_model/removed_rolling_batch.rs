//! `removed-rolling-batch`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// `OPTION_ROLLING_BATCH` of an LMI container names an implementation that was removed, such as `lmi-dist`.
    Error "removed-rolling-batch",
    source: "deepjavalibrary/djl-serving@d21927c4 properties.py, breaking_changes.md",
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
          OPTION_ROLLING_BATCH: lmi-dist # here
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let place = settings.place("ROLLING_BATCH");
        let Some(given) = settings.get("ROLLING_BATCH") else { continue };
        if !["auto", "vllm", "trtllm", "disable"].contains(&given) {
            findings.add(
                model,
                place,
                format!("there is no rolling batch {given}"),
                "use vllm, trtllm, auto or disable",
            );
        }
    }
}
