//! As much of S3 as assets need: buckets with their settings, and objects in one piece or in parts.

use std::collections::BTreeMap;
use std::fs;

use percent_encoding::percent_decode_str;
use quick_xml::events::Event;
use stackwright_schemas::limits::limits;
use stackwright_synth::sha256;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::cloud::{Bucket, Cloud, Millis, Object, Upload, unique_id, written};
use crate::error::Refusal;

/// A request to S3.
pub(crate) struct S3Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub region: &'a str,
    pub content_type: &'a str,
    pub body: &'a [u8],
    pub time: Millis,
}

/// An answer of S3.
#[derive(Debug, Default)]
pub(crate) struct S3Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl S3Answer {
    fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }
}

/// The parts of a bucket's settings that are answered as they were put.
const SETTINGS: [&str; 9] = [
    "publicAccessBlock",
    "encryption",
    "policy",
    "versioning",
    "lifecycle",
    "ownershipControls",
    "tagging",
    "logging",
    "location",
];

fn missing_bucket(bucket: &str) -> Refusal {
    Refusal::new("NoSuchBucket", format!("The specified bucket does not exist: {bucket}")).status(404)
}

fn missing_key(key: &str) -> Refusal {
    Refusal::new("NoSuchKey", format!("The specified key does not exist: {key}")).status(404)
}

/// Whether a query names a setting of a bucket.
fn is_setting(query: &str, setting: &str) -> bool {
    query.split('&').any(|part| part.split('=').next() == Some(setting))
}

