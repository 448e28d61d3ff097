//! Amazon Resource Names: parsed, and checked where they are given.

use stackwright_synth::{Expression, IntoValue, Literal, Partition, Value};

/// An Amazon Resource Name, `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, in its parts.
///
/// ```
/// use stackwright_stacks::Arn;
///
/// let key = Arn::parse("arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f")?;
/// assert_eq!((key.service(), key.region()), ("kms", Some("us-east-1")));
/// assert!(Arn::parse("my-bucket").is_err());
/// # Ok::<(), stackwright_stacks::InvalidArn>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    text: String,
    /// Where each part after `arn:` ends.
    ends: [usize; 4],
}

/// The error of [`Arn::parse`]: the reason why a string is not an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidArn(String);

impl std::fmt::Display for InvalidArn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InvalidArn {}

impl Arn {
    /// Parses an ARN, such as `arn:aws:s3:::my-bucket`.
    ///
    /// # Errors
    /// If the string does not have six parts; if its partition does not start with `aws`, its region has no hyphen, or
    /// its account ID does not have 12 digits; if it names no service or no resource; or if it contains white space.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidArn> {
        let text = text.into();
        let wrong = |why: &str| Err(InvalidArn(format!("`{text}` is not a valid ARN: {why}")));
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts.as_slice() else {
            return wrong("it has the form `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`");
        };
        let is_name = |name: &str| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
        };
        if !partition.starts_with("aws") || !is_name(partition) {
            return wrong(&format!("`{partition}` is not a partition, such as `aws`"));
        }
        if service.is_empty() || !is_name(service) {
            return wrong(&format!("`{service}` is not a service"));
        }
        if !(region.is_empty() || is_name(region) && region.contains('-')) {
            return wrong(&format!("`{region}` is not a region"));
        }
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if !account.is_empty() && *account != "aws" && !is_account {
            return wrong(&format!("`{account}` is not an account ID of 12 digits"));
        }
        if resource.is_empty() || text.chars().any(char::is_whitespace) {
            return wrong("it names no resource, or contains white space");
        }
        let mut ends = [0; 4];
        let mut end = 3;
        for (slot, part) in ends.iter_mut().zip(&parts[1..5]) {
            end += 1 + part.len();
            *slot = end;
        }
        Ok(Self { text, ends })
    }

    fn part(&self, number: usize) -> &str {
        let start = if number == 0 { 4 } else { self.ends[number - 1] + 1 };
        &self.text[start..self.ends[number]]
    }

    /// Returns the partition; `None` if the name of the partition is not known.
    pub fn partition(&self) -> Option<Partition> {
        Partition::named(self.part(0))
    }

    /// Returns the service, such as `kms`.
    pub fn service(&self) -> &str {
        self.part(1)
    }

    /// Returns the region, such as `us-east-1`, or `None` if that part is empty, as in ARNs of buckets and roles.
    pub fn region(&self) -> Option<&str> {
        Some(self.part(2)).filter(|region| !region.is_empty())
    }

    /// Returns the account ID (`aws` for policies that AWS manages), or `None` if that part is empty, as in ARNs of buckets.
    pub fn account(&self) -> Option<&str> {
        Some(self.part(3)).filter(|account| !account.is_empty())
    }

    /// Returns the resource, such as `role/service-role/Training`.
    pub fn resource(&self) -> &str {
        &self.text[self.ends[3] + 1..]
    }

    /// Returns the whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Literal for Arn {
    fn into_expression(self) -> Expression {
        self.text.into_expression()
    }
}

impl From<Arn> for Value<String> {
    fn from(arn: Arn) -> Self {
        arn.text.into()
    }
}

/// The string of a value that is known when the program runs; dynamic references are known later.
pub(crate) fn known(value: &Value<String>) -> Option<&str> {
    value.as_literal()?.as_str().filter(|text| is_known(text))
}

fn is_known(text: &str) -> bool {
    !text.contains("{{resolve:")
}

/// The same ARN, or an invalid value where it is known to be malformed or of another service. `example` is shown as help.
#[track_caller]
pub(crate) fn checked(value: impl IntoValue<String>, service: &str, example: &str) -> Value<String> {
    let value = value.into().with_caller_location();
    let Some(text) = known(&value) else { return value };
    let message = match Arn::parse(text) {
        Ok(arn) if arn.service() == service => return value,
        Ok(arn) => {
            format!("`{text}` is an ARN of the service `{}`, and `{service}` is expected", arn.service())
        }
        Err(error) => error.to_string(),
    };
    Value::invalid("invalid-arn", message, format!("use an ARN such as `{example}`"))
}

/// The same ID, or an invalid value where it is known to be the ID of something else. `of` names what it has to be the ID of.
#[track_caller]
pub(crate) fn with_prefix(value: impl IntoValue<String>, prefix: &str, of: &str) -> Value<String> {
    let value = value.into().with_caller_location();
    match known(&value).filter(|text| !text.starts_with(prefix)) {
        Some(text) => invalid_id(text, prefix, of),
        None => value,
    }
}

/// The same IDs, or an invalid value where one of them is known to be the ID of something else.
#[track_caller]
pub(crate) fn all_with_prefix(
    values: impl IntoValue<Vec<String>>,
    prefix: &str,
    of: &str,
) -> Value<Vec<String>> {
    let values = values.into().with_caller_location();
    let Expression::List(items) = values.expression() else { return values };
    let texts = items.iter().filter_map(|item| match item {
        Expression::Literal(serde_json::Value::String(text)) => Some(text),
        _ => None,
    });
    match texts.into_iter().find(|text| is_known(text) && !text.starts_with(prefix)) {
        Some(text) => invalid_id(text, prefix, of),
        None => values,
    }
}

#[track_caller]
fn invalid_id<T>(text: &str, prefix: &str, of: &str) -> Value<T> {
    let message = format!("`{text}` is not the ID of {of}");
    Value::invalid("invalid-id", message, format!("use an ID such as `{prefix}0123456789abcdef0`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let role = Arn::parse("arn:aws-cn:iam::123456789012:role/service-role/Training").unwrap();
        assert_eq!((role.partition(), role.service(), role.region()), (Some(Partition::China), "iam", None));
        assert_eq!((role.account(), role.resource()), (Some("123456789012"), "role/service-role/Training"));
        let bucket = Arn::parse("arn:aws:s3:::models/a:b").unwrap();
        assert_eq!((bucket.account(), bucket.resource()), (None, "models/a:b"));
    }

    #[test]
    fn malformed_arns_are_refused() {
        for text in
            ["", "arn", "arn:aws:s3", "my-role", "arn:aws:iam::12345:role/a", "arn:aws:s3:::", "arn::s3:::a"]
        {
            assert!(Arn::parse(text).is_err(), "{text}");
        }
    }
}
