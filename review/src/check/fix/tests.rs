use super::*;

fn fixed(text: &str) -> String {
    let fixed = fix("t.yaml", text, &Options::default());
    let again = fix("t.yaml", &fixed.text, &Options::default());
    assert_eq!((again.text, again.changes), (fixed.text.clone(), Vec::new()), "a second run changes nothing");
    fixed.text
}

/// A scaling policy and a scalable target with constant names, which depend on each other only by `DependsOn`.
const SCALING: [(&str, &str); 2] = [
    ("ScalableTarget", "MaxCapacity: 2, MinCapacity: 1"),
    (
        "ScalingPolicy",
        "PolicyName: p, PolicyType: TargetTrackingScaling, TargetTrackingScalingPolicyConfiguration: {TargetValue: 10, \
         PredefinedMetricSpecification: {PredefinedMetricType: SageMakerVariantInvocationsPerInstance}}",
    ),
];

/// A template with a policy for each way to write its type and its dependencies; `head` is what is written before its
/// properties.
fn scaling(head: &str) -> String {
    let of_variant = "ResourceId: endpoint/e/variant/v, ScalableDimension: 'sagemaker:variant:DesiredInstanceCount', \
                      ServiceNamespace: sagemaker";
    let [(target, limits), (_, policy)] = SCALING;
    format!(
        "Resources:\n  Topic: {{Type: 'AWS::SNS::Topic'}}\n  Queue: {{Type: 'AWS::SQS::Queue'}}\n  Target:\n    Type: AWS::ApplicationAutoScaling::{target}\n    Properties: {{{limits}, {of_variant}}}\n\
         {head}Properties: {{{policy}, {of_variant}}}"
    )
}

#[test]
fn a_dependency_is_added_to_every_form_of_a_resource() {
    let name = "AWS::ApplicationAutoScaling::ScalingPolicy";
    let block = |before: &str| format!("  Policy:\n{before}    ");
    let cases = [
        (block(&format!("    Type: {name}\n")), block(&format!("    Type: {name}\n    DependsOn: Target\n"))),
        (
            block(&format!("    \"Type\": '{name}' # why\n")),
            block(&format!("    \"Type\": '{name}' # why\n    DependsOn: Target\n")),
        ),
        (
            block(&format!("    DependsOn: Topic # first\n    Type: {name}\n")),
            block(&format!("    DependsOn: [Topic, Target] # first\n    Type: {name}\n")),
        ),
        (
            block(&format!("    Type: {name}\n    DependsOn: ['Topic', Queue]\n")),
            block(&format!("    Type: {name}\n    DependsOn: ['Topic', Queue, Target]\n")),
        ),
        (
            block(&format!("    Type: {name}\n    DependsOn:\n      - Topic\n      - Queue # last\n")),
            block(&format!(
                "    Type: {name}\n    DependsOn:\n      - Topic\n      - Queue # last\n      - Target\n"
            )),
        ),
    ];
    for (old, new) in &cases {
        for (old, new) in [(old.clone(), new.clone()), (old.replace('\n', "\r\n"), new.replace('\n', "\r\n"))]
        {
            let (old, new) = (scaling(&old), scaling(&new));
            assert_eq!(fixed(&old), new);
            let mark = format!("\u{feff}{old}");
            assert_eq!(fixed(&mark), format!("\u{feff}{new}"));
        }
    }
    let flow = |text: &str| scaling(&format!("  Policy: {{{text}, ")) + "}\n";
    assert_eq!(fixed(&flow(&format!("Type: '{name}'"))), flow(&format!("Type: '{name}', DependsOn: Target")));
    let lines = |text: &str| scaling(&format!("  Policy: {{\n    {text},\n    ")) + "}\n";
    assert_eq!(
        fixed(&lines(&format!("Type: '{name}'"))),
        lines(&format!("Type: '{name}', DependsOn: Target"))
    );
}

