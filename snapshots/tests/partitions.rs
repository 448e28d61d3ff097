//! Every construct in regions of other partitions: nothing in a template is of the partition `aws`, and the check finds nothing
//! but what AWS does not offer there.
#![allow(clippy::unwrap_used)]

use snapshots::encrypted_clusters::KeyOf;
use snapshots::partition;
use stackwright::App;
use stackwright::review::check::check;

fn apps(region: &str) -> [App; 3] {
    [
        snapshots::encrypted_clusters::app_in(region, KeyOf::Setters),
        snapshots::encrypted_endpoints::app_in(region, 1),
        snapshots::encrypted_jobs::app_in(region),
    ]
}

/// The text around each location.
fn around<'t>(text: &'t str, what: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(what).map(move |(at, _)| {
        let start = (0..=at.saturating_sub(60)).rev().find(|index| text.is_char_boundary(*index)).unwrap();
        let end = (at + 40..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len());
        &text[start..end]
    })
}

#[test]
fn templates_name_the_partition_of_their_region() {
    for region in ["cn-north-1", "us-gov-west-1"] {
        let foreign = "arn:aws:";
        for app in apps(region) {
            for stack in app.synth().unwrap_or_else(|errors| panic!("{region}: {errors}")).stacks {
                let text = stack.template.json();
                let wrong: Vec<&str> = around(text, foreign).collect();
                assert!(wrong.is_empty(), "{region}: {wrong:#?}");
                // The addresses of registries, buckets and workspaces end in the suffix of the partition.
                let wrong: Vec<&str> = around(text, ".dkr.ecr.")
                    .filter(|location| {
                        !location.contains("amazonaws.com.cn") && !location.contains("${AWS::URLSuffix}")
                    })
                    .collect();
                assert!(partition(region) != "aws-cn" || wrong.is_empty(), "{region}: {wrong:#?}");
            }
        }
    }
}

#[test]
fn the_check_finds_only_what_a_region_does_not_have() {
    for region in ["cn-north-1", "eu-central-1", "us-gov-west-1"] {
        for app in apps(region) {
            let found = check(&app.synth().unwrap(), &Default::default());
            let foreign = found.diagnostics.iter().find(|one| one.id == "arn-of-another-partition");
            assert!(foreign.is_none(), "{region}: {foreign:?}");
            let wrong: Vec<String> = found
                .diagnostics
                .iter()
                .filter(|one| one.counts_as(stackwright::review::Severity::Error))
                .filter(|one| one.id != "instance-type-not-in-region")
                .map(|one| format!("{}: {}", one.id, one.message))
                .collect();
            assert!(wrong.is_empty(), "{region}: {wrong:#?}");
        }
    }
}

#[test]
fn interface_endpoints_have_the_names_of_the_partition() {
    let names = |region: &str| {
        let app = snapshots::encrypted_clusters::app_in(region, KeyOf::Setters);
        app.synth().unwrap().stacks[0].template.json().to_owned()
    };
    let china = names("cn-north-1");
    for (name, is_there) in [
        ("cn.com.amazonaws.${AWS::Region}.ecr.dkr", true),
        ("cn.com.amazonaws.${AWS::Region}.monitoring", true),
        ("\"com.amazonaws.${AWS::Region}.logs", true),
        ("\"com.amazonaws.${AWS::Region}.s3", true),
        ("\"com.amazonaws.${AWS::Region}.ecr.dkr", false),
    ] {
        assert_eq!(china.contains(name), is_there, "{name}");
    }
    assert!(!names("us-gov-west-1").contains("cn.com"));
}
