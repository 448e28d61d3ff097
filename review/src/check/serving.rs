//! The resources that serve models: variants, their models and containers, and the scalable targets of the variants.

use serde_json::Value as JsonValue;
use stackwright_schemas::instances::{Instance, instance};

use super::cursor::Cursor;
use super::relations::Hosts;
use super::text::Text;
use super::value::{is_set, items, number, string};
use super::view::{Resource, View};

pub(crate) const ENDPOINT: &str = "AWS::SageMaker::Endpoint";
pub(crate) const ENDPOINT_CONFIG: &str = "AWS::SageMaker::EndpointConfig";
pub(crate) const MODEL: &str = "AWS::SageMaker::Model";
pub(crate) const INFERENCE_COMPONENT: &str = "AWS::SageMaker::InferenceComponent";

/// A variant of an endpoint configuration.
pub(crate) struct Variant<'v, 'a> {
    pub config: &'v Resource<'a>,
    pub value: &'v Cursor<'a>,
    pub is_shadow: bool,
    view: &'v View<'a>,
}

/// Returns every variant of every endpoint configuration.
pub(crate) fn variants<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = Variant<'v, 'a>> {
    view.of_type(ENDPOINT_CONFIG).flat_map(move |config| variants_of(view, config))
}

/// Returns the variants of an endpoint configuration, shadows last.
pub(crate) fn variants_of<'v, 'a>(
    view: &'v View<'a>,
    config: &'v Resource<'a>,
) -> impl Iterator<Item = Variant<'v, 'a>> {
    [("ProductionVariants", false), ("ShadowProductionVariants", true)].into_iter().flat_map(
        move |(list, is_shadow)| {
            items(&config.properties[list]).map(move |value| Variant { config, value, is_shadow, view })
        },
    )
}

impl<'v, 'a> Variant<'v, 'a> {
    pub fn name(&self) -> &'v str {
        string(&self.value["VariantName"]).unwrap_or("?")
    }

    /// Returns whether the instances have accelerators of the first generation of AWS Inferentia.
    pub fn has_inferentia_1(&self) -> bool {
        string(&self.value["InstanceType"]).is_some_and(|name| name.starts_with("ml.inf1."))
    }

    pub fn is_serverless(&self) -> bool {
        is_set(&self.value["ServerlessConfig"])
    }

    /// Returns the facts about the instance type; `None` if the type is not known.
    pub fn instance(&self) -> Option<&'static Instance> {
        instance(string(&self.value["InstanceType"])?)
    }

    pub fn model(&self) -> Option<&'v Resource<'a>> {
        self.view.named_or_referred(MODEL, "ModelName", &self.value["ModelName"])
    }

    /// Returns the containers of the model of the variant or component, with the model.
    pub fn containers(&self) -> Vec<(&'v Resource<'a>, &'v Cursor<'a>)> {
        self.model().into_iter().flat_map(|model| containers(model).map(move |one| (model, one))).collect()
    }

    /// Returns the endpoints that serve the variant or component.
    pub fn endpoints(&self) -> impl Iterator<Item = &'v Resource<'a>> {
        let view = self.view;
        let endpoints = view.relations().endpoints.get(self.config.id);
        endpoints.into_iter().flatten().filter_map(move |id| view.resource(id))
    }
}

/// Returns the instance types that serve a model, and how many accelerators an inference component reserves for a copy of it
/// there.
pub(crate) fn hosts(view: &View<'_>, model: &Resource<'_>) -> Hosts {
    let by_model = view.hosts();
    let of_variants = by_model.of_variants.get(model.id);
    let of_components = by_model.of_components.get(model.id);
    of_variants.into_iter().chain(of_components).flatten().copied().collect()
}

/// Calls a function for each specification of an inference component, with the name of its model and the instance types that serve
/// it.
pub(crate) fn hosts_of_components(view: &View<'_>, mut found: impl FnMut(&Cursor<'_>, Hosts)) {
    for endpoint in view.of_type(ENDPOINT) {
        let Some(config) = config_of(view, endpoint) else { continue };
        for component in components(view, endpoint) {
            let name = string(&component.properties["VariantName"]);
            let one = std::iter::once(&component.properties["Specification"]);
            for specification in one.chain(items(&component.properties["Specifications"])) {
                let required = &specification["ComputeResourceRequirements"];
                let reserved = number(&required["NumberOfAcceleratorDevicesRequired"]);
                let of_specification = string(&specification["InstanceType"]).and_then(instance);
                let chosen =
                    variants_of(view, config).filter(|one| name.is_none_or(|name| name == one.name()));
                let types = chosen.filter_map(|variant| of_specification.or(variant.instance()));
                let hosts = types.map(|one| (one, reserved.map(|number| number as u64))).collect();
                found(&specification["ModelName"], hosts);
            }
        }
    }
}

