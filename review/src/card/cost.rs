//! The estimated cost before and after a change.

use std::collections::{BTreeMap, BTreeSet};

use stackwright_estimate::cost::{self, Estimate, Per, Price};

use super::{CostChange, CostRanges};

/// Returns the resources whose cost changes, and the monthly total of all stacks if it does.
pub(crate) fn changes(old: &Estimate, new: &Estimate) -> Vec<CostChange> {
    let found = cost::difference(old, new);
    let mut changes: Vec<CostChange> = found
        .resources
        .iter()
        .map(|one| CostChange {
            what: format!("{}/{}, {}", one.stack, one.resource, unit(one.per)),
            before: one.before.map(|range| range.to_string()),
            after: one.after.map(|range| range.to_string()),
            note: unknown(one.unknown),
            ranges: (one.per == Per::Month)
                .then(|| CostRanges::new(one.before.unwrap_or_default(), one.after.unwrap_or_default())),
        })
        .collect();
    if found.resources.iter().any(|one| one.per == Per::Month) {
        let (before, after) = (found.before.range(), found.after.range());
        changes.push(CostChange {
            what: "All stacks, a month".into(),
            before: Some(before.to_string()),
            after: Some(after.to_string()),
            note: unknown(found.before.unknown.max(found.after.unknown)),
            ranges: Some(CostRanges::new(before, after)),
        });
    }
    changes
}

/// Returns the prices on which the amounts rest: those of the two estimates, each once.
pub(crate) fn prices(old: &Estimate, new: &Estimate) -> Vec<Price> {
    let all = old.lines.iter().chain(&new.lines).filter_map(|line| line.price.as_ref());
    let by_text: BTreeMap<String, &Price> = all.map(|price| (price.to_string(), price)).collect();
    by_text.into_values().cloned().collect()
}

/// Returns the number and the regions of prices: `5 prices of us-east-1, with date and source`.
pub(crate) fn summary_of(prices: &[Price]) -> String {
    let regions: BTreeSet<&str> = prices.iter().map(|price| price.region.as_str()).collect();
    let regions = regions.into_iter().collect::<Vec<_>>().join(", ");
    let (number, noun) = (prices.len(), if prices.len() == 1 { "price" } else { "prices" });
    format!("{number} {noun} of {regions}, with date and source")
}

/// Returns the source of a price, with the doubts about it.
pub(crate) fn with_marks(price: &Price) -> String {
    let marks: String = price.marks.iter().map(|mark| format!("; {mark}")).collect();
    format!("{}{marks}", price.source)
}

fn unit(per: Per) -> &'static str {
    match per {
        Per::Month => "a month",
        Per::Run => "a run",
        Per::UpdateHour => "an hour of an update",
        _ => "",
    }
}

fn unknown(number: usize) -> Option<String> {
    match number {
        0 => None,
        1 => Some("1 amount is not known and not counted".into()),
        number => Some(format!("{number} amounts are not known and not counted")),
    }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::Assembly;

    use super::*;

    #[test]
    fn the_json_of_an_estimate_has_the_documented_form() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../docs/estimate.schema.json")).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let text = concat!(
            include_str!("../../fixtures/training-memory-exceeded.bad.yaml"),
            "  Gateway: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: subnet-1}}\n",
            "  Bucket: {Type: AWS::S3::Bucket}\n"
        );
        let assembly = Assembly::of_template("Stack.yaml", text.into()).unwrap();
        let text = cost::json(&cost::of_assembly(&assembly, &cost::Options::default()));
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        // A job, a gateway with an amount and one without, and a bucket.
        assert!(document["lines"].as_array().unwrap().len() >= 4, "{text}");
        let mut wrong = document.clone();
        wrong["lines"][0]["per"] = "year".into();
        assert!(!schema.is_valid(&wrong));
    }

    #[test]
    fn an_instance_type_changes_the_cost_of_its_configuration_and_the_total() {
        let read = |instance_type: &str| {
            let text = format!(
                "Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {{VariantName: A, ModelName: m, InstanceType: {instance_type}, InitialInstanceCount: 2}}
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties: {{EndpointConfigName: !GetAtt Config.EndpointConfigName}}
"
            );
            cost::of_assembly(&Assembly::of_template("Stack.yaml", text).unwrap(), &cost::Options::default())
        };
        let (old, new) = (read("ml.g5.xlarge"), read("ml.g5.2xlarge"));
        let found = changes(&old, &new);
        let last = found.last().unwrap();
        assert_eq!(last.what, "All stacks, a month");
        assert_ne!(last.before, last.after);
        let ranges = last.ranges.unwrap();
        assert!(
            ranges.before.least > cost::Money::ZERO && ranges.after.least > ranges.before.least,
            "{ranges:?}"
        );
        assert_eq!(changes(&old, &old), []);
        let prices = prices(&old, &new);
        let types: Vec<&str> = prices.iter().map(|price| price.item.as_str()).collect();
        assert!(types.len() == 2 && prices.iter().all(|one| !one.source.is_empty()), "{prices:?}");
        assert_eq!(summary_of(&prices), "2 prices of us-east-1, with date and source");
    }
}