/// The value of a name in a query; empty if it has none.
fn of_query(query: &str, wanted: &str) -> String {
    let mut all = form_urlencoded::parse(query.as_bytes());
    all.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Whether a request is about an upload in parts.
fn is_in_parts(query: &str) -> bool {
    is_setting(query, "uploads") || is_setting(query, "uploadId")
}

/// The operation's name, for counting and for faults.
pub(crate) fn operation(request: &S3Request<'_>) -> &'static str {
    let is_object =
        request.path.trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    match (request.method, is_object) {
        ("POST", true) if is_setting(request.query, "uploads") => "CreateMultipartUpload",
        ("POST", true) => "CompleteMultipartUpload",
        ("PUT", true) if is_setting(request.query, "uploadId") => "UploadPart",
        ("DELETE", true) if is_setting(request.query, "uploadId") => "AbortMultipartUpload",
        ("PUT", true) => "PutObject",
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("DELETE", true) => "DeleteObject",
        ("PUT", false) if request.query.is_empty() => "CreateBucket",
        ("PUT", false) if is_setting(request.query, "publicAccessBlock") => "PutPublicAccessBlock",
        ("PUT", false) if is_setting(request.query, "encryption") => "PutBucketEncryption",
        ("PUT", false) if is_setting(request.query, "policy") => "PutBucketPolicy",
        ("PUT", false) => "PutBucketSetting",
        ("HEAD", false) => "HeadBucket",
        ("DELETE", false) => "DeleteBucket",
        _ => "ListObjectsV2",
    }
}

impl Cloud {
    pub(crate) fn s3(&mut self, request: &S3Request<'_>) -> Result<S3Answer, Refusal> {
        let path = percent_decode_str(request.path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        if bucket.is_empty() {
            return self.list_buckets();
        }
        self.take_in_buckets_of_stacks(bucket);
        if key.is_empty() { self.bucket(request, bucket) } else { self.object(request, bucket, key) }
    }

    /// A bucket that a stack made is one like any other.
    fn take_in_buckets_of_stacks(&mut self, name: &str) {
        let owner = self.state.stacks.iter().find(|stack| {
            let mut resources = stack.resources.values();
            resources.any(|one| one.type_name == "AWS::S3::Bucket" && one.physical_id == name)
        });
        if let Some(region) = owner.map(|stack| stack.region.clone()) {
            let bucket = Bucket { region, ..Bucket::default() };
            self.state.buckets.entry(name.to_owned()).or_insert(bucket);
        }
    }

    fn list_buckets(&self) -> Result<S3Answer, Refusal> {
        let names: String = self
            .state
            .buckets
            .keys()
            .map(|name| format!("<Bucket><Name>{}</Name></Bucket>", quick_xml::escape::escape(name)))
            .collect();
        Ok(S3Answer::ok(format!(
            "<ListAllMyBucketsResult><Buckets>{names}</Buckets></ListAllMyBucketsResult>"
        )))
    }

    fn bucket(&mut self, request: &S3Request<'_>, name: &str) -> Result<S3Answer, Refusal> {
        let setting = SETTINGS.into_iter().find(|setting| is_setting(request.query, setting));
        if request.method == "PUT" && setting.is_none() {
            if self.state.buckets.contains_key(name) && request.region != "us-east-1" {
                let words =
                    "Your previous request to create the named bucket succeeded and you already own it.";
                return Err(Refusal::new("BucketAlreadyOwnedByYou", words).status(409));
            }
            let bucket = Bucket { region: request.region.to_owned(), ..Bucket::default() };
            self.state.buckets.entry(name.to_owned()).or_insert(bucket);
            let location = vec![("location", format!("/{name}"))];
            return Ok(S3Answer { headers: location, ..S3Answer::ok("") });
        }
        let bucket = self.state.buckets.get_mut(name).ok_or_else(|| missing_bucket(name))?;
        match (request.method, setting) {
            ("PUT", Some(setting)) => {
                let text = String::from_utf8_lossy(request.body).into_owned();
                bucket.settings.insert(setting.to_owned(), text);
                Ok(S3Answer::ok(""))
            }
            ("GET", Some("location")) => Ok(S3Answer::ok(format!(
                "<LocationConstraint>{}</LocationConstraint>",
                if bucket.region == "us-east-1" { "" } else { &bucket.region }
            ))),
            ("GET", Some("versioning")) if !bucket.settings.contains_key("versioning") => {
                Ok(S3Answer::ok("<VersioningConfiguration/>"))
            }
            ("GET", Some(setting)) => match bucket.settings.get(setting) {
                Some(text) => Ok(S3Answer::ok(text.clone())),
                None => {
                    Err(Refusal::new("NoSuchConfiguration", format!("There is no {setting} configuration"))
                        .status(404))
                }
            },
            ("HEAD", _) => {
                let region = vec![("x-amz-bucket-region", bucket.region.clone())];
                Ok(S3Answer { headers: region, ..S3Answer::ok("") })
            }
            ("DELETE", None) if bucket.objects.is_empty() => {
                self.state.buckets.remove(name);
                Ok(S3Answer { status: 204, ..S3Answer::default() })
            }
            ("DELETE", None) => {
                Err(Refusal::new("BucketNotEmpty", "The bucket you tried to delete is not empty").status(409))
            }
            ("GET", None) => {
                let prefix = of_query(request.query, "prefix");
                let contents: String = bucket
                    .objects
                    .iter()
                    .filter(|(key, _)| key.starts_with(&prefix))
                    .map(|(key, object)| {
                        format!(
                            "<Contents><Key>{}</Key><Size>{}</Size><ETag>&quot;{}&quot;</ETag><LastModified>{}</LastModified></Contents>",
                            quick_xml::escape::escape(key),
                            object.bytes,
                            object.etag,
                            written(object.time)
                        )
                    })
                    .collect();
                Ok(S3Answer::ok(format!(
                    "<ListBucketResult><Name>{name}</Name><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
                )))
            }
            _ => Err(Refusal::new("NotImplemented", "This is not rehearsed on this endpoint").status(501)),
        }
    }

    fn object(&mut self, request: &S3Request<'_>, bucket: &str, key: &str) -> Result<S3Answer, Refusal> {
        let folder = self.state.buckets.get(bucket).ok_or_else(|| missing_bucket(bucket))?;
        match request.method {
            "POST" | "PUT" | "DELETE" if is_in_parts(request.query) => self.upload(request, bucket, key),
            "PUT" => {
                let etag = self.put(bucket, key, request.content_type, request.body, request.time)?;
                Ok(S3Answer { headers: vec![("etag", etag)], ..S3Answer::ok("") })
            }
            "GET" | "HEAD" => {
                let object = folder.objects.get(key).ok_or_else(|| missing_key(key))?;
                let headers = vec![
                    ("etag", format!("\"{}\"", object.etag)),
                    ("last-modified", http_date(object.time)),
                    ("content-type", object.content_type.clone()),
                ];
                let body = fs::read(self.object_path(&object.file)).map_err(failed)?;
                Ok(S3Answer { status: 200, headers, body })
            }
            "DELETE" => {
                if let Some(bucket) = self.state.buckets.get_mut(bucket) {
                    bucket.objects.remove(key);
                }
                Ok(S3Answer { status: 204, ..S3Answer::default() })
            }
            _ => Err(Refusal::new("MethodNotAllowed", "The method is not allowed").status(405)),
        }
    }

    /// Keeps an object; its tag.
    fn put(
        &mut self,
        bucket: &str,
        key: &str,
        content_type: &str,
        body: &[u8],
        time: Millis,
    ) -> Result<String, Refusal> {
        let (file, etag) = self.keep(body)?;
        let bucket = self.state.buckets.get_mut(bucket).ok_or_else(|| missing_bucket(bucket))?;
        let shown = format!("\"{etag}\"");
        let content_type = content_type.to_owned();
        let object = Object { bytes: body.len() as u64, etag, file, time, content_type };
        bucket.objects.insert(key.to_owned(), object);
        Ok(shown)
    }

    /// Keeps some content by its hash: the file's name, and a tag.
    fn keep(&self, body: &[u8]) -> Result<(String, String), Refusal> {
        let hash = sha256(body);
        fs::write(self.object_path(&hash), body).map_err(failed)?;
        let etag = hash[..32].to_owned();
        Ok((hash, etag))
    }

    /// An upload in parts: begun, a part of it, completed, given up.
    fn upload(&mut self, request: &S3Request<'_>, bucket: &str, key: &str) -> Result<S3Answer, Refusal> {
        let text = quick_xml::escape::escape;
        if is_setting(request.query, "uploads") {
            let id = unique_id();
            let upload = Upload {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                content_type: request.content_type.to_owned(),
                parts: BTreeMap::new(),
            };
            self.state.uploads.insert(id.clone(), upload);
            return Ok(S3Answer::ok(format!(
                "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
                 </InitiateMultipartUploadResult>",
                text(bucket),
                text(key)
            )));
        }
        let id = of_query(request.query, "uploadId");
        let is_it = |upload: &&Upload| upload.bucket == bucket && upload.key == key;
        let Some(upload) = self.state.uploads.get(&id).filter(is_it).cloned() else {
            let words = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                         aborted or completed.";
            return Err(Refusal::new("NoSuchUpload", words).status(404));
        };
        match request.method {
            "PUT" => {
                let number = of_query(request.query, "partNumber").parse().map_err(|_| {
                    Refusal::new(
                        "InvalidArgument",
                        "Part number must be an integer between 1 and 10000, inclusive",
                    )
                })?;
                let (file, etag) = self.keep(request.body)?;
                if let Some(upload) = self.state.uploads.get_mut(&id) {
                    upload.parts.insert(number, file);
                }
                Ok(S3Answer { headers: vec![("etag", format!("\"{etag}\""))], ..S3Answer::ok("") })
            }
            "POST" => {
                let mut body = Vec::new();
                for number in part_numbers(request.body)
                    .ok_or_else(|| Refusal::new("MalformedXML", "The XML you provided was not well-formed"))?
                {
                    let file = upload.parts.get(&number).ok_or_else(|| {
                        let words = "One or more of the specified parts could not be found.";
                        Refusal::new("InvalidPart", words)
                    })?;
                    body.extend(fs::read(self.object_path(file)).map_err(failed)?);
                }
                let etag = self.put(bucket, key, &upload.content_type, &body, request.time)?;
                self.state.uploads.remove(&id);
                Ok(S3Answer::ok(format!(
                    "<CompleteMultipartUploadResult><Location>/{bucket}/{key}</Location><Bucket>{bucket}</Bucket>\
                     <Key>{key}</Key><ETag>{}</ETag></CompleteMultipartUploadResult>",
                    text(&etag),
                    bucket = text(bucket),
                    key = text(key),
                )))
            }
            _ => {
                self.state.uploads.remove(&id);
                Ok(S3Answer { status: 204, ..S3Answer::default() })
            }
        }
    }

    /// The text of an object by its URL, with the bucket in the host's name or in the path.
    pub(crate) fn object_of_url(&self, url: &str) -> Result<String, Refusal> {
        let unreadable = || {
            Refusal::validation(
                "S3 error: Access Denied\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
            )
        };
        let (_, rest) = url
            .split_once("://")
            .ok_or_else(|| Refusal::validation("TemplateURL must be a supported URL.".to_owned()))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.split('?').next().unwrap_or_default();
        let path = percent_decode_str(path).decode_utf8_lossy();
        let (bucket, key) = match host.split_once(".s3") {
            Some((bucket, _)) if !bucket.is_empty() => (bucket.to_owned(), path.into_owned()),
            _ => {
                let (bucket, key) = path.split_once('/').ok_or_else(unreadable)?;
                (bucket.to_owned(), key.to_owned())
            }
        };
        let object = self
            .state
            .buckets
            .get(&bucket)
            .and_then(|bucket| bucket.objects.get(&key))
            .ok_or_else(unreadable)?;
        let most = limits().template_url_bytes;
        if object.bytes > most as u64 {
            return Err(Refusal::validation(format!("Template may not exceed {most} bytes in size.")));
        }
        fs::read_to_string(self.object_path(&object.file)).map_err(|_| unreadable())
    }
}

fn failed(error: std::io::Error) -> Refusal {
    Refusal::new("InternalError", error.to_string()).status(500)
}

/// The numbers of the parts that a client says make an object, in its order; nothing if it does not say it in XML.
fn part_numbers(body: &[u8]) -> Option<Vec<u32>> {
    let mut reader = quick_xml::Reader::from_reader(body);
    let (mut numbers, mut is_number) = (Vec::new(), false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => is_number = tag.local_name().as_ref() == b"PartNumber",
            Event::Text(text) if is_number => numbers.push(text.decode().ok()?.trim().parse().ok()?),
            Event::End(_) => is_number = false,
            Event::Eof => return Some(numbers),
            _ => {}
        }
    }
}

/// What a client sent in pieces with checksums between them, in one.
pub(crate) fn unchunked(body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    let mut rest = body;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// `Wed, 25 Nov 2026 10:00:00 GMT`
fn http_date(time: Millis) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let seconds = i64::try_from(time / 1000).unwrap_or_default();
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn chunks_become_one_and_a_broken_end_is_nothing() {
        let sent = b"5;chunk-signature=x\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:abc\r\n\r\n";
        assert_eq!(super::unchunked(sent).unwrap(), b"hello!");
        assert_eq!(super::unchunked(b"5\r\nhel"), None);
        assert_eq!(super::unchunked(b"zz\r\n"), None);
        assert_eq!(super::http_date(1_795_600_800_000), "Wed, 25 Nov 2026 10:00:00 GMT");
    }
}
