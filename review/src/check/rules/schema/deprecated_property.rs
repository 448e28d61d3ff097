//! `deprecated-property`

use crate::check::rules::rule;

rule! {
    /// A property that AWS advises against. It still works, and may stop doing so.
    Warning "deprecated-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    good: "
Resources:
  Notebook:
    Type: AWS::SageMaker::NotebookInstance
    Properties:
      InstanceType: ml.t3.medium
      RoleArn: arn:aws:iam::111122223333:role/Notebook
      DirectInternetAccess: Disabled
      SubnetId: subnet-0123456789abcdef0
",
    bad: "
Resources:
  Notebook:
    Type: AWS::SageMaker::NotebookInstance
    Properties:
      InstanceType: ml.t3.medium
      RoleArn: arn:aws:iam::111122223333:role/Notebook
      DirectInternetAccess: Disabled
      SubnetId: subnet-0123456789abcdef0
      AcceleratorTypes: [ml.eia1.medium] # here
",
    check: Schema,
}
