//! Notes about changes for the reviewer, in addition to the facts of the registry.

use serde_json::Value as JsonValue;
use stackwright_schemas::consequence::Consequence;
use stackwright_schemas::held::Held;
use stackwright_schemas::refused_updates::refused_updates;
use stackwright_synth::function::references;

use super::consequence;
use super::effective::Effective;
use super::model::{Because, PropertyChange, ResourceAction, ResourceChange};
use super::resource::Sides;
use crate::check::text::Text;

/// Adds notes to the changes of resources.
pub(crate) fn add(sides: &Sides<'_>, changes: &mut [ResourceChange]) {
    let endpoints = retaining_endpoints(sides);
    for change in changes {
        collision(sides, change);
        left_behind(sides, change);
        not_empty(change);
        elements_deleted(change);
        never_updated(change);
        if change.resource_type == "AWS::SageMaker::EndpointConfig" {
            kept_by_the_service(&endpoints, change);
            autoscaled(sides, change);
        }
        if change.resource_type == "AWS::SageMaker::Endpoint" {
            reset_counts(sides, &endpoints, change);
        }
    }
}

/// Properties of which CloudFormation refuses every update, whatever else exists: the service token of a custom resource.
fn never_updated(change: &mut ResourceChange) {
    if change.action != ResourceAction::Modified {
        return;
    }
    let always = refused_updates(&change.resource_type)
        .filter(|rule| rule.through.is_none() && rule.list.is_none() && rule.while_exists.is_none());
    for rule in always {
        let of_rule = |one: &&PropertyChange| one.path == rule.property;
        let Some(one) = change.properties.iter().find(of_rule) else { continue };
        let text = format!(
            "CloudFormation refuses to change `{}`: \"{}\" Give the resource another logical ID, so that CloudFormation creates a new one.",
            rule.property, rule.message
        );
        if matches!(one.because, Some(Because::Replacement(_, false))) {
            // Whether the value changes is not certain.
            change.notes.push(text);
        } else {
            change.failures.push(text);
            change.consequence = Consequence::Refused;
        }
    }
}

/// Adds the failure of a replacement of a resource with a fixed name: the new resource cannot be created while the old one
/// exists.
fn collision(sides: &Sides<'_>, change: &mut ResourceChange) {
    let is_renamed = change.action == ResourceAction::Renamed;
    if !is_renamed && !matches!(change.consequence, Consequence::Replaced | Consequence::MayBeReplaced) {
        return;
    }
    let name = |effective: &Effective<'_>, id: &str| {
        let body = effective.template.resource(id)?;
        consequence::fixed_name(&change.resource_type, &effective.value(&body["Properties"]))
    };
    let (before, after) = (name(&sides.before, change.old_id()), name(&sides.after, &change.logical_id));
    if let Some(name) = before.filter(|before| Some(before) == after.as_ref()) {
        let is_certain = is_renamed || change.consequence == Consequence::Replaced;
        let list = if is_certain { &mut change.failures } else { &mut change.notes };
        list.push(format!(
            "The resource has the fixed name `{name}`. CloudFormation creates the new resource before it deletes the old \
             one, so a replacement fails. Give the new resource another name."
        ));
    }
}

/// Adds a note about the replaced resource if it is retained or becomes a snapshot.
fn left_behind(sides: &Sides<'_>, change: &mut ResourceChange) {
    if change.consequence != Consequence::Replaced {
        return;
    }
    match sides.after.template.resource(&change.logical_id).map(consequence::of_replaced) {
        Some(Consequence::Retained) => {
            change
                .notes
                .push("The old resource is kept in the account (`UpdateReplacePolicy: Retain`).".into());
            change.holds = None;
        }
        Some(Consequence::Snapshot) => {
            change
                .notes
                .push("A snapshot of the old resource is taken (`UpdateReplacePolicy: Snapshot`).".into());
        }
        _ => {}
    }
}

/// CloudFormation deletes only what is empty.
fn not_empty(change: &mut ResourceChange) {
    let is_deleted = matches!(change.consequence, Consequence::Deleted | Consequence::Replaced);
    if is_deleted && change.resource_type == "AWS::S3::Bucket" && change.holds.is_some() {
        change.notes.push("CloudFormation can delete the bucket only if it is empty.".into());
    }
}

/// Elements of lists that an update deletes.
fn elements_deleted(change: &mut ResourceChange) {
    for element in &change.deleted_elements {
        let lost = match element.holds {
            Held::Data => "with its data",
            _ => "with everything that runs on it",
        };
        change.notes.push(format!("The update deletes `{}` {lost}.", element.path));
    }
}

/// Endpoints that keep the properties of their variants, with the kinds of properties that they do not keep, by the
/// logical ID of their configuration.
fn retaining_endpoints(sides: &Sides<'_>) -> Vec<(String, String, Vec<String>)> {
    let mut found = Vec::new();
    for (id, body) in sides.after.template.resources() {
        let properties = sides.after.value(&body["Properties"]);
        let retains = properties["RetainAllVariantProperties"].as_bool() == Some(true)
            || properties["RetainAllVariantProperties"] == "true";
        if body["Type"] != "AWS::SageMaker::Endpoint" || !retains {
            continue;
        }
        let excluded = properties["ExcludeRetainedVariantProperties"].as_array().into_iter().flatten();
        let excluded: Vec<String> =
            excluded.filter_map(|one| one["VariantPropertyType"].as_str().map(str::to_owned)).collect();
        references(&properties["EndpointConfigName"], &mut String::new(), &mut |config, _, _| {
            found.push((config.to_owned(), id.to_owned(), excluded.clone()));
        });
    }
    found
}

