//! `multi-model-archive`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{MODEL, containers, is_multi_model};
use crate::check::text::Text;
use crate::check::view::View;

rule! {
    /// A multi-model container has one archive as `ModelDataUrl`.
    ///
    /// # Why it matters
    ///
    /// The container needs the prefix under which the archives of its models are.
    ///
    /// # How to fix
    ///
    /// Set `ModelDataUrl` to an S3 prefix.
    Error "multi-model-archive",
    source: "Amazon SageMaker Developer Guide, create-multi-model-endpoint.md",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for model in view.of_type(MODEL) {
        for container in containers(model).filter(|one| is_multi_model(one)) {
            let url = &container["ModelDataUrl"];
            if Text::of(url).end().ends_with(".tar.gz") {
                findings.add(
                    model,
                    url,
                    "`Mode: MultiModel` takes a prefix of archives, not an archive",
                    "use the prefix, with a `/` at its end",
                );
            }
        }
    }
}
