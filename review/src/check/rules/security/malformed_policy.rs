//! `malformed-policy`

use serde_json::Value as JsonValue;

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::schema::named_resource;
use crate::check::text::Text;
use crate::check::value::{entries, is_set, is_unresolved, one_or_many, shown, string, values};
use crate::check::view::{Resource, View};
use stackwright_schemas::nearest;

rule! {
    /// A policy document does not follow IAM's grammar.
    ///
    /// The rule reads identity policies, trust policies and the policies of S3, SQS, SNS, KMS, ECR and other services. It
    /// finds elements that are missing, unknown or exclude each other, effects, versions, principals and condition operators
    /// that do not exist, actions and resources of another form, and statement IDs that are not unique.
    ///
    /// # Why it matters
    ///
    /// IAM or the service refuses the policy when the stack is deployed.
    ///
    /// # How to fix
    ///
    /// Correct the element that the message names. An identity policy has resources and no principal; a trust policy has a
    /// principal and no resource.
    ///
    /// # Limitations
    ///
    /// Whether an action exists and fits its resource is not checked.
    Error "malformed-policy",
    source: "IAM User Guide, \"IAM JSON policy element reference\"",
    applies_to: [],
    check: Each(check),
}

/// The kind of resource to which a policy is attached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Identity,
    /// Of a resource; whether its statements name resources.
    Resource(bool),
    Trust,
}

/// The properties that contain policies.
const POLICIES: &[(&str, &[&str], Kind)] = &[
    ("AWS::IAM::Role", &["AssumeRolePolicyDocument"], Kind::Trust),
    ("AWS::IAM::Role", &["Policies", "*", "PolicyDocument"], Kind::Identity),
    ("AWS::IAM::User", &["Policies", "*", "PolicyDocument"], Kind::Identity),
    ("AWS::IAM::Group", &["Policies", "*", "PolicyDocument"], Kind::Identity),
    ("AWS::IAM::Policy", &["PolicyDocument"], Kind::Identity),
    ("AWS::IAM::ManagedPolicy", &["PolicyDocument"], Kind::Identity),
    ("AWS::IAM::RolePolicy", &["PolicyDocument"], Kind::Identity),
    ("AWS::IAM::UserPolicy", &["PolicyDocument"], Kind::Identity),
    ("AWS::IAM::GroupPolicy", &["PolicyDocument"], Kind::Identity),
    ("AWS::SSO::PermissionSet", &["InlinePolicy"], Kind::Identity),
    ("AWS::Serverless::Function", &["Policies", "*"], Kind::Identity),
    ("AWS::Serverless::Function", &["AssumeRolePolicyDocument"], Kind::Trust),
    ("AWS::Serverless::StateMachine", &["Policies", "*"], Kind::Identity),
    ("AWS::KMS::Key", &["KeyPolicy"], Kind::Resource(true)),
    ("AWS::KMS::ReplicaKey", &["KeyPolicy"], Kind::Resource(true)),
    ("AWS::S3::BucketPolicy", &["PolicyDocument"], Kind::Resource(true)),
    ("AWS::S3::AccessPoint", &["Policy"], Kind::Resource(true)),
    ("AWS::SNS::TopicPolicy", &["PolicyDocument"], Kind::Resource(true)),
    ("AWS::SQS::QueuePolicy", &["PolicyDocument"], Kind::Resource(true)),
    ("AWS::SecretsManager::ResourcePolicy", &["ResourcePolicy"], Kind::Resource(true)),
    ("AWS::ECR::Repository", &["RepositoryPolicyText"], Kind::Resource(false)),
    ("AWS::ECR::RegistryPolicy", &["PolicyText"], Kind::Resource(false)),
    ("AWS::EFS::FileSystem", &["FileSystemPolicy"], Kind::Resource(false)),
    ("AWS::Backup::BackupVault", &["AccessPolicy"], Kind::Resource(false)),
    ("AWS::EC2::VPCEndpoint", &["PolicyDocument"], Kind::Resource(false)),
    ("AWS::OpenSearchService::Domain", &["AccessPolicies"], Kind::Resource(false)),
    ("AWS::Elasticsearch::Domain", &["AccessPolicies"], Kind::Resource(false)),
    ("AWS::SageMaker::ModelPackageGroup", &["ModelPackageGroupPolicy"], Kind::Resource(false)),
];

