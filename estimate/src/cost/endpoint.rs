//! Endpoints: instances with their scaling, serverless and asynchronous inference, storage, and updates.

use serde_json::Value as Json;

use super::money::Money;
use super::prices::{Price, Use};
use super::resolve::{number, reference, text};
use super::resources::{Scope, always_on};
use super::{HOURS_A_MONTH, Line, Per};
use crate::memory::{ComponentNeeds, instances_for_components};

pub(super) fn lines(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let Some(configuration) = reference(&properties["EndpointConfigName"]).and_then(|id| scope.find(id))
    else {
        let line = scope.line(id, kind, "instances", Per::Month);
        return vec![line.unknown("the endpoint configuration is not part of the template")];
    };
    let is_asynchronous = configuration.get("AsyncInferenceConfig").is_some();
    let mut lines = Vec::new();
    for member in ["ProductionVariants", "ShadowProductionVariants"] {
        for variant in configuration[member].as_array().into_iter().flatten() {
            let shadow = if member == "ShadowProductionVariants" { "shadow " } else { "" };
            lines.extend(of_variant(scope, id, kind, properties, variant, is_asynchronous, shadow));
        }
    }
    lines
}

fn of_variant(
    scope: &Scope<'_>,
    id: &str,
    kind: &str,
    endpoint: &Json,
    variant: &Json,
    is_asynchronous: bool,
    shadow: &str,
) -> Vec<Line> {
    let name = text(&variant["VariantName"]);
    if let Some(serverless) = variant.get("ServerlessConfig") {
        return serverless_lines(scope, id, kind, serverless, &name);
    }
    let Some(instance_type) = variant["InstanceType"].as_str() else {
        let line = scope.line(id, kind, format!("{shadow}variant {name}"), Per::Month);
        return vec![line.unknown("the instance type is not known")];
    };
    let initial = number(&variant["InitialInstanceCount"]).unwrap_or(1);
    let (least, most) = capacity(scope, id, endpoint, variant, &name).unwrap_or((initial, initial));
    let usage = if is_asynchronous { Use::Asynchronous } else { Use::Hosting };
    let line = scope.line(id, kind, format!("{shadow}variant {name}, {instance_type} instances"), Per::Month);
    let mut instances = always_on(scope, line, usage, instance_type, least, most);
    if least == 0 {
        instances.notes.push("scales to zero".to_owned());
    }
    instances.notes.extend(sharing(scope, id, variant, instance_type, most));
    instances.notes.extend(multi_model(scope, id, variant, instance_type, usage, most));
    let mut lines = vec![instances];
    if let Some(gigabytes) = number(&variant["VolumeSizeInGB"]) {
        lines.push(volume(scope, id, kind, &name, gigabytes, least, most));
    }
    lines.push(surge(
        scope,
        id,
        kind,
        endpoint,
        (&format!("{shadow}variant {name}"), instance_type),
        usage,
        most,
    ));
    lines
}

/// Inference components have no cost of their own: they share the instances of the endpoint. The function returns a
/// sentence with the minimum number of instances that their copies need.
fn sharing(scope: &Scope<'_>, id: &str, variant: &Json, instance_type: &str, most: u64) -> Option<String> {
    let components: Vec<&Json> = scope
        .of_type("AWS::SageMaker::InferenceComponent")
        .filter(|(_, component)| {
            reference(&component["EndpointName"]) == Some(id)
                && (component["VariantName"].is_null() || component["VariantName"] == variant["VariantName"])
        })
        .map(|(_, component)| component)
        .collect();
    if components.is_empty() {
        return None;
    }
    let needs = |component: &&Json| {
        let reserved = &component["Specification"]["ComputeResourceRequirements"];
        let amount = |name: &str| reserved[name].as_f64().or_else(|| text(&reserved[name]).parse().ok());
        let copies = number(&component["RuntimeConfig"]["CopyCount"]).unwrap_or(1);
        let accelerators = amount("NumberOfAcceleratorDevicesRequired").unwrap_or(0.0).ceil() as u64;
        let memory = amount("MinMemoryRequiredInMb").unwrap_or(0.0).ceil() as u64;
        ComponentNeeds::new(memory)
            .copies(copies)
            .accelerators(accelerators)
            .cores(amount("NumberOfCpuCoresRequired").unwrap_or(0.0))
    };
    let needs: Vec<ComponentNeeds> = components.iter().map(needs).collect();
    let copies: u64 = needs.iter().map(|one| one.copies).sum();
    let shared =
        format!("{} inference components with {copies} copies share these instances", components.len());
    if needs.iter().all(|one| one.accelerators == 0 && one.memory_mib == 0) {
        return Some(shared);
    }
    Some(match instances_for_components(&needs, instance_type) {
        Some(least) if least > most => format!(
            "{shared}; by their accelerators, memory and cores they need at least {least} instances, more than the maximum of {most}"
        ),
        Some(least) => {
            format!("{shared}; by their accelerators, memory and cores they need at least {least} instances")
        }
        None => {
            format!("{shared}; a copy does not fit on {instance_type} by its accelerators, memory or cores")
        }
    })
}

