//! EC2 fleets and Spot fleets: EC2 chooses among the types of the fleet, so that the cost is between that of the cheapest and
//! that of the most expensive type.

use serde_json::Value as Json;

use super::money::Money;
use super::prices::{Price, Use};
use super::resolve::number;
use super::resources::{Scope, launch_template};
use super::{HOURS_A_MONTH, Line, Per};

/// An instance type of a fleet, and the number of units of the target capacity that one instance provides.
struct Choice {
    instance_type: String,
    weight: u64,
}

pub(super) fn line(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Line {
    let line = scope.line(id, kind, "fleet", Per::Month);
    // A Spot fleet has its request in a member.
    let request = properties.get("SpotFleetRequestConfigData").unwrap_or(properties);
    let target = match request.get("TargetCapacitySpecification") {
        Some(specification) => specification,
        None => request,
    };
    let unit = target["TargetCapacityUnitType"].as_str().unwrap_or("units");
    let total = number(&target["TotalTargetCapacity"]).or_else(|| number(&target["TargetCapacity"]));
    let (Some(total), "units") = (total, unit) else {
        return line.unknown("the target capacity is not a known number of instances");
    };
    let Some(choices) = choices(scope, request) else {
        return line.unknown("the instance types are chosen by their attributes, or are not known");
    };
    let mut costs: Vec<(Money, Price, String)> = Vec::new();
    for choice in &choices {
        let Some((price, hourly)) = scope.instance(Use::Ec2, &choice.instance_type) else {
            return line
                .unknown(format!("no price of {} is known for {}", choice.instance_type, scope.region));
        };
        let count = total.div_ceil(choice.weight.max(1));
        let formula = format!("{count} x {} x {HOURS_A_MONTH} h x ${}", choice.instance_type, hourly.exact());
        costs.push((hourly.times(count).times(HOURS_A_MONTH), price, formula));
    }
    costs.sort_by_key(|(amount, ..)| *amount);
    let (Some((floor, _, cheapest)), Some((ceiling, price, dearest))) = (costs.first(), costs.last()) else {
        return line.unknown("the fleet names no instance type");
    };
    let utilization = scope.usage(id).utilization().unwrap_or(scope.options.utilization);
    let formula = if costs.len() == 1 { dearest.clone() } else { format!("{cheapest}, to {dearest}") };
    Line {
        floor: Some(*floor),
        typical: Some(*floor + (*ceiling - *floor).share(utilization)),
        ceiling: Some(*ceiling),
        formula,
        price: Some(price.clone()),
        ..line
    }
    .note("all instances are of the cheapest type at the least, and of the most expensive type at the most, on demand; Spot Instances cost less")
}

/// Returns the instance types of a fleet: those of the overrides or, if there are none, that of the launch template. `None` if
/// one is not known.
fn choices(scope: &Scope<'_>, request: &Json) -> Option<Vec<Choice>> {
    let mut choices = Vec::new();
    let choice = |value: &Json, fallback: &Json| {
        let name = value["InstanceType"].as_str().or(fallback.as_str())?;
        let weight = number(&value["WeightedCapacity"]).unwrap_or(1);
        Some(Choice { instance_type: name.to_owned(), weight })
    };
    for specification in request["LaunchSpecifications"].as_array().into_iter().flatten() {
        choices.push(choice(specification, &Json::Null)?);
    }
    for config in request["LaunchTemplateConfigs"].as_array().into_iter().flatten() {
        let template = launch_template(scope, &config["LaunchTemplateSpecification"]);
        let of_template = template.map_or(&Json::Null, |template| &template["InstanceType"]);
        match config["Overrides"].as_array().filter(|overrides| !overrides.is_empty()) {
            Some(overrides) => {
                for one in overrides {
                    choices.push(choice(one, of_template)?);
                }
            }
            None => choices.push(choice(&Json::Null, of_template)?),
        }
    }
    Some(choices)
}
