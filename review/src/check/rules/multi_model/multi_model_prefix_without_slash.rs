//! `multi-model-prefix-without-slash`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{MODEL, containers, is_multi_model};
use crate::check::text::Text;
use crate::check::view::View;

rule! {
    /// The prefix of a multi-model container does not end with `/`.
    ///
    /// # Why it matters
    ///
    /// SageMaker may also find models under another prefix that begins with the same characters.
    ///
    /// # How to fix
    ///
    /// Add the slash.
    ///
    /// # Limitations
    ///
    /// It is not confirmed that the slash is required, so this is a warning.
    Warning "multi-model-prefix-without-slash",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json S3ModelDataSource; unconfirmed for ModelDataUrl",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for model in view.of_type(MODEL) {
        for container in containers(model).filter(|one| is_multi_model(one)) {
            let url = &container["ModelDataUrl"];
            let end = Text::of(url).end().to_owned();
            if !end.is_empty() && !end.ends_with('/') && !end.ends_with(".tar.gz") {
                findings.add(model, url, "the prefix of the models does not end with `/`", "add a `/`");
            }
        }
    }
}