/// Compares a multi-model endpoint with an endpoint of one instance for each model.
fn multi_model(
    scope: &Scope<'_>,
    id: &str,
    variant: &Json,
    instance_type: &str,
    usage: Use,
    most: u64,
) -> Option<String> {
    let model = scope.find(reference(&variant["ModelName"])?)?;
    let mut containers =
        model["Containers"].as_array().into_iter().flatten().chain([&model["PrimaryContainer"]]);
    if !containers.any(|container| container["Mode"].as_str() == Some("MultiModel")) {
        return None;
    }
    let Some(models) = scope.usage(id).models.filter(|models| *models > 0) else {
        return Some(
            "multi-model endpoint; set `models` in the usage to compare it with an endpoint for each model"
                .to_owned(),
        );
    };
    let (_, hourly) = scope.instance(usage, instance_type)?;
    let month = |count: u64| hourly.times(count).times(HOURS_A_MONTH);
    let saved = 100.0 * (1.0 - most as f64 / models as f64);
    Some(format!(
        "{models} models share at most {most} instances, ${} a month; an endpoint of one instance for each would cost \
         ${} a month ({})",
        month(most),
        month(models),
        if saved >= 0.0 { format!("{saved:.1} % saved") } else { format!("{:.1} % more", -saved) },
    ))
}

/// Storage of the instances of a variant.
fn volume(
    scope: &Scope<'_>,
    id: &str,
    kind: &str,
    name: &str,
    gigabytes: u64,
    least: u64,
    most: u64,
) -> Line {
    let line = scope.line(id, kind, format!("variant {name}, storage"), Per::Month);
    let Some(price) = scope.unit("SageMaker endpoint storage (General Purpose-Hosting gp2)") else {
        return line.unknown("no price of endpoint storage is known");
    };
    let amount = |count: u64| price.usd.times(gigabytes).times(count);
    let (floor, ceiling) = (amount(least), amount(most));
    let utilization = scope.usage(id).utilization().unwrap_or(scope.options.utilization);
    Line {
        floor: Some(floor),
        typical: Some(floor + (ceiling - floor).share(utilization)),
        ceiling: Some(ceiling),
        formula: format!("{least} to {most} x {gigabytes} GB x ${}", price.usd.exact()),
        price: Some(price),
        ..line
    }
}

/// Returns the minimum and the maximum number of instances, from the variant's managed scaling or from a scalable target of the
/// template.
fn capacity(scope: &Scope<'_>, id: &str, endpoint: &Json, variant: &Json, name: &str) -> Option<(u64, u64)> {
    if let Some(managed) = variant.get("ManagedInstanceScaling") {
        let bounds = (number(&managed["MinInstanceCount"]), number(&managed["MaxInstanceCount"]));
        if let (Some(least), Some(most)) = bounds {
            return Some((least, most.max(least)));
        }
    }
    let named = endpoint["EndpointName"].as_str();
    let is_target = |target: &&Json| {
        let resource = text(&target["ResourceId"]);
        let of_endpoint = resource.contains(&format!("${{{id}"))
            || named.is_some_and(|named| resource.contains(&format!("endpoint/{named}/")));
        target["ScalableDimension"].as_str() == Some("sagemaker:variant:DesiredInstanceCount")
            && of_endpoint
            && resource.ends_with(&format!("variant/{name}"))
    };
    let target = scope
        .of_type("AWS::ApplicationAutoScaling::ScalableTarget")
        .map(|(_, target)| target)
        .find(is_target)?;
    Some((number(&target["MinCapacity"])?, number(&target["MaxCapacity"])?))
}

