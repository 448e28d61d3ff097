//! A template whose values are strings, and what its roles allow.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;
use stackwright::App;
use stackwright::synth::Assembly;

/// A template whose values are strings: references are written as `<Id>` and `<Id.Attribute>`, and those to other stacks of the
/// app as `<Stack/Id>` and `<Stack/Id.Attribute>`. The partition is `aws`.
pub struct Template {
    /// The section `Resources`.
    pub resources: serde_json::Map<String, Json>,
    parameters: Json,
    region: String,
    /// The resources of all stacks of the app, by the names of the stacks.
    stacks: Rc<BTreeMap<String, serde_json::Map<String, Json>>>,
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
        Self::of_assembly(&stackwright::testing::synth(app))
    }

    /// The templates of all stacks of an assembly.
    pub fn of_assembly(assembly: &Assembly) -> Vec<Self> {
        let resources = |sections: &Json| sections["Resources"].as_object().cloned().unwrap_or_default();
        let sections: Vec<Json> =
            assembly.stacks.iter().map(|stack| Json::Object(stack.template.sections().clone())).collect();
        let names = assembly.stacks.iter().map(|stack| stack.name.clone());
        let stacks = Rc::new(names.zip(sections.iter().map(resources)).collect());
        let region = |region: &Option<String>| region.clone().unwrap_or_else(|| "us-east-1".to_owned());
        let regions = assembly.stacks.iter().map(|stack| region(&stack.environment.region));
        sections
            .iter()
            .zip(regions)
            .map(|(sections, region)| Self {
                resources: resources(sections),
                parameters: sections["Parameters"].clone(),
                region,
                stacks: Rc::clone(&stacks),
            })
            .collect()
    }

    /// The region of the stack.
    pub fn region(&self) -> &str {
        &self.region
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
                Some((name, Json::String(id))) if name == "Ref" => self.referenced(id),
                Some((name, Json::Array(parts))) if name == "Fn::Join" => {
                    let separator = parts[0].as_str().unwrap_or_default();
                    let parts = parts[1].as_array().into_iter().flatten();
                    parts.map(|part| self.text(part)).collect::<Vec<_>>().join(separator)
                }
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
        attribute_of(&self.resources[id], id, attribute)
    }

    /// What `Ref` returns. A parameter with an output of another stack is a reference to its resource.
    fn referenced(&self, id: &str) -> String {
        match id {
            "AWS::Partition" => return "aws".to_owned(),
            "AWS::Region" => return self.region.clone(),
            "AWS::URLSuffix" => return "amazonaws.com".to_owned(),
            _ => {}
        }
        let path =
            self.parameters[id]["Default"].as_str().and_then(|path| path.strip_prefix("/stackwright/"));
        let parts: Vec<&str> = path.into_iter().flat_map(|path| path.split('/')).collect();
        match parts[..] {
            [stack, other, "Ref"] => format!("<{stack}/{other}>"),
            [stack, other, attribute] => {
                let resource = &self.stacks[stack][other];
                attribute_of(resource, &format!("{stack}/{other}"), attribute)
            }
            _ => format!("<{id}>"),
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
                None => self.referenced(name),
            });
            rest = after;
        }
        text + rest
    }

    /// The KMS key of the bucket of a URI, by its ARN, if the bucket is one of the template.
    pub fn key_of(&self, uri: &str) -> Option<String> {
        let id = uri.strip_prefix("s3://<")?.split_once('>')?.0;
        let (stack, resource) = match id.split_once('/') {
            Some((stack, other)) => (Some(stack), self.stacks[stack].get(other)?),
            None => (None, self.resources.get(id)?),
        };
        let bucket = &resource["Properties"]["BucketEncryption"];
        let rule = &bucket["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"];
        let key = self.text_of_stack(stack, rule.get("KMSMasterKeyID")?);
        Some(key)
    }

    /// A value of a template of the app as this template names it.
    fn text_of_stack(&self, stack: Option<&str>, value: &Json) -> String {
        let Some(stack) = stack else { return self.text(value) };
        match (value["Fn::GetAtt"].as_array(), value["Ref"].as_str()) {
            (Some(path), _) => {
                let [id, attribute] = [0, 1].map(|index| path[index].as_str().unwrap_or_default());
                attribute_of(&self.stacks[stack][id], &format!("{stack}/{id}"), attribute)
            }
            (_, Some(id)) => format!("<{stack}/{id}>"),
            _ => self.text(value),
        }
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

fn attribute_of(resource: &Json, id: &str, attribute: &str) -> String {
    match (resource["Type"].as_str(), attribute) {
        (Some("AWS::S3::Bucket"), "Arn") => format!("arn:aws:s3:::<{id}>"),
        _ => format!("<{id}.{attribute}>"),
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
