//! Lists of objects, with prefixes, delimiters and pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::object::{max_parameter, quoted};
use super::xml::Elements;
use super::{S3Answer, S3Request, S3Result, invalid, missing_bucket};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Bucket, Object, iso_time};

/// The parameters of a list of the first version.
pub(super) const PARAMETERS: [&str; 6] =
    ["prefix", "delimiter", "marker", "max-keys", "encoding-type", "x-id"];

/// The characters that `encoding-type=url` does not encode.
const UNENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// An entry of a list: an object, or the prefix that several have in common.
#[derive(Debug, PartialEq)]
enum Entry<'b> {
    Object(&'b str, &'b Object),
    CommonPrefix(String),
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Object(key, _) => key,
            Self::CommonPrefix(prefix) => prefix,
        }
    }
}

/// A page of a list.
struct Page<'b> {
    entries: Vec<Entry<'b>>,
    is_truncated: bool,
}

/// Returns the entries after a name, at most as many as fit into a page.
fn page<'b>(bucket: &'b Bucket, prefix: &str, delimiter: &str, after: &str, max: usize) -> Page<'b> {
    let mut entries: Vec<Entry<'b>> = Vec::new();
    // After a common prefix, everything with that prefix was listed already.
    let is_listed = |key: &str| {
        key <= after
            || (!delimiter.is_empty()
                && after.ends_with(delimiter)
                && after != prefix
                && key.starts_with(after))
    };
    let start = if prefix > after { prefix } else { after };
    for (key, object) in
        bucket.objects().range::<str, _>((std::ops::Bound::Included(start), std::ops::Bound::Unbounded))
    {
        if !key.starts_with(prefix) {
            break;
        }
        if is_listed(key) {
            continue;
        }
        let end = (!delimiter.is_empty()).then(|| key[prefix.len()..].find(delimiter)).flatten();
        let entry = match end {
            Some(end) => Entry::CommonPrefix(key[..prefix.len() + end + delimiter.len()].to_owned()),
            None => Entry::Object(key, object),
        };
        if entries
            .last()
            .is_some_and(|last| matches!(last, Entry::CommonPrefix(known) if *known == entry.name()))
        {
            continue;
        }
        if entries.len() == max {
            return Page { entries, is_truncated: max > 0 };
        }
        entries.push(entry);
    }
    Page { entries, is_truncated: false }
}

/// Returns the encoding of the names in a list.
fn encoder(request: &S3Request<'_>) -> Result<impl Fn(&str) -> String, ServiceError> {
    let encodes = match request.parameter("encoding-type") {
        None | Some("") => false,
        Some("url") => true,
        Some(_) => return Err(invalid("Invalid Encoding Method specified in Request")),
    };
    Ok(
        move |text: &str| {
            if encodes { utf8_percent_encode(text, UNENCODED).to_string() } else { text.to_owned() }
        },
    )
}

fn contents(
    mut list: Elements,
    page: &Page<'_>,
    encode: &impl Fn(&str) -> String,
    element: &str,
) -> Elements {
    for entry in &page.entries {
        if let Entry::Object(key, object) = entry {
            let mut one = Elements::default()
                .text("Key", encode(key))
                .text("LastModified", iso_time(object.time))
                .text("ETag", quoted(&object.etag))
                .text("Size", object.bytes.to_string())
                .text(
                    "StorageClass",
                    object.headers.get("x-amz-storage-class").map_or("STANDARD", String::as_str),
                );
            if element == "Version" {
                one = one.text("VersionId", "null").text("IsLatest", "true");
            }
            list = list.nested(element, one);
        }
    }
    for entry in &page.entries {
        if let Entry::CommonPrefix(prefix) = entry {
            list = list.nested("CommonPrefixes", Elements::default().text("Prefix", encode(prefix)));
        }
    }
    list
}

/// Returns the elements that the responses of all list operations have in common.
fn head(
    request: &S3Request<'_>,
    bucket: &str,
    max: usize,
    page: &Page<'_>,
    encode: &impl Fn(&str) -> String,
) -> Elements {
    Elements::default()
        .text("Name", bucket)
        .text("Prefix", encode(request.parameter("prefix").unwrap_or_default()))
        .optional("Delimiter", request.parameter("delimiter").map(encode))
        .text("MaxKeys", max.to_string())
        .optional("EncodingType", request.parameter("encoding-type"))
        .text("IsTruncated", page.is_truncated.to_string())
}

