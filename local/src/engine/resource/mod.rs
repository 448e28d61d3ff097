//! The physical ID and the attributes of a created resource, according to the registry's schema and to the formats that
//! CloudFormation documents.

mod custom;
mod form;
mod validate;

pub(crate) use self::custom::placeholder;
pub(crate) use self::validate::problems;

use serde_json::{Map, Value as Json};
use stackwright_schemas::registry::{self, Bound, ResourceType, Schema};
use stackwright_schemas::return_values::{ReturnValues, return_values};
use stackwright_synth::sha256;

use self::form::Forms;
use crate::faults::CustomResource;
use crate::state::BUCKET;
use crate::template::{is_custom, scalar_text};

/// The stack and the environment in which a resource is created.
pub(crate) struct ResourceContext<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub stack_name: &'a str,
    pub logical_id: &'a str,
    pub type_name: &'a str,
    /// A seed, so that generated names differ from those of the previous resource.
    pub seed: &'a str,
    /// The result of the handler of a custom resource, if the faults set it.
    pub custom: Option<&'a CustomResource>,
}

impl ResourceContext<'_> {
    /// Returns a unique string of this number of hexadecimal digits.
    fn unique(&self, salt: &str, characters: usize) -> String {
        let text = sha256(format!("{}/{}/{salt}/{}", self.stack_name, self.logical_id, self.seed));
        text[..characters.min(text.len())].to_owned()
    }

    fn unique_uuid(&self) -> String {
        let text = self.unique("uuid", 32);
        format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    }

    fn unique_number(&self, below: u64) -> u64 {
        u64::from_str_radix(&self.unique("number", 15), 16).unwrap_or_default() % below
    }

    /// `stack-LogicalId-1A2B3C4D5E6F`, as CloudFormation names a resource without a name.
    fn generated_name(&self, schema: Option<Schema<'_>>) -> String {
        let mut name =
            format!("{}-{}-{}", self.stack_name, self.logical_id, self.unique("name", 12).to_uppercase());
        if self.type_name == BUCKET {
            name = name.to_lowercase();
        }
        // Characters that an identifier may have: a nested stack's name and a logical ID have no others.
        let max = schema.and_then(|schema| schema.bound(Bound::MaxLength)?.as_u64()).unwrap_or(255);
        let max = usize::try_from(max).unwrap_or(255).max(13);
        if name.len() > max {
            let keep = name.len() - 13;
            name = format!("{}{}", &name[..keep.min(max - 13)], &name[keep..]);
        }
        name
    }

    fn service(&self) -> String {
        self.type_name.split("::").nth(1).unwrap_or_default().to_lowercase()
    }

    /// Returns an ARN where no form is known.
    fn arn(&self, name: &str) -> String {
        let kind = self.type_name.rsplit("::").next().unwrap_or_default().to_lowercase();
        format!("arn:aws:{}:{}:{}:{kind}/{name}", self.service(), self.region, self.account)
    }
}

/// A resource as it is created: its physical ID, which `Ref` returns, and its attributes.
pub(crate) struct CreatedResource {
    pub physical_id: String,
    pub attributes: Map<String, Json>,
}

/// Creates a resource with properties.
pub(crate) fn create_resource(
    context: &ResourceContext<'_>,
    properties: &Map<String, Json>,
) -> CreatedResource {
    if is_custom(context.type_name) {
        return custom::create(context, properties);
    }
    let Some(kind) = registry::resource_type(context.type_name) else {
        let physical_id =
            format!("{}-{}-{}", context.stack_name, context.logical_id, context.unique("id", 12));
        return CreatedResource { physical_id, attributes: Map::new() };
    };
    let name = resource_name(context, kind, properties);
    let values = return_values(context.type_name);
    let form_of = |attribute: &str| attribute_form(values, attribute);
    let forms = Forms { context, name: &name, properties, attribute: &form_of };
    let value_of = |attribute: &str| match form_of(attribute) {
        Some(form) if is_list(kind, attribute) => vec![forms.fill(form)].into(),
        Some(form) => Json::from(forms.fill(form)),
        None => generic_attribute(context, kind, attribute, &name),
    };
    let mut attributes = Map::new();
    let all = Json::Object(properties.clone());
    for attribute in kind.attributes() {
        let given = attribute.split('.').try_fold(&all, |at, part| at.get(part)).cloned();
        attributes.insert(attribute.clone(), given.unwrap_or_else(|| value_of(attribute)));
    }
    // `Fn::GetAtt` returns an identifier even if the registry does not list it as an attribute.
    for part in kind.primary_identifier() {
        if !properties.contains_key(part) && !attributes.contains_key(part) {
            attributes.insert(part.to_owned(), value_of(part));
        }
    }
    let physical_id = match values.and_then(|values| values.reference.as_deref()) {
        Some(form) => forms.fill(form),
        None => primary_identifier(kind, properties, &attributes).unwrap_or_else(|| name.clone()),
    };
    CreatedResource { physical_id, attributes }
}

