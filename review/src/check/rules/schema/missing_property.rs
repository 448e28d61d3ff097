//! `missing-property`

use crate::check::rules::rule;

rule! {
    /// A property without which the resource, or the request to SageMaker, is refused.
    Error "missing-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    good: "
Resources:
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointConfigName: made-before
",
    bad: "
Resources:
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties: # here
      EndpointName: scorer
",
    check: Schema,
}