/// `ListObjectsV2`
pub(super) fn objects_v2(engine: &Engine, request: &S3Request<'_>, name: &str) -> S3Result {
    let bucket = engine.state.buckets.get(name).ok_or_else(|| missing_bucket(name))?;
    let (max, encode) = (max_parameter(request, "max-keys")?, encoder(request)?);
    let token = request.parameter("continuation-token");
    let after = match token {
        Some(token) => decode_token(token)?,
        None => request.parameter("start-after").unwrap_or_default().to_owned(),
    };
    let [prefix, delimiter] = ["prefix", "delimiter"].map(|name| request.parameter(name).unwrap_or_default());
    let page = page(bucket, prefix, delimiter, &after, max);
    let next = page.entries.last().filter(|_| page.is_truncated).map(|last| encode_token(last.name()));
    let list = head(request, name, max, &page, &encode)
        .text("KeyCount", page.entries.len().to_string())
        .optional("ContinuationToken", token)
        .optional("NextContinuationToken", next)
        .optional("StartAfter", request.parameter("start-after").map(&encode));
    Ok(S3Answer::ok(contents(list, &page, &encode, "Contents").document("ListBucketResult")))
}

/// `ListObjects`
pub(super) fn objects(engine: &Engine, request: &S3Request<'_>, name: &str) -> S3Result {
    let bucket = engine.state.buckets.get(name).ok_or_else(|| missing_bucket(name))?;
    let (max, encode) = (max_parameter(request, "max-keys")?, encoder(request)?);
    let marker = request.parameter("marker").unwrap_or_default();
    let [prefix, delimiter] = ["prefix", "delimiter"].map(|name| request.parameter(name).unwrap_or_default());
    let page = page(bucket, prefix, delimiter, marker, max);
    let next = page.entries.last().filter(|_| page.is_truncated && !delimiter.is_empty());
    let list = head(request, name, max, &page, &encode)
        .text("Marker", encode(marker))
        .optional("NextMarker", next.map(|last| encode(last.name())));
    Ok(S3Answer::ok(contents(list, &page, &encode, "Contents").document("ListBucketResult")))
}

/// `ListObjectVersions`: local mode stores one version of an object, which is called `null` as in a bucket without versioning.
pub(super) fn versions(engine: &Engine, request: &S3Request<'_>, name: &str) -> S3Result {
    let bucket = engine.state.buckets.get(name).ok_or_else(|| missing_bucket(name))?;
    let (max, encode) = (max_parameter(request, "max-keys")?, encoder(request)?);
    let marker = request.parameter("key-marker").unwrap_or_default();
    let [prefix, delimiter] = ["prefix", "delimiter"].map(|name| request.parameter(name).unwrap_or_default());
    let page = page(bucket, prefix, delimiter, marker, max);
    let next = page.entries.last().filter(|_| page.is_truncated);
    let list = head(request, name, max, &page, &encode)
        .text("KeyMarker", encode(marker))
        .optional("NextKeyMarker", next.map(|last| encode(last.name())));
    Ok(S3Answer::ok(contents(list, &page, &encode, "Version").document("ListVersionsResult")))
}

fn encode_token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

fn decode_token(token: &str) -> Result<String, ServiceError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid("The continuation token provided is incorrect"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Buckets;

    fn listed(keys: &[&str], prefix: &str, delimiter: &str, max: usize) -> Vec<Vec<String>> {
        let mut buckets = Buckets::default();
        buckets.add("b", Bucket::default());
        for key in keys {
            buckets.set_object("b", key, Some(Object::default()));
        }
        let bucket = buckets.get("b").unwrap();
        let (mut pages, mut after) = (Vec::new(), String::new());
        loop {
            let found = page(bucket, prefix, delimiter, &after, max);
            let names: Vec<String> = found.entries.iter().map(|one| one.name().to_owned()).collect();
            after = names.last().cloned().unwrap_or_default();
            pages.push(names);
            if !found.is_truncated || pages.len() > 20 {
                return pages;
            }
        }
    }

    #[test]
    fn pages_and_common_prefixes_lose_and_repeat_nothing() {
        let keys = ["a", "b/1", "b/2", "b/3/x", "c/1", "d"];
        assert_eq!(listed(&keys, "", "/", 10), [vec!["a", "b/", "c/", "d"]]);
        assert_eq!(listed(&keys, "", "/", 1), [vec!["a"], vec!["b/"], vec!["c/"], vec!["d"]]);
        assert_eq!(listed(&keys, "b/", "/", 2), [vec!["b/1", "b/2"], vec!["b/3/"]]);
        assert_eq!(listed(&keys, "", "", 4), [vec!["a", "b/1", "b/2", "b/3/x"], vec!["c/1", "d"]]);
        assert_eq!(listed(&keys, "x", "/", 4), [Vec::<String>::new()]);
    }
}
