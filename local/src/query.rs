//! AWS's query protocol: forms come in, XML goes out.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use serde_json::{Map, Value as Json};

/// A form such as `Parameters.member.1.ParameterKey=…` as the object that it means.
pub(crate) fn read(body: &[u8]) -> Map<String, Json> {
    let mut root = Json::Object(Map::new());
    for (name, value) in form_urlencoded::parse(body) {
        let mut at = &mut root;
        let parts: Vec<&str> = name.split('.').filter(|part| *part != "member" && *part != "entry").collect();
        for part in parts {
            // A list is an object by number until everything is there.
            if !at.is_object() {
                *at = Json::Object(Map::new());
            }
            let Json::Object(map) = at else { break };
            at = map.entry(part).or_insert(Json::Null);
        }
        *at = Json::String(value.into_owned());
    }
    match listed(root) {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// Objects whose names are numbers are lists.
fn listed(value: Json) -> Json {
    let Json::Object(map) = value else { return value };
    if !map.is_empty() && map.keys().all(|key| key.parse::<usize>().is_ok()) {
        let mut items: Vec<(usize, Json)> =
            map.into_iter().map(|(key, value)| (key.parse().unwrap_or(0), listed(value))).collect();
        items.sort_by_key(|(number, _)| *number);
        return Json::Array(items.into_iter().map(|(_, item)| item).collect());
    }
    Json::Object(map.into_iter().map(|(key, value)| (key, listed(value))).collect())
}

/// An answer as XML. Lists are `member`s, nothing is left out but `null`.
pub(crate) fn answer(action: &str, namespace: &str, result: &Json, request: &str) -> String {
    let mut text = format!(r#"<{action}Response xmlns="{namespace}">"#);
    element(&mut text, &format!("{action}Result"), result);
    let _ = write!(
        text,
        "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{action}Response>"
    );
    text
}

pub(crate) fn refusal(code: &str, message: &str, status: u16, namespace: &str, request: &str) -> String {
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    format!(
        r#"<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"#,
        escape(code),
        escape(message)
    )
}

fn element(text: &mut String, name: &str, value: &Json) {
    if value.is_null() {
        return;
    }
    let _ = write!(text, "<{name}>");
    match value {
        Json::Array(items) => items.iter().for_each(|item| element(text, "member", item)),
        Json::Object(map) => map.iter().for_each(|(name, value)| element(text, name, value)),
        Json::String(content) => text.push_str(&escape(content)),
        other => text.push_str(&other.to_string()),
    }
    let _ = write!(text, "</{name}>");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn forms_are_objects_and_lists() {
        let form = b"Action=CreateStack&Parameters.member.1.ParameterKey=A&Parameters.member.1.ParameterValue=x%20y\
                     &Parameters.member.2.ParameterKey=B&Tags.member.1.Key=k&Capabilities.member.1=CAPABILITY_IAM";
        assert_eq!(
            serde_json::Value::Object(super::read(form)),
            json!({
                "Action": "CreateStack",
                "Parameters": [{ "ParameterKey": "A", "ParameterValue": "x y" }, { "ParameterKey": "B" }],
                "Tags": [{ "Key": "k" }],
                "Capabilities": ["CAPABILITY_IAM"],
            })
        );
        // A name twice, as a value and as an object: the later one wins, and nothing panics.
        super::read(b"A=1&A.B=2&A.B.C=3&=&.=4");
    }

    #[test]
    fn answers_are_escaped() {
        let xml = super::answer("X", "ns", &json!({ "A": "<&>", "L": [1, { "B": true }], "N": null }), "r");
        assert_eq!(
            xml,
            "<XResponse xmlns=\"ns\"><XResult><A>&lt;&amp;&gt;</A><L><member>1</member><member><B>true</B></member></L>\
             </XResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></XResponse>"
        );
    }
}
