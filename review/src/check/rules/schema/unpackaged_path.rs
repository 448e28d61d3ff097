//! `unpackaged-path`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::schema::packaged_property;
use crate::check::value::{at, string};
use crate::check::view::View;

rule! {
    /// A property has a local file path as its value, but CloudFormation needs a location in S3.
    ///
    /// # Why it matters
    ///
    /// `aws cloudformation package`, the SAM CLI and the AWS CDK upload the file and replace the path. CloudFormation
    /// refuses the template if the path is still there.
    ///
    /// # How to fix
    ///
    /// Run `aws cloudformation package` or `sam package` before the deployment, or write the location in S3.
    Warning "unpackaged-path",
    source: "AWS CLI Command Reference, `cloudformation package`",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        // SAM's own tools upload the files of its own types.
        if resource.type_name.starts_with("AWS::Serverless::") {
            continue;
        }
        let Some(value) = packaged_property(resource.type_name).map(|path| at(&resource.properties, path))
        else {
            continue;
        };
        let is_location =
            |text: &str| text.starts_with("s3://") || text.starts_with("https://") || text.is_empty();
        if let Some(path) = string(value).filter(|text| !is_location(text)) {
            let message = format!("`{path}` is a local path, not a location in S3");
            findings.add(resource, value, message, "run `aws cloudformation package` before the deployment");
        }
    }
}