#[test]
fn a_dependency_is_added_to_json() {
    let name = "AWS::ApplicationAutoScaling::ScalingPolicy";
    let properties = Template::read(&(scaling("  Policy: {Type: x, ") + "}")).unwrap();
    let resources = &properties.sections()["Resources"];
    let json = |head: &str, line: &str| {
        let target = &resources["Target"];
        let of_policy = &resources["Policy"]["Properties"];
        format!(
            "{{\"Resources\":{{\"Topic\":{{\"Type\":\"AWS::SNS::Topic\"}},\"Target\":{target},\"Policy\":{{{line}{head}{line}\"Properties\":{of_policy}}}}}}}"
        )
    };
    let pretty = |head: &str| json(head, "\n      ");
    let compact = |head: &str| json(head, "");
    assert_eq!(
        fixed(&pretty(&format!("\"Type\": \"{name}\","))),
        pretty(&format!("\"Type\": \"{name}\",\n      \"DependsOn\": \"Target\","))
    );
    assert_eq!(
        fixed(&compact(&format!("\"Type\":\"{name}\","))),
        compact(&format!("\"Type\":\"{name}\", \"DependsOn\": \"Target\","))
    );
    assert_eq!(
        fixed(&compact(&format!("\"DependsOn\":\"Topic\",\"Type\":\"{name}\","))),
        compact(&format!("\"DependsOn\":[\"Topic\", \"Target\"],\"Type\":\"{name}\","))
    );
    assert_eq!(
        fixed(&pretty(&format!(
            "\"DependsOn\": [\n        \"Topic\"\n      ],\n      \"Type\": \"{name}\","
        ))),
        pretty(&format!(
            "\"DependsOn\": [\n        \"Topic\",\n        \"Target\"\n      ],\n      \"Type\": \"{name}\","
        ))
    );
}

#[test]
fn all_missing_dependencies_are_added_at_once() {
    let of = |variant: &str| {
        format!(
            "ResourceId: endpoint/e/variant/{variant}, ScalableDimension: 'sagemaker:variant:DesiredInstanceCount', \
             ServiceNamespace: sagemaker"
        )
    };
    let [(_, limits), (_, policy)] = SCALING;
    let text = format!(
        "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {{Version: 2012-10-17, Statement: [{{Effect: Allow, Principal: {{Service: sagemaker.amazonaws.com}}, Action: 'sts:AssumeRole'}}]}}\n\
         \x20 Access:\n    Type: AWS::IAM::Policy\n    Properties: {{PolicyName: p, Roles: [!Ref Role], PolicyDocument: {{Version: 2012-10-17, Statement: [{{Effect: Allow, Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*'}}]}}}}\n\
         \x20 Model:\n    Type: AWS::SageMaker::Model\n    Properties: {{ExecutionRoleArn: !GetAtt Role.Arn, PrimaryContainer: {{Image: '763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.36.0-lmi18.0.0-cu128'}}}}\n\
         \x20 Target:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n    Properties: {{{limits}, {0}}}\n\
         \x20 Policy:\n    Type: AWS::ApplicationAutoScaling::ScalingPolicy\n    Properties: {{{policy}, {0}}}\n",
        of("v")
    );
    let added = text
        .replace("SageMaker::Model\n", "SageMaker::Model\n    DependsOn: Access\n")
        .replace("::ScalingPolicy\n", "::ScalingPolicy\n    DependsOn: Target\n");
    assert_eq!(fixed(&text), added);
    // Two dependencies of one resource become one list.
    let (first, second) = ("DependsOn: A", "DependsOn: [A, B]");
    let plain = "Resources:\n  T:\n    Type: AWS::SNS::Topic\n  A: {Type: 'AWS::SNS::Topic'}\n  B: {Type: 'AWS::SNS::Topic'}\n";
    let assembly = Assembly::of_template("t.yaml", plain.to_owned()).unwrap();
    let source = Source::new(plain);
    for (on, line) in [(&["A"][..], first), (&["A", "B"], second)] {
        let edit = edits::depend(&source, &assembly.stacks[0], "T", on).unwrap();
        assert_eq!(edited(plain, &[edit]), plain.replace("Topic\n  A", &format!("Topic\n    {line}\n  A")));
    }
}

