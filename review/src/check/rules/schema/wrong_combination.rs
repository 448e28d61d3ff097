//! `wrong-combination`

use crate::check::rules::rule;

rule! {
    /// Properties that exclude each other, or of which one needs another; items of a list that must differ and do not.
    Error "wrong-combination",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    good: r#"
Resources:
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      GroupId: sg-0123456789abcdef0
      IpProtocol: "-1"
      SourceSecurityGroupId: sg-0123456789abcdef0
"#,
    bad: r#"
Resources:
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: # here
      GroupId: sg-0123456789abcdef0
      IpProtocol: "-1"
      CidrIp: 10.0.0.0/16
      SourceSecurityGroupId: sg-0123456789abcdef0
"#,
    check: Schema,
}
