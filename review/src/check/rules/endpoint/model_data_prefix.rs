//! `model-data-prefix`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{MODEL, containers, is_multi_model};
use crate::check::text::Text;
use crate::check::value::is_unresolved;
use crate::check::view::View;

rule! {
    /// A container that serves one model has an S3 prefix as `ModelDataUrl`.
    ///
    /// # Why it matters
    ///
    /// The service takes one archive, and answers "Could not find model data".
    ///
    /// # How to fix
    ///
    /// Name the archive (`.tar.gz`). Use `ModelDataSource.S3DataSource` with `S3DataType: S3Prefix` and `CompressionType: None`
    /// for files that are not in an archive, or `Mode: MultiModel` for several models.
    Error "model-data-prefix",
    source: "Amazon SageMaker API Reference, ContainerDefinition",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for model in view.of_type(MODEL) {
        let single =
            |one: &&crate::check::cursor::Cursor<'_>| !is_multi_model(one) && !is_unresolved(&one["Mode"]);
        for container in containers(model).filter(single) {
            let url = &container["ModelDataUrl"];
            if Text::of(url).end().ends_with('/') {
                findings.add(
                    model,
                    url,
                    "`ModelDataUrl` takes an archive, not a prefix",
                    "name the archive (`.tar.gz`), or use `ModelDataSource` for a prefix",
                );
            }
        }
    }
}
