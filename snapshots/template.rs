//! A template whose values are strings, and what its roles allow.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use stackwright::App;

/// A template whose values are strings: references are written as `<Id>` and `<Id.Attribute>`.
pub struct Template {
    /// The section `Resources`.
    pub resources: serde_json::Map<String, Json>,
}

impl Template {
    /// The template of an app's first stack.
    ///
    /// # Panics
    /// If the app has errors, or no stack.
    pub fn of(app: &App) -> Self {
        Self::all(app).remove(0)
    }

    /// The templates of all stacks of an app.
    ///
    /// # Panics
    /// If the app has errors.
    pub fn all(app: &App) -> Vec<Self> {
        let assembly = stackwright::testing::synth(app);
        let sections = assembly.stacks.iter().map(|stack| stack.template.sections());
        sections
            .map(|sections| Self {
                resources: sections["Resources"].as_object().cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// The resources of a type: their logical IDs and properties.
    pub fn of_type<'t>(&'t self, name: &str) -> impl Iterator<Item = (&'t String, &'t Json)> {
        self.resources
            .iter()
            .filter(move |(_, resource)| resource["Type"] == name)
            .map(|(id, resource)| (id, &resource["Properties"]))
    }

    /// A value as a string.
    ///
    /// # Panics
    /// If it is neither a string nor one of the functions that the constructs write.
    pub fn text(&self, value: &Json) -> String {
        match value {
            Json::String(text) => text.clone(),
            Json::Object(function) => match function.iter().next() {
                Some((name, Json::String(id))) if name == "Ref" => format!("<{id}>"),
                Some((name, Json::Array(path))) if name == "Fn::GetAtt" => {
                    self.attribute(path[0].as_str().unwrap_or_default(), path[1].as_str().unwrap_or_default())
                }
                Some((name, Json::String(format))) if name == "Fn::Sub" => self.substituted(format),
                Some((name, Json::Array(parts))) if name == "Fn::Sub" => {
                    let variables = parts[1].as_object().cloned().unwrap_or_default();
                    let format = variables
                        .iter()
                        .fold(parts[0].as_str().unwrap_or_default().to_owned(), |format, (name, value)| {
                            format.replace(&format!("${{{name}}}"), &self.text(value))
                        });
                    self.substituted(&format)
                }
                Some((name, Json::Array(parts))) if name == "Fn::Select" => {
                    let index = parts[0].as_u64().unwrap_or_default();
                    format!("<{index} of {}>", self.text(&parts[1]["Fn::Split"][1]))
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn attribute(&self, id: &str, attribute: &str) -> String {
        match (self.resources[id]["Type"].as_str(), attribute) {
            (Some("AWS::S3::Bucket"), "Arn") => format!("arn:<AWS::Partition>:s3:::<{id}>"),
            _ => format!("<{id}.{attribute}>"),
        }
    }

    /// A format of `Fn::Sub` with its references written out.
    pub fn substituted(&self, format: &str) -> String {
        let mut text = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else { break };
            text.push_str(before);
            text.push_str(&match name.split_once('.') {
                Some((id, attribute)) => self.attribute(id, attribute),
                None => format!("<{name}>"),
            });
            rest = after;
        }
        text + rest
    }

    /// The KMS key of the bucket of a URI, by its ARN, if the bucket is one of the template.
    pub fn key_of(&self, uri: &str) -> Option<String> {
        let id = uri.strip_prefix("s3://<")?.split_once('>')?.0;
        let bucket = &self.resources.get(id)?["Properties"]["BucketEncryption"];
        let rule = &bucket["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"];
        rule.get("KMSMasterKeyID").map(|key| self.text(key))
    }

    /// What each role allows: actions and the patterns of resources.
    pub fn allowed(&self) -> BTreeMap<String, Vec<(String, String)>> {
        let mut allowed: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        let mut add = |role: &str, document: &Json| {
            for statement in document["Statement"].as_array().into_iter().flatten() {
                let resources = match &statement["Resource"] {
                    Json::Array(resources) => resources.clone(),
                    one => vec![one.clone()],
                };
                for action in statement["Action"].as_array().into_iter().flatten() {
                    for resource in &resources {
                        let action = action.as_str().unwrap_or_default().to_owned();
                        allowed.entry(role.to_owned()).or_default().push((action, self.text(resource)));
                    }
                }
            }
        };
        for (id, role) in self.of_type("AWS::IAM::Role") {
            for policy in role["Policies"].as_array().into_iter().flatten() {
                add(id, &policy["PolicyDocument"]);
            }
        }
        for (_, policy) in self.of_type("AWS::IAM::RolePolicy") {
            let role = self.text(&policy["RoleName"]);
            add(role.trim_matches(['<', '>']), &policy["PolicyDocument"]);
        }
        allowed
    }

    /// The logical ID of the role whose ARN a value is.
    pub fn role(&self, arn: &Json) -> String {
        self.text(arn).trim_matches(['<', '>']).trim_end_matches(".Arn").to_owned()
    }

    /// What roles lack of what they need: a role, an action and a resource.
    pub fn lacking(&self, needed: &[Need]) -> Vec<String> {
        let allowed = self.allowed();
        let is_allowed = |(role, action, resource): &&Need| {
            allowed.get(role).is_some_and(|all| {
                all.iter().any(|(one, pattern)| one == action && covers(pattern, resource))
            })
        };
        let lacking = needed.iter().filter(|need| !is_allowed(need));
        lacking.map(|(role, action, resource)| format!("{role} needs {action} on {resource}")).collect()
    }

    /// The roles with a policy of their own of which no need is known.
    pub fn without_needs(&self, needed: &[Need]) -> Vec<String> {
        let is_needed = |id: &String| needed.iter().any(|(role, ..)| role == id);
        self.allowed().into_keys().filter(|id| !is_needed(id)).collect()
    }

    /// What roles allow on everything although IAM supports an ARN (Service Authorization Reference), or with a pattern of
    /// actions.
    pub fn too_wide(&self) -> Vec<String> {
        const WITHOUT_RESOURCES: [&str; 21] = [
            "cloudwatch:PutMetricData",
            "dynamodb:ListStreams",
            "ecr:GetAuthorizationToken",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeInstances",
            "ec2:DescribeTags",
            "ec2messages:AcknowledgeMessage",
            "ec2messages:DeleteMessage",
            "ec2messages:FailMessage",
            "ec2messages:GetEndpoint",
            "ec2messages:GetMessages",
            "ec2messages:SendReply",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ];
        let is_wide = |(action, resource): &(String, String)| {
            resource == "*" && !WITHOUT_RESOURCES.contains(&action.as_str()) || action.contains('*')
        };
        let allowed = self.allowed();
        let wide = allowed.iter().flat_map(|(role, all)| all.iter().map(move |one| (role, one)));
        wide.filter(|(_, one)| is_wide(one))
            .map(|(role, (action, resource))| format!("{role}: {action} on {resource}"))
            .collect()
    }
}

/// A role, an action and a resource.
pub type Need = (String, String, String);

/// Whether a pattern of a policy, in which `*` stands for anything, covers a resource.
fn covers(pattern: &str, resource: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == resource,
        Some((start, end)) => resource.strip_prefix(start).is_some_and(|rest| {
            let mut rest = rest;
            let parts: Vec<&str> = end.split('*').collect();
            let Some((last, middle)) = parts.split_last() else { return true };
            for part in middle {
                match rest.find(part) {
                    Some(at) => rest = &rest[at + part.len()..],
                    None => return false,
                }
            }
            rest.ends_with(last)
        }),
    }
}
