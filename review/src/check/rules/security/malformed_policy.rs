//! `malformed-policy`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, one_or_many, shown, text, values};
use crate::check::view::{Resource, View};

rule! {
    /// A policy document that IAM refuses: without statements, with an effect other than `Allow` or `Deny`, without actions, an
    /// identity's without resources, a trust or resource policy without principals, or of an unknown version.
    Error "malformed-policy",
    source: "IAM User Guide, JSON policy element reference",
    applies_to: [],
    check: Each(check),
}

/// Where policies stand, and which kind they are.
const POLICIES: &[(&str, &[&str], Kind)] = &[
    ("AWS::IAM::Role", &["AssumeRolePolicyDocument"], Kind::Trust),
    ("AWS::IAM::Role", &["Policies", "*", "PolicyDocument"], Kind::Identity),
    ("AWS::IAM::Policy", &["PolicyDocument"], Kind::Identity),
    ("AWS::IAM::ManagedPolicy", &["PolicyDocument"], Kind::Identity),
    ("AWS::IAM::RolePolicy", &["PolicyDocument"], Kind::Identity),
    ("AWS::KMS::Key", &["KeyPolicy"], Kind::Resource),
    ("AWS::S3::BucketPolicy", &["PolicyDocument"], Kind::Resource),
    ("AWS::SNS::TopicPolicy", &["PolicyDocument"], Kind::Resource),
    ("AWS::SQS::QueuePolicy", &["PolicyDocument"], Kind::Resource),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Identity,
    Resource,
    Trust,
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (type_name, path, kind) in POLICIES {
        for resource in view.of_type(type_name) {
            for document in values(&resource.properties, path) {
                look(resource, document, *kind, findings);
            }
        }
    }
}

fn look(resource: &Resource<'_>, document: &JsonValue, kind: Kind, findings: &mut Findings<'_, '_, '_>) {
    if !document.is_object() || is_unresolved(document) {
        return;
    }
    let version = &document["Version"];
    if text(version).is_some_and(|version| !["2008-10-17", "2012-10-17"].contains(&version)) {
        findings.add(
            resource,
            version,
            format!("there is no policy version {}", shown(version)),
            "use 2012-10-17",
        );
    }
    if !is_set(&document["Statement"]) {
        findings.add(resource, document, "the policy has no `Statement`", "");
    }
    for statement in one_or_many(&document["Statement"]).filter(|one| one.is_object() && !is_unresolved(one))
    {
        let effect = &statement["Effect"];
        if !is_set(effect) || text(effect).is_some_and(|effect| effect != "Allow" && effect != "Deny") {
            let at = if is_set(effect) { effect } else { statement };
            findings.add(resource, at, "a statement's `Effect` is `Allow` or `Deny`", "");
        }
        let mut needs = |names: [&str; 2]| {
            if !names.iter().any(|name| is_set(&statement[*name])) {
                findings.add(resource, statement, format!("the statement has no `{}`", names[0]), "");
            }
        };
        needs(["Action", "NotAction"]);
        match kind {
            Kind::Identity => needs(["Resource", "NotResource"]),
            Kind::Resource | Kind::Trust => needs(["Principal", "NotPrincipal"]),
        }
    }
}