/// Returns whether an attribute is a list, which the form of its only element describes.
fn is_list(kind: &ResourceType, attribute: &str) -> bool {
    kind.attribute(attribute).is_some_and(|schema| schema.resolved().types() == ["array"])
}

fn attribute_form(values: Option<&'static ReturnValues>, attribute: &str) -> Option<&'static str> {
    values?.attributes.get(attribute).map(String::as_str)
}

/// Returns the parts of the primary identifier, joined.
fn primary_identifier(
    kind: &ResourceType,
    properties: &Map<String, Json>,
    attributes: &Map<String, Json>,
) -> Option<String> {
    let part = |name: &str| properties.get(name).or_else(|| attributes.get(name)).map(scalar_text);
    let parts: Option<Vec<String>> = kind.primary_identifier().map(part).collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("|"))
}

/// Returns the identifier of a resource, as far as its properties determine it.
pub(crate) fn identifier(context: &ResourceContext<'_>, properties: &Map<String, Json>) -> Option<String> {
    let kind = registry::resource_type(context.type_name)?;
    let has_own_name =
        named_property(context, kind, properties).is_some_and(|name| properties.contains_key(&name));
    let has_identifier = kind.primary_identifier().all(|part| properties.contains_key(part));
    (has_own_name || has_identifier).then(|| create_resource(context, properties).physical_id)
}

/// Returns the property that contains the name of a resource: the one that is set, otherwise the first one of the type.
fn named_property(
    context: &ResourceContext<'_>,
    kind: &ResourceType,
    properties: &Map<String, Json>,
) -> Option<String> {
    let short = context.type_name.rsplit("::").next().unwrap_or_default();
    let [first, second] = [format!("{short}Name"), "Name".to_owned()];
    match () {
        () if properties.contains_key(&first) => Some(first),
        () if properties.contains_key(&second) => Some(second),
        () => [first, second].into_iter().find(|name| kind.property(name).is_some()),
    }
}

/// Returns the name: that of the properties, or a name that is generated as CloudFormation generates it.
fn resource_name(
    context: &ResourceContext<'_>,
    kind: &ResourceType,
    properties: &Map<String, Json>,
) -> String {
    let property = named_property(context, kind, properties);
    match property.as_ref().and_then(|name| properties.get(name)) {
        Some(name) => scalar_text(name),
        None => context.generated_name(property.and_then(|name| kind.property(&name))),
    }
}

