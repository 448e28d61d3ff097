//! AWS's query protocol: requests are forms, and responses are XML.

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::escape::escape;
use serde_json::{Map, Value as Json};

/// The maximum number of fields in a form, and of parts in the name of a field.
const MAX_FIELDS: usize = 20_000;
const MAX_PARTS: usize = 16;

/// Parses a form such as `Parameters.member.1.ParameterKey=…` into the object that it describes.
///
/// # Errors
/// The form has too many fields, or a name with too many parts.
pub(crate) fn read(body: &[u8]) -> Result<Map<String, Json>, String> {
    let mut root = Json::Object(Map::new());
    for (number, (name, value)) in form_urlencoded::parse(body).enumerate() {
        if number >= MAX_FIELDS {
            return Err(format!("The request has more than {MAX_FIELDS} fields"));
        }
        let mut at = &mut root;
        let parts: Vec<&str> = name.split('.').filter(|part| *part != "member" && *part != "entry").collect();
        if parts.len() > MAX_PARTS {
            return Err(format!("The name of a field has more than {MAX_PARTS} parts"));
        }
        for part in parts {
            // Until all fields are read, a list is an object whose names are numbers.
            if !at.is_object() {
                *at = Json::Object(Map::new());
            }
            let Json::Object(map) = at else { break };
            at = map.entry(part).or_insert(Json::Null);
        }
        *at = Json::String(value.into_owned());
    }
    match listed(root) {
        Json::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Returns a string for an XML 1.0 document: escaped, and with U+FFFD in place of characters that XML does not allow.
pub(crate) fn xml_text(text: &str) -> Cow<'_, str> {
    let is_allowed = |one: char| matches!(one, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if text.chars().all(|one| is_allowed(one) && one != '\r') {
        return escape(text);
    }
    let replaced: String = text.chars().map(|one| if is_allowed(one) { one } else { '\u{FFFD}' }).collect();
    // A parser would read a carriage return as a line feed.
    Cow::Owned(escape(&replaced).replace('\r', "&#13;"))
}

/// Turns objects whose names are numbers into lists.
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

/// Returns a response as XML. Items of lists are `member` elements; `null` is left out.
pub(crate) fn answer(action: &str, namespace: &str, result: &Json, request: &str) -> String {
    let mut text = format!(r#"<{action}Response xmlns="{namespace}">"#);
    element(&mut text, &format!("{action}Result"), result);
    let _ = write!(
        text,
        "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{action}Response>"
    );
    text
}

pub(crate) fn error(code: &str, message: &str, status: u16, namespace: &str, request: &str) -> String {
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    format!(
        r#"<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"#,
        xml_text(code),
        xml_text(message)
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
        Json::String(content) => text.push_str(&xml_text(content)),
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
            serde_json::Value::Object(super::read(form).unwrap()),
            json!({
                "Action": "CreateStack",
                "Parameters": [{ "ParameterKey": "A", "ParameterValue": "x y" }, { "ParameterKey": "B" }],
                "Tags": [{ "Key": "k" }],
                "Capabilities": ["CAPABILITY_IAM"],
            })
        );
        // If a name occurs twice, as a value and as an object, the later one is used, and the parser does not panic.
        super::read(b"A=1&A.B=2&A.B.C=3&=&.=4").unwrap();
    }

    #[test]
    fn a_name_with_too_many_parts_is_refused() {
        let form = format!("{}=1", "a.".repeat(100_000));
        assert!(super::read(form.as_bytes()).is_err());
    }

    #[test]
    fn characters_that_xml_does_not_allow_are_replaced() {
        assert_eq!(
            super::xml_text("a\u{0}b\u{1b}[31m\u{ffff}<\r\n"),
            "a\u{fffd}b\u{fffd}[31m\u{fffd}&lt;&#13;\n"
        );
        assert_eq!(super::xml_text("plain é"), "plain é");
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