/// Returns the containers of a model.
pub(crate) fn containers<'v, 'a>(model: &'v Resource<'a>) -> impl Iterator<Item = &'v Cursor<'a>> {
    let primary = &model.properties["PrimaryContainer"];
    Some(primary).filter(|one| is_set(one)).into_iter().chain(items(&model.properties["Containers"]))
}

pub(crate) fn is_multi_model(container: &JsonValue) -> bool {
    string(&container["Mode"]) == Some("MultiModel")
}

/// Returns the configuration of an endpoint.
pub(crate) fn config_of<'v, 'a>(view: &'v View<'a>, endpoint: &Resource<'_>) -> Option<&'v Resource<'a>> {
    view.named_or_referred(ENDPOINT_CONFIG, "EndpointConfigName", &endpoint.properties["EndpointConfigName"])
}

/// Returns the inference components of an endpoint.
pub(crate) fn components<'v, 'a>(
    view: &'v View<'a>,
    endpoint: &'v Resource<'a>,
) -> impl Iterator<Item = &'v Resource<'a>> {
    let components = view.relations().components.get(endpoint.id);
    components.into_iter().flatten().filter_map(move |id| view.resource(id))
}

pub(crate) fn is_gpu(instance: &Instance) -> bool {
    instance.accelerators().is_some_and(|facts| facts.cuda_compute_capability.is_some())
}

/// Returns the NeuronCores of all Inferentia or Trainium chips of a type: what a tensor parallel degree counts there. `None` for
/// other types. Four a chip on Inferentia1, two on Inferentia2 and Trainium1, eight on Trainium2 ("Neuron Architecture", AWS
/// Neuron documentation, 2026-11).
pub(crate) fn neuron_cores(instance: &Instance) -> Option<u32> {
    let family = instance.instance_type.strip_prefix("ml.")?.split('.').next()?;
    let cores = match family {
        "inf1" => 4,
        "inf2" | "trn1" | "trn1n" => 2,
        "trn2" | "trn2u" => 8,
        _ => return None,
    };
    instance.accelerator_count.map(|chips| chips * cores)
}

/// Trainium and Inferentia.
pub(crate) fn is_neuron(instance_type: &str) -> bool {
    ["ml.trn", "ml.inf"].iter().any(|family| instance_type.starts_with(family))
}

/// The target that a scalable target of SageMaker names.
pub(crate) enum Scaled<'v, 'a> {
    /// `endpoint/ENDPOINT/variant/VARIANT`: the endpoint, if it is of this template, and the variant's name.
    Variant(Named<'v, 'a>, Option<String>),
    /// `inference-component/NAME`.
    Component(Named<'v, 'a>),
    /// The resource ID names neither a variant nor a component.
    Else,
}

/// The resource that a part of a resource ID names.
pub(crate) enum Named<'v, 'a> {
    /// A resource of this template.
    Resource(&'v Resource<'a>),
    /// A name that no resource of this template has.
    NotInTemplate(String),
    /// A name that is known only at deployment.
    Unknown,
}

/// Returns the target that a resource ID of Application Auto Scaling names; `None` if too little of the ID is known.
pub(crate) fn scaled<'v, 'a>(view: &'v View<'a>, resource_id: &JsonValue) -> Option<Scaled<'v, 'a>> {
    let id = Text::of(resource_id);
    if id.hole().is_some() {
        return None;
    }
    let parts = id.split('/');
    let known: Vec<Option<&str>> = parts.iter().map(|part| part.known()).collect();
    let named =
        |part: &Text<'_>, type_name: &'static str, name: &'static str| match (part.hole(), part.known()) {
            (Some(hole), _) => view.target(hole).map_or(Named::Unknown, Named::Resource),
            (None, Some(given)) => {
                let found = view.named_or_referred(type_name, name, &JsonValue::from(given));
                found.map_or(Named::NotInTemplate(given.to_owned()), Named::Resource)
            }
            (None, None) => Named::Unknown,
        };
    Some(match known.as_slice() {
        [Some("endpoint"), _, Some("variant"), variant] => {
            Scaled::Variant(named(&parts[1], ENDPOINT, "EndpointName"), variant.map(str::to_owned))
        }
        [Some("inference-component"), _] => {
            Scaled::Component(named(&parts[1], INFERENCE_COMPONENT, "InferenceComponentName"))
        }
        // Any part may yet hold more than one step.
        _ if known.iter().any(Option::is_none) => return None,
        _ => Scaled::Else,
    })
}

/// Returns the variant that a scalable target scales, where it is of this template.
pub(crate) fn scaled_variant<'v, 'a>(view: &'v View<'a>, target: &Resource<'_>) -> Option<Variant<'v, 'a>> {
    let Some(Scaled::Variant(Named::Resource(endpoint), Some(name))) =
        scaled(view, &target.properties["ResourceId"])
    else {
        return None;
    };
    let config = config_of(view, endpoint)?;
    variants_of(view, config).find(|variant| variant.name() == name)
}