#[test]
fn names_are_replaced_where_they_are_wrong_and_nowhere_else() {
    for (old, new) in [
        ("Type: AWS::SNS::Topik # not AWS::SNS::Topik", "Type: AWS::SNS::Topic # not AWS::SNS::Topik"),
        (
            "Type: AWS::SNS::Topic, Properties: {TopicNam: TopicNam}",
            "Type: AWS::SNS::Topic, Properties: {TopicName: TopicNam}",
        ),
        (
            "Type: AWS::SNS::Topic, Properties: {'TopicNam' : !Ref AWS::StackName}",
            "Type: AWS::SNS::Topic, Properties: {'TopicName' : !Ref AWS::StackName}",
        ),
        (
            "Type: AWS::SNS::Topic, Properties: {\"TopicNam\": &name \"é\t😀\", DisplayName: *name}",
            "Type: AWS::SNS::Topic, Properties: {\"TopicName\": &name \"é\t😀\", DisplayName: *name}",
        ),
        (
            "Type: AWS::SNS::Topic, Properties: {DisplayName: é😀, TopicName: '${AWS::StackNam}', KmsMasterKeyID: x}",
            "Type: AWS::SNS::Topic, Properties: {DisplayName: é😀, TopicName: '${AWS::StackNam}', KmsMasterKeyId: x}",
        ),
        (
            "Type: AWS::SNS::Topic, Properties: {TopicName: !Sub 'a-${Othar}', DisplayName: !Ref Othar}",
            "Type: AWS::SNS::Topic, Properties: {TopicName: !Sub 'a-${Other}', DisplayName: !Ref Other}",
        ),
        (
            "Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt Other.TopcName}",
            "Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt Other.TopicName}",
        ),
    ] {
        let whole =
            |text: &str| format!("Resources:\n  Other: {{Type: AWS::SNS::Topic}}\n  T: {{{text}\n  }}\n");
        assert_eq!(fixed(&whole(old)), whole(new));
        let block = |text: &str| {
            format!(
                "Resources:\r\n  Other: {{Type: AWS::SNS::Topic}}\r\n  T:\r\n    {}\r\n",
                text.replace(", Properties", "\r\n    Properties")
            )
        };
        assert_eq!(fixed(&block(old)), block(new));
    }
}

#[test]
fn names_of_json_are_replaced_in_one_line_and_in_many() {
    let compact = r#"{"Resources":{"A":{"Type":"AWS::SNS::Topik"},"B":{"Type":"AWS::SNS::Topik","Properties":{"TopicNam":{"Ref":"AWS::StackName"},"DisplayName":"Topik TopicNam ${AWS::Region}"}}}}"#;
    let expected = r#"{"Resources":{"A":{"Type":"AWS::SNS::Topic"},"B":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":{"Ref":"AWS::StackName"},"DisplayName":{"Fn::Sub": "Topik TopicNam ${AWS::Region}"}}}}}"#;
    assert_eq!(fixed(compact), expected);
    let pretty = |text: &str| format!("{:#}\n", serde_json::from_str::<JsonValue>(text).unwrap());
    let value: JsonValue = serde_json::from_str(&fixed(&pretty(compact))).unwrap();
    assert_eq!(value, serde_json::from_str::<JsonValue>(expected).unwrap());
}