/// Returns an attribute whose form is not known: what follows from its schema and its name.
fn generic_attribute(
    context: &ResourceContext<'_>,
    kind: &ResourceType,
    attribute: &str,
    name: &str,
) -> Json {
    let last = attribute.rsplit('.').next().unwrap_or(attribute);
    let schema = kind.attribute(attribute);
    match schema.map(|schema| schema.resolved().types()).unwrap_or_default().as_slice() {
        ["integer" | "number"] => return 1.into(),
        ["boolean"] => return true.into(),
        ["array"] => return vec![format!("{name}-{}", last.to_lowercase())].into(),
        ["object"] => return Json::Object(Map::new()),
        _ => {}
    }
    if let Some(first) = schema.and_then(|schema| schema.resolved().enumeration().next().cloned()) {
        return first;
    }
    let short = context.type_name.rsplit("::").next().unwrap_or_default();
    if last.ends_with("Arn") || last.ends_with("ARN") {
        context.arn(name).into()
    } else if last == "Name" || last == format!("{short}Name") {
        name.into()
    } else if last.ends_with("Id") || last.ends_with("ID") {
        context.unique(last, 17).into()
    } else if last.ends_with("Name") {
        format!("{name}.{}.amazonaws.com", context.service()).into()
    } else {
        format!("{name}-{}", last.to_lowercase()).into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn created(type_name: &str, properties: Json) -> CreatedResource {
        let context = ResourceContext {
            account: "111122223333",
            region: "eu-west-1",
            stack_name: "stack",
            logical_id: "Thing",
            type_name,
            seed: "1",
            custom: None,
        };
        let Json::Object(properties) = properties else { panic!("properties are an object") };
        create_resource(&context, &properties)
    }

    /// Account, resource part and service of an ARN, as programs split it.
    fn parts(arn: &Json) -> (String, String, String) {
        let parts: Vec<&str> = arn.as_str().unwrap().splitn(6, ':').collect();
        assert_eq!((parts[0], parts[1]), ("arn", "aws"), "{arn}");
        (parts[2].to_owned(), parts[4].to_owned(), parts[5].to_owned())
    }

    #[test]
    fn arns_can_be_split_as_programs_do_it() {
        let account = "111122223333".to_owned();
        for (type_name, properties, attribute, service, resource) in [
            ("AWS::Lambda::Function", json!({"FunctionName": "f"}), "Arn", "lambda", "function:f"),
            ("AWS::CloudWatch::Alarm", json!({"AlarmName": "a"}), "Arn", "cloudwatch", "alarm:a"),
            ("AWS::IAM::Role", json!({"RoleName": "r", "Path": "/team/"}), "Arn", "iam", "role/team/r"),
            ("AWS::IAM::Role", json!({"RoleName": "r"}), "Arn", "iam", "role/r"),
            ("AWS::Logs::LogGroup", json!({"LogGroupName": "/g"}), "Arn", "logs", "log-group:/g:*"),
            ("AWS::SQS::Queue", json!({"QueueName": "q"}), "Arn", "sqs", "q"),
            (
                "AWS::StepFunctions::StateMachine",
                json!({"StateMachineName": "m"}),
                "Arn",
                "states",
                "stateMachine:m",
            ),
        ] {
            let made = created(type_name, properties);
            let expected = (service.to_owned(), account.clone(), resource.to_owned());
            assert_eq!(parts(&made.attributes[attribute]), expected, "{type_name}");
        }
    }

    #[test]
    fn ref_returns_what_the_documentation_states() {
        let queue = created("AWS::SQS::Queue", json!({"QueueName": "q"}));
        assert_eq!(queue.physical_id, "https://sqs.eu-west-1.amazonaws.com/111122223333/q");
        let key = created("AWS::KMS::Key", json!({"KeyPolicy": {}}));
        assert_eq!(key.physical_id.len(), 36);
        assert_eq!(parts(&key.attributes["Arn"]).2, format!("key/{}", key.physical_id));
        let secret = created("AWS::SecretsManager::Secret", json!({"Name": "s"}));
        assert!(secret.physical_id.starts_with("arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-"));
        let vpc = created("AWS::EC2::VPC", json!({"CidrBlock": "10.0.0.0/16"}));
        assert!(vpc.physical_id.starts_with("vpc-") && vpc.physical_id.len() == 21);
        assert_eq!(vpc.attributes["CidrBlock"], "10.0.0.0/16");
        let block = vpc.attributes["Ipv6CidrBlocks"][0].as_str().unwrap();
        let address = block.strip_suffix("00::/56").map(|start| format!("{start}00::"));
        assert!(address.unwrap().parse::<std::net::Ipv6Addr>().is_ok(), "{block}");
        let subnet = created("AWS::EC2::Subnet", json!({"VpcId": "v", "Ipv6CidrBlock": "2001:db8::/64"}));
        assert_eq!(subnet.attributes["Ipv6CidrBlocks"], json!(["2001:db8::/64"]));
        let rule = created("AWS::Events::Rule", json!({"Name": "r"}));
        assert_eq!(rule.physical_id, "r");
        let address = created("AWS::EC2::EIP", json!({}));
        assert_eq!(address.attributes["PublicIp"], address.physical_id.as_str());
        let bucket = created("AWS::S3::Bucket", json!({}));
        assert!(bucket.physical_id.starts_with("stack-thing-"));
        let group = created("AWS::ElasticLoadBalancingV2::TargetGroup", json!({"Name": "t"}));
        assert!(group.physical_id.ends_with(group.attributes["TargetGroupFullName"].as_str().unwrap()));
    }

    #[test]
    fn every_form_is_filled_in() {
        for type_name in stackwright_schemas::registry::type_names() {
            let made = created(type_name, json!({}));
            let all = Json::Object(made.attributes).to_string();
            assert!(
                !all.contains("{name") && !all.contains("{region") && !made.physical_id.is_empty(),
                "{type_name} {all}"
            );
        }
    }
}