const DOCUMENT: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
const PRINCIPALS: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (type_name, path, kind) in POLICIES {
        for resource in view.of_type(type_name) {
            for document in values(&resource.properties, path) {
                // SAM takes names of managed policies and templates of its own here too.
                let is_of_sam = type_name.starts_with("AWS::Serverless::") && !is_set(&document["Statement"]);
                if !is_of_sam {
                    let mut policy = Policy { resource, kind: *kind, findings };
                    policy.document(document);
                }
            }
        }
    }
}

/// Returns every statement of every policy.
pub(super) fn statements<'v, 'a>(
    view: &'v View<'a>,
) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    POLICIES.iter().flat_map(move |(type_name, path, _)| {
        view.of_type(type_name).flat_map(move |resource| {
            let documents = values(&resource.properties, path).into_iter();
            let statements = documents.flat_map(|document| one_or_many(&document["Statement"]));
            statements.map(move |statement| (resource, statement))
        })
    })
}

struct Policy<'p, 'r, 'f, 'v, 'a> {
    resource: &'p Resource<'r>,
    kind: Kind,
    findings: &'p mut Findings<'f, 'v, 'a>,
}

impl Policy<'_, '_, '_, '_, '_> {
    fn add(&mut self, at: &Cursor<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.findings.add(self.resource, at, message, help);
    }

    fn document(&mut self, document: &Cursor<'_>) {
        if is_unresolved(document) || document.is_null() {
            return;
        }
        if let Some(text) = string(document) {
            if serde_json::from_str::<JsonValue>(text).is_err() {
                self.add(
                    document,
                    "the policy is a string that is not JSON",
                    "write the policy as an object",
                );
            }
            return;
        }
        if !document.is_object() {
            return self.add(document, "a policy is an object with `Statement`", "");
        }
        self.unknown_names(document, &DOCUMENT, "a policy");
        let version = &document["Version"];
        if string(version).is_some_and(|version| !["2008-10-17", "2012-10-17"].contains(&version)) {
            self.add(
                version,
                format!("the policy version {} does not exist", shown(version)),
                "use 2012-10-17",
            );
        }
        let statements = &document["Statement"];
        if !is_set(statements) {
            return self.add(document, "the policy has no `Statement`", "");
        }
        if statements.as_array().is_some_and(Vec::is_empty) {
            self.add(
                statements,
                "the list of statements of the policy is empty",
                "add a statement, or remove the policy",
            );
        }
        for statement in one_or_many(statements) {
            if statement.is_object() && !is_unresolved(statement) {
                self.statement(statement);
            } else if !is_unresolved(statement) {
                self.add(statement, "a statement of a policy is an object", "");
            }
        }
        // Other services are not confirmed to refuse it: bucket policies of AWS's own templates repeat an ID.
        let needs_unique_ids = matches!(self.kind, Kind::Identity | Kind::Trust)
            || ["AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"].contains(&self.resource.type_name);
        if !needs_unique_ids {
            return;
        }
        let mut names = std::collections::HashSet::new();
        let repeated = one_or_many(statements)
            .filter_map(|one| string(&one["Sid"]))
            .find(|sid| !sid.is_empty() && !names.insert(*sid));
        if let Some(sid) = repeated {
            let message = format!("more than one statement has the `Sid` {sid}");
            self.add(statements, message, "a statement ID is unique in its policy");
        }
    }

    fn unknown_names(&mut self, object: &Cursor<'_>, known: &[&str], what: &str) {
        for (name, value) in entries(object).filter(|(name, _)| !name.starts_with("Fn::")) {
            if !known.contains(&name) {
                let near = nearest(name, known.iter().copied());
                let help = near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                self.add(value, format!("{what} has no element `{name}`"), help);
            }
        }
    }

    fn statement(&mut self, statement: &Cursor<'_>) {
        if entries(statement).any(|(name, _)| name.starts_with("Fn::")) {
            return;
        }
        self.unknown_names(statement, &STATEMENT, "a statement");
        let effect = &statement["Effect"];
        if !is_set(effect) || string(effect).is_some_and(|effect| effect != "Allow" && effect != "Deny") {
            let at = if is_set(effect) { effect } else { statement };
            self.add(at, "the `Effect` of a statement is `Allow` or `Deny`", "");
        }
        self.needs_one(statement, ["Action", "NotAction"]);
        match self.kind {
            Kind::Identity => self.needs_one(statement, ["Resource", "NotResource"]),
            Kind::Resource(true) => {
                self.needs_one(statement, ["Principal", "NotPrincipal"]);
                self.needs_one(statement, ["Resource", "NotResource"]);
            }
            Kind::Resource(false) | Kind::Trust => self.needs_one(statement, ["Principal", "NotPrincipal"]),
        }
        let (forbidden, reason) = match self.kind {
            Kind::Trust => {
                (["Resource", "NotResource"], "a trust policy cannot have a resource: it applies to its role")
            }
            Kind::Identity => (
                ["Principal", "NotPrincipal"],
                "an identity policy cannot have a principal: it applies to its identity",
            ),
            Kind::Resource(_) => (["", ""], ""),
        };
        for name in forbidden.into_iter().filter(|name| is_set(&statement[*name])) {
            self.add(&statement[name], reason, format!("remove `{name}`"));
        }
        let sid = &statement["Sid"];
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if matches!(self.kind, Kind::Identity | Kind::Trust) && string(sid).is_some_and(|sid| !is_plain(sid))
        {
            self.add(
                sid,
                format!("the `Sid` {} contains characters other than letters and digits", shown(sid)),
                "",
            );
        }
        for name in ["Action", "NotAction"] {
            for action in one_or_many(&statement[name]) {
                self.action(action);
            }
        }
        if self.kind == Kind::Trust {
            for action in one_or_many(&statement["Action"]) {
                let other = string(action)
                    .and_then(|text| text.split_once(':'))
                    .filter(|(service, _)| !service.eq_ignore_ascii_case("sts") && !service.contains('*'));
                if let Some((service, _)) = other {
                    let message = format!("a trust policy takes actions of `sts`, and not of `{service}`");
                    self.add(action, message, "write `sts:AssumeRole`");
                }
            }
        }
        for name in ["Resource", "NotResource"] {
            for arn in one_or_many(&statement[name]) {
                if (arn.is_object() || arn.is_array()) && !is_unresolved(arn) {
                    self.add(
                        arn,
                        "a resource is a string",
                        "write `arn:partition:service:region:account:resource`, or `*`",
                    );
                } else if let Some(target) = named_resource(self.findings.view, arn) {
                    let message = format!("`Ref` of `{}` does not return an ARN", target.id);
                    self.add(arn, message, format!("use `!GetAtt {}.Arn`", target.id));
                } else if self.kind == Kind::Identity {
                    self.arn(arn);
                }
            }
        }
        for name in ["Principal", "NotPrincipal"] {
            self.principal(&statement[name]);
        }
        self.condition(&statement["Condition"]);
    }

    /// Exactly one of two elements.
    fn needs_one(&mut self, statement: &Cursor<'_>, names: [&str; 2]) {
        match names.map(|name| is_set(&statement[name])) {
            [false, false] => self.add(statement, format!("the statement has no `{}`", names[0]), ""),
            [true, true] => {
                let message = format!("`{}` and `{}` exclude each other", names[0], names[1]);
                self.add(&statement[names[0]], message, "remove one of the two");
            }
            _ => {}
        }
    }

    fn action(&mut self, action: &Cursor<'_>) {
        if action.is_object() && !is_unresolved(action) {
            return self.add(action, "an action is a string", "");
        }
        let Some(text) = string(action).filter(|text| *text != "*") else { return };
        let is_part = |part: &str, more: &str| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
        };
        let parts = text.split_once(':');
        if !parts.is_some_and(|(service, name)| is_part(service, "-") && is_part(name, "*?_-")) {
            self.add(
                action,
                format!("the action {text} is not a service and an operation"),
                "write `service:Operation`",
            );
        }
    }

    fn arn(&mut self, arn: &Cursor<'_>) {
        let text = Text::of(arn);
        let is_known = text.known().is_some();
        let start = text.start();
        if text.known() == Some("*") || start.is_empty() && !is_known {
            return;
        }
        let is_arn = start.starts_with("arn:") || !is_known && "arn:".starts_with(start);
        let is_complete = !is_known || start.split(':').count() >= 6 || start.ends_with('*');
        if !is_arn || !is_complete {
            let message = format!("the resource {} is not an ARN", shown_short(arn));
            self.add(arn, message, "write `arn:partition:service:region:account:resource`, or `*`");
        }
    }

    fn principal(&mut self, principal: &Cursor<'_>) {
        if let Some(text) = string(principal) {
            if text != "*" {
                let help = "write `*`, or an object with `AWS` or `Service`";
                self.add(principal, format!("the principal {text} is not an object"), help);
            }
            return;
        }
        self.unknown_names(principal, &PRINCIPALS, "a principal");
        for account in
            one_or_many(&principal["AWS"]).filter(|one| string(one).is_some_and(|it| !is_principal(it)))
        {
            let message = format!("the principal {} is not an account and not an ARN of IAM", shown(account));
            let at = &principal["AWS"];
            self.add(at, message, "write the ARN of a role or user, or an account ID");
        }
        for service in
            one_or_many(&principal["Service"]).filter(|one| string(one).is_some_and(|it| !it.contains('.')))
        {
            let message = format!("the principal {} is not a service", shown(service));
            self.add(&principal["Service"], message, "write a name such as `sagemaker.amazonaws.com`");
        }
    }

    fn condition(&mut self, condition: &Cursor<'_>) {
        if condition.is_null() || is_unresolved(condition) {
            return;
        }
        if !condition.is_object() {
            return self.add(
                condition,
                "`Condition` of a statement is an object",
                "write operators with keys and values",
            );
        }
        for (operator, keys) in entries(condition).filter(|(name, _)| !name.starts_with("Fn::")) {
            if !is_operator(operator) {
                self.add(keys, format!("the condition operator `{operator}` does not exist"), "");
            } else if !keys.is_object() {
                self.add(keys, format!("`{operator}` takes an object of condition keys"), "");
            }
        }
    }
}

fn shown_short(value: &JsonValue) -> String {
    let text = shown(value);
    if text.chars().count() <= 80 {
        text
    } else {
        format!("{}…", text.chars().take(80).collect::<String>())
    }
}

/// Returns whether a string may be a principal: `*`, an account ID, an ARN of IAM or STS, the identifier with which IAM replaces
/// a deleted principal, or a string that is not completely known.
fn is_principal(text: &str) -> bool {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_identifier = ["AIDA", "AROA", "AGPA", "ANPA"].iter().any(|start| text.starts_with(start));
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_arn = matches!(parts.as_slice(), ["arn", _, "iam" | "sts", "", _, _]);
    text == "*" || text.is_empty() || is_account || is_identifier || is_arn || text.contains("${")
}

fn is_operator(name: &str) -> bool {
    const PLAIN: [&str; 27] = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnLike",
        "ArnNotEquals",
        "ArnNotLike",
        "Null",
    ];
    let name = name.strip_prefix("ForAnyValue:").or(name.strip_prefix("ForAllValues:")).unwrap_or(name);
    let name = name.strip_suffix("IfExists").unwrap_or(name);
    PLAIN.iter().any(|known| known.eq_ignore_ascii_case(name))
}