/// Values of variants that an endpoint keeps as they run.
fn kept_by_the_service(endpoints: &[(String, String, Vec<String>)], change: &mut ResourceChange) {
    let kept = [("InitialInstanceCount", "DesiredInstanceCount"), ("InitialVariantWeight", "DesiredWeight")];
    let mut notes = Vec::new();
    for (_, endpoint, excluded) in endpoints.iter().filter(|(config, ..)| *config == change.logical_id) {
        for (property, kind) in &kept {
            let changes = |one: &&PropertyChange| {
                one.path.ends_with(&format!(".{property}")) && one.before.is_some() && one.after.is_some()
            };
            if excluded.iter().any(|one| one == *kind) {
                continue;
            }
            for one in change.properties.iter().filter(changes) {
                notes.push(format!(
                    "`{}` has no effect on running variants: the endpoint `{endpoint}` keeps their values \
                     (`RetainAllVariantProperties`). Add `{kind}` to `ExcludeRetainedVariantProperties`{} to apply \
                     the template's.",
                    one.path,
                    if *kind == "DesiredWeight" { " (`.set_weights()` in Rust)" } else { "" },
                ));
            }
        }
    }
    change.notes.extend(notes);
}

/// An endpoint that does not keep its variants' properties gets the counts of its new configuration, whatever automatic
/// scaling has set (SageMaker API Reference, `UpdateEndpoint`, `RetainAllVariantProperties`).
fn reset_counts(sides: &Sides<'_>, retaining: &[(String, String, Vec<String>)], change: &mut ResourceChange) {
    let is_new_config = change.properties.iter().any(|one| one.path == "EndpointConfigName");
    let keeps = retaining.iter().any(|(_, endpoint, excluded)| {
        *endpoint == change.logical_id && !excluded.iter().any(|kind| kind == "DesiredInstanceCount")
    });
    if change.consequence != Consequence::Updated || !is_new_config || keeps {
        return;
    }
    let Some(endpoint) = sides.after.template.resource(&change.logical_id) else { return };
    let mut counts: Vec<(String, String)> = Vec::new();
    references(&endpoint["Properties"]["EndpointConfigName"], &mut String::new(), &mut |config, _, _| {
        let Some(config) = sides.after.template.resource(config) else { return };
        let properties = sides.after.value(&config["Properties"]);
        for variant in properties["ProductionVariants"].as_array().into_iter().flatten() {
            let (name, count) = (&variant["VariantName"], &variant["InitialInstanceCount"]);
            if let Some(name) = name.as_str().filter(|_| !count.is_null()) {
                counts.push((name.to_owned(), super::node::scalar_text(count).into_owned()));
            }
        }
    });
    for (target, variant) in scaled_variants(&sides.after) {
        if let Some((_, count)) = counts.iter().find(|(name, _)| *name == variant) {
            change.notes.push(format!(
                "The update sets the variant `{variant}` to its `InitialInstanceCount` of {count}, whatever automatic \
                 scaling (`{target}`) has set. To keep the count, set `RetainAllVariantProperties` to `true`."
            ));
        }
    }
}

/// Returns the variants of endpoints that automatic scaling scales, with the logical ID of the scalable target.
fn scaled_variants(effective: &Effective<'_>) -> Vec<(String, String)> {
    let targets = effective
        .template
        .resources()
        .filter(|(_, body)| body["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget");
    targets
        .filter_map(|(id, body)| {
            let properties = effective.value(&body["Properties"]);
            let is_variant = properties["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount";
            Some((id.to_owned(), variant_of(&properties["ResourceId"]).filter(|_| is_variant)?))
        })
        .collect()
}

/// SageMaker refuses to change the instance type of a variant, or to remove it, while it is a scalable target
/// (SageMaker Developer Guide, "Update endpoints that use auto scaling").
fn autoscaled(sides: &Sides<'_>, change: &mut ResourceChange) {
    let mut failures = Vec::new();
    for (id, variant) in scaled_variants(&sides.before) {
        let base = format!("ProductionVariants[{variant}]");
        for one in &change.properties {
            let is_type = one.path == format!("{base}.InstanceType") && one.before.is_some();
            let is_gone = one.path == base && one.after.is_none() && one.before.is_some();
            if is_type || is_gone {
                let what = if is_type { "to change the instance type of" } else { "to remove" };
                failures.push(format!(
                    "SageMaker refuses {what} the variant `{variant}` while it is registered for automatic scaling \
                     (`{id}`). Remove the scalable target in one deployment, and add it again in the next."
                ));
            }
        }
    }
    change.failures.extend(failures);
}

/// Returns the variant that a resource ID of Application Auto Scaling ends with: `endpoint/NAME/variant/VARIANT`.
fn variant_of(resource_id: &JsonValue) -> Option<String> {
    let text = Text::of(resource_id);
    let (before, variant) = text.end().rsplit_once('/')?;
    before.ends_with("/variant").then(|| variant.to_owned())
}