/// During a blue/green update, a second fleet is running. Without a `DeploymentConfig`, SageMaker updates blue/green
/// with all instances at once.
fn surge(
    scope: &Scope<'_>,
    id: &str,
    kind: &str,
    endpoint: &Json,
    (variant, instance_type): (&str, &str),
    usage: Use,
    most: u64,
) -> Line {
    let configuration = &endpoint["DeploymentConfig"];
    let line = scope.line(id, kind, format!("{variant}, second fleet during an update"), Per::UpdateHour);
    let Some((price, hourly)) = scope.instance(usage, instance_type) else {
        return line.unknown(format!("no price of {instance_type} is known for {}", scope.region));
    };
    let rolling = &configuration["RollingUpdatePolicy"]["MaximumBatchSize"];
    let count = match (rolling["Type"].as_str(), number(&rolling["Value"])) {
        (Some("INSTANCE_COUNT"), Some(value)) => value.min(most),
        (Some(_), Some(percent)) => (most * percent).div_ceil(100),
        _ => most,
    };
    let formula = format!("{count} x {instance_type} x ${}", hourly.exact());
    line.fixed(hourly.times(count), price, formula)
}

/// Serverless inference: seconds of requests by memory, and provisioned concurrency.
fn serverless_lines(scope: &Scope<'_>, id: &str, kind: &str, serverless: &Json, name: &str) -> Vec<Line> {
    let memory = number(&serverless["MemorySizeInMB"]);
    let usage = scope.usage(id);
    let line = scope.line(id, kind, format!("variant {name}, serverless requests"), Per::Month);
    let requests = match (
        memory.and_then(|memory| second(scope, memory)),
        usage.requests_per_month,
        usage.duration_ms,
    ) {
        (None, ..) => line.unknown("the memory size is not known"),
        (Some(_), None, _) => line.unknown("the usage states no `requests_per_month`"),
        (Some(_), _, None) => line.unknown("the usage states no `duration_ms`"),
        (Some(price), Some(requests), Some(duration)) => {
            let amount = price.usd.times(requests).times_ratio(duration, 1000);
            let formula = format!("{requests} x {duration} ms x ${} a second", price.usd.exact());
            line.fixed(amount, price, formula)
        }
    };
    let mut lines = vec![requests];
    if let Some(provisioned) = number(&serverless["ProvisionedConcurrency"]).filter(|count| *count > 0) {
        let line = scope.line(
            id,
            kind,
            format!("variant {name}, provisioned concurrency of {provisioned}"),
            Per::Month,
        );
        let item = "SageMaker serverless provisioned concurrency";
        lines.push(match (scope.unit(item), memory) {
            (Some(price), Some(memory)) => {
                let seconds = HOURS_A_MONTH * 3600;
                let amount = price.usd.times_ratio(memory, 1024).times(provisioned).times(seconds);
                let formula =
                    format!("{provisioned} x {memory} MB x {seconds} s x ${} a GB-second", price.usd.exact());
                line.fixed(amount, price, formula)
            }
            _ => line
                .unknown("AWS's price of provisioned concurrency is not known here; read it with --prices"),
        });
    }
    lines
}

/// Returns the price of a second with this amount of memory.
fn second(scope: &Scope<'_>, memory: u64) -> Option<Price> {
    let gigabytes = memory.div_ceil(1024);
    if let Some(price) = scope.unit(&format!("SageMaker serverless {gigabytes} GB")) {
        return Some(price);
    }
    let terms = &stackwright_schemas::prices::terms()["serverless"];
    let each = Money::parse(&format!("{:.8}", terms["per_gb_second"].as_f64()?))?;
    Some(Price {
        usd: each.times(gigabytes),
        item: format!("a second of serverless inference with {gigabytes} GB"),
        region: "not named".to_owned(),
        date: terms["date"].as_str().unwrap_or_default().to_owned(),
        source: terms["source"].as_str().unwrap_or_default().to_owned(),
        marks: vec!["the source does not name the region".to_owned()],
    })
}
