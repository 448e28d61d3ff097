//! `endpoint-key-on-local-storage`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT_CONFIG, variants_of};
use crate::check::value::{is_set, items, string};
use crate::check::view::View;

rule! {
    /// `KmsKeyId` of an endpoint configuration is set, and a variant runs on an instance type with local NVMe storage.
    ///
    /// # Why it matters
    ///
    /// The instance encrypts these disks itself, and `CreateEndpointConfig` refuses the key.
    ///
    /// # How to fix
    ///
    /// Remove `KmsKeyId`, or use instance types without local storage. In Rust, the endpoint constructs leave it out.
    Error "endpoint-key-on-local-storage",
    source: "Amazon SageMaker API Reference, CreateEndpointConfig.KmsKeyId; hardware of instance types, moto 5.2.5",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for config in view.of_type(ENDPOINT_CONFIG) {
        let key = &config.properties["KmsKeyId"];
        if !is_set(key) {
            continue;
        }
        let types = variants_of(view, config).flat_map(|variant| {
            let pools = items(&variant.value["InstancePools"]).map(|pool| &pool["InstanceType"]);
            pools.chain([&variant.value["InstanceType"]]).filter_map(|name| string(name)).collect::<Vec<_>>()
        });
        let local = types
            .filter_map(stackwright_schemas::instances::instance)
            .find(|facts| facts.local_nvme_gb.is_some_and(|size| size > 0));
        if let Some(facts) = local {
            findings.add(
                config,
                key,
                format!("{} has local NVMe storage, for which no key can be set", facts.instance_type),
                "remove `KmsKeyId`: the instance encrypts its storage",
            );
        }
    }
}
