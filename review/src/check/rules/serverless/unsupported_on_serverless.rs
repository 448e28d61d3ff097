//! `unsupported-on-serverless`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{is_multi_model, variants};
use crate::check::value::{boolean, is_set, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// A serverless endpoint has a VPC, network isolation, a multi-model container, a second variant, an inference
    /// pipeline, data capture or an image of a private registry.
    ///
    /// # Why it matters
    ///
    /// SageMaker does not support it on serverless endpoints.
    ///
    /// # How to fix
    ///
    /// Remove the setting, or use a real-time or asynchronous endpoint.
    Error "unsupported-on-serverless",
    source: "Amazon SageMaker Developer Guide, serverless-endpoints.md, feature exclusions (2023-06)",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view).filter(|one| one.is_serverless() && !one.is_shadow) {
        let config = variant.config;
        let mut unsupported: Vec<(&Resource<'_>, &Cursor<'_>, &str)> = Vec::new();
        for (name, what) in [("VpcConfig", "a VPC"), ("DataCaptureConfig", "data capture")] {
            if is_set(&config.properties[name])
                && boolean(&config.properties[name]["EnableCapture"]) != Some(false)
            {
                unsupported.push((config, &config.properties[name], what));
            }
        }
        let all = &config.properties["ProductionVariants"];
        if items(all).count() > 1 {
            unsupported.push((config, all, "more than one variant"));
        }
        for holder in Some(config).into_iter().chain(variant.model()) {
            let isolation = &holder.properties["EnableNetworkIsolation"];
            if boolean(isolation) == Some(true) {
                unsupported.push((holder, isolation, "network isolation"));
            }
        }
        if let Some(model) = variant.model() {
            let of_model = &model.properties;
            if is_set(&of_model["VpcConfig"]) {
                unsupported.push((model, &of_model["VpcConfig"], "a VPC"));
            }
            if items(&of_model["Containers"]).count() > 1 {
                unsupported.push((model, &of_model["Containers"], "an inference pipeline"));
            }
        }
        for (model, container) in variant.containers() {
            if is_multi_model(container) {
                unsupported.push((model, &container["Mode"], "a multi-model container"));
            }
            let access = &container["ImageConfig"]["RepositoryAccessMode"];
            if string(access) == Some("Vpc") {
                unsupported.push((model, access, "an image from a private registry"));
            }
        }
        for (resource, at, what) in unsupported {
            findings.add(
                resource,
                at,
                format!("serverless endpoints do not support {what}"),
                "remove it, or use a real-time or asynchronous endpoint",
            );
        }
    }
}