#[test]
fn sub_is_added_only_where_it_replaces_every_part() {
    let template = |value: &str| {
        format!("Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: {value}\n")
    };
    for (old, new) in [
        ("'${AWS::Region}' # why", "!Sub '${AWS::Region}' # why"),
        ("${AWS::Region}-x", "!Sub ${AWS::Region}-x"),
        ("|\n        in ${AWS::Region}", "!Sub |\n        in ${AWS::Region}"),
        (
            ">- # why\n\n        in ${AWS::Region}\n        or ${AWS::Partition}",
            "!Sub >- # why\n\n        in ${AWS::Region}\n        or ${AWS::Partition}",
        ),
        ("# why\n        '${AWS::Region}'", "!Sub # why\n        '${AWS::Region}'"),
        ("!Base64\n        '${AWS::Region}'", "!Base64\n        '${AWS::Region}'"),
        ("!If [C, \"${AWS::Region}\", b]", "!If [C, !Sub \"${AWS::Region}\", b]"),
        ("'${AWS::Region} ${other}'", "'${AWS::Region} ${other}'"),
        ("'${AWS::Region} ${!other}'", "'${AWS::Region} ${!other}'"),
        ("&a '${AWS::Region}'", "&a '${AWS::Region}'"),
        ("!Base64 '${AWS::Region}'", "!Base64 '${AWS::Region}'"),
    ] {
        let with_condition = |text: &str| template(text) + "Conditions: {C: !Equals [!Ref AWS::Region, a]}\n";
        assert_eq!(fixed(&with_condition(old)), with_condition(new));
    }
}

#[test]
fn what_another_entry_shares_is_not_changed() {
    // `B` has no error of its own, and would get the dependency, too.
    let name = "AWS::ApplicationAutoScaling::ScalingPolicy";
    let text =
        scaling(&format!("  Policy: &shared\n    Type: {name}\n    ")) + "\nMetadata: {Copy: *shared}\n";
    assert_eq!(fixed(&text), text);
}

#[test]
fn a_fix_that_is_not_possible_does_not_prevent_the_others() {
    let text = "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: a\n      TopicNam: b\n  U:\n    Type: AWS::SNS::Topik\n";
    assert_eq!(fixed(text), text.replace("Topik", "Topic"));
}

#[test]
fn two_keys_do_not_get_one_name() {
    let text = "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopcName: a\n      TopicNam: b\n      KmsMasterKeyID: c\n";
    assert_eq!(fixed(text), text.replace("ID", "Id"));
}

#[test]
fn a_misspelled_dependency_is_corrected_and_not_added_again() {
    let name = "AWS::ApplicationAutoScaling::ScalingPolicy";
    let text = |key: &str| scaling(&format!("  Policy:\n    Type: {name}\n    {key}: Target\n    "));
    assert_eq!(fixed(&text("DpendsOn")), text("DependsOn"));
    let text = |key: &str| {
        format!(
            "Parameters: {{P: {{Type: String, {key}: a}}}}\nOutputs: {{O: {{Value: !Ref P}}}}\nResources: {{T: {{Type: AWS::SNS::Topic}}}}\n"
        )
    };
    assert_eq!(fixed(&text("Defalt")), text("Default"));
    let text = |key: &str| {
        format!("Outputs: {{O: {{Value: a, {key}: b}}}}\nResources: {{T: {{Type: AWS::SNS::Topic}}}}\n")
    };
    assert_eq!(fixed(&text("Desription")), text("Description"));
}

#[test]
fn a_fix_that_reveals_another_error_is_followed_by_its_fix() {
    let text =
        "Resources:\n  T:\n    Type: AWS::SNS::Topik\n    Properties:\n      TopicNam: '${AWS::Region}'\n";
    let all = fix("t.yaml", text, &Options::default());
    let expected = text.replace("Topik", "Topic").replace("TopicNam: ", "TopicName: !Sub ");
    assert_eq!(all.text, expected);
    let lines: Vec<_> = all.changes.iter().map(|change| (change.line, change.new.as_str())).collect();
    assert_eq!(lines, [(3, "    Type: AWS::SNS::Topic"), (5, "      TopicName: !Sub '${AWS::Region}'")]);
}

#[test]
fn sections_are_corrected() {
    for (old, new) in [("Resource", "Resources"), ("Outpts", "Outputs"), ("Paramters", "Parameters")] {
        let text = |name: &str| {
            let body = match new {
                "Outputs" => "{O: {Value: a}}",
                "Parameters" => "{P: {Type: String}}",
                _ => "{U: {Type: AWS::SNS::Topic}}",
            };
            let rest = if new == "Resources" { "" } else { "Resources: {T: {Type: AWS::SNS::Topic}}\n" };
            format!("{name}: {body}\n{rest}")
        };
        assert_eq!(fixed(&text(old)), text(new));
    }
}
