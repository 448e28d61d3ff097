//! `unsupported-model-data-source`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{MODEL, Variant, containers, is_multi_model, variants};
use crate::check::value::is_set;
use crate::check::view::{Resource, View};

rule! {
    /// `ModelDataSource` is used on a serverless endpoint or in a multi-model container.
    ///
    /// # Why it matters
    ///
    /// SageMaker supports only archives there.
    ///
    /// # How to fix
    ///
    /// Use `ModelDataUrl` with an archive or a prefix.
    Error "unsupported-model-data-source",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ContainerDefinition.ModelDataSource",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let mut report = |model: &Resource<'_>, container: &Cursor<'_>, what: &str| {
        let source = &container["ModelDataSource"];
        if is_set(source) {
            findings.add(
                model,
                source,
                format!("`ModelDataSource` is not supported by {what}"),
                "use `ModelDataUrl` with a .tar.gz archive",
            );
        }
    };
    for model in view.of_type(MODEL) {
        for container in containers(model).filter(|one| is_multi_model(one)) {
            report(model, container, "a multi-model container");
        }
    }
    for variant in variants(view).filter(Variant::is_serverless) {
        for (model, container) in variant.containers() {
            report(model, container, "a serverless endpoint");
        }
    }
}
