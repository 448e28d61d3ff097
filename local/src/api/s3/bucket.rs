//! Operations on buckets: create, list and delete.

use serde_json::Value as Json;

use super::xml::{self, Elements};
use super::{S3Answer, S3Request, S3Result, invalid, malformed, missing_bucket};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{BUCKET, Bucket, iso_time};

pub(super) fn list(engine: &Engine, request: &S3Request<'_>) -> S3Result {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let region = request.parameter("bucket-region");
    let after = request.parameter("continuation-token").unwrap_or_default();
    let max = match request.parameter("max-buckets") {
        Some(text) => {
            let max = text.parse::<usize>().ok().filter(|max| (1..=10_000).contains(max));
            max.ok_or_else(|| invalid("Argument max-buckets must be an integer between 1 and 10000"))?
        }
        None => 10_000,
    };
    let mut found = engine.state.buckets.iter().filter(|(name, bucket)| {
        name.starts_with(prefix)
            && name.as_str() > after
            && region.is_none_or(|region| bucket.region == region)
    });
    let page: Vec<_> = found.by_ref().take(max).collect();
    let next = found.next().and(page.last()).map(|(name, _)| name.as_str());
    let mut buckets = Elements::default();
    for (name, bucket) in &page {
        let one = Elements::default()
            .text("Name", name)
            .text("CreationDate", iso_time(bucket.created))
            .text("BucketRegion", &bucket.region);
        buckets = buckets.nested("Bucket", one);
    }
    let body = Elements::default()
        .nested("Owner", Elements::default().text("ID", "local").text("DisplayName", "local"))
        .nested("Buckets", buckets)
        .optional("ContinuationToken", next)
        .optional("Prefix", request.parameter("prefix"));
    Ok(S3Answer::ok(body.document("ListAllMyBucketsResult")).with("content-type", "application/xml"))
}

pub(super) fn create(engine: &mut Engine, request: &S3Request<'_>, name: &str) -> S3Result {
    if !is_valid_name(name) {
        return Err(ServiceError::new("InvalidBucketName", "The specified bucket is not valid."));
    }
    let region = location_constraint(request)?.unwrap_or_else(|| request.region.to_owned());
    if let Some(present) = engine.state.buckets.get(name) {
        // In us-east-1, S3 responds to a repeated request as if it had created the bucket.
        if region != "us-east-1" || present.region != region {
            let message =
                "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(ServiceError::new("BucketAlreadyOwnedByYou", message).status(409));
        }
    }
    engine.state.buckets.add(name, Bucket::new(&region, request.time));
    Ok(S3Answer::ok("").with("location", format!("/{name}")))
}

/// Returns the region in the body of a request.
fn location_constraint(request: &S3Request<'_>) -> Result<Option<String>, ServiceError> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let body: Json = xml::read(request.body).ok_or_else(malformed)?;
    let configuration = xml::children(&body, "CreateBucketConfiguration").first();
    let region = configuration
        .and_then(|one| xml::child_text(one, "LocationConstraint"))
        .filter(|one| !one.is_empty());
    match region {
        Some(region) if region != request.region && request.region != "us-east-1" => Err(ServiceError::new(
            "IllegalLocationConstraintException",
            format!(
                "The {region} location constraint is incompatible for the region specific endpoint this request was \
                     sent to."
            ),
        )),
        Some("EU") => Ok(Some("eu-west-1".to_owned())),
        region => Ok(region.map(str::to_owned)),
    }
}

/// Returns whether a name follows the rules for general purpose buckets.
pub(super) fn is_valid_name(name: &str) -> bool {
    let is_edge = |one: Option<char>| one.is_some_and(|one| one.is_ascii_lowercase() || one.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name
            .chars()
            .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || matches!(one, '-' | '.'))
        && is_edge(name.chars().next())
        && is_edge(name.chars().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3"].iter().any(|suffix| name.ends_with(suffix))
}

pub(super) fn head(engine: &Engine, name: &str) -> S3Result {
    let bucket = engine.state.buckets.get(name).ok_or_else(|| missing_bucket(name))?;
    Ok(S3Answer::ok("").with("x-amz-bucket-region", bucket.region.clone()))
}

pub(super) fn delete(engine: &mut Engine, name: &str) -> S3Result {
    let bucket = engine.state.buckets.get(name).ok_or_else(|| missing_bucket(name))?;
    if !bucket.objects().is_empty() {
        return Err(
            ServiceError::new("BucketNotEmpty", "The bucket you tried to delete is not empty").status(409)
        );
    }
    engine.state.remove_bucket(name);
    engine.state.rest.unowned.retain(|one| one.type_name != BUCKET || one.physical_id != name);
    engine.delete_outside_of_stacks(BUCKET, name);
    Ok(S3Answer::no_content())
}

#[cfg(test)]
mod tests {
    use super::is_valid_name;

    #[test]
    fn bucket_names_follow_the_rules() {
        for good in ["abc", "my-bucket.example", "123"] {
            assert!(is_valid_name(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["ab", "Upper", "under_score", "-start", "end-", "a..b", "192.168.5.4", "x-s3alias", &long]
        {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }
}
