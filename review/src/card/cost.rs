//! The cost before and after a change, as the estimate has it.

use stackwright_estimate::cost::{self, Money, Per, Total};
use stackwright_synth::Assembly;

use super::CostChange;

/// The resources whose cost changes, and the monthly total of all stacks if it does.
pub(crate) fn changes(old: &Assembly, new: &Assembly, options: &cost::Options) -> Vec<CostChange> {
    let found = cost::difference(&cost::of_assembly(old, options), &cost::of_assembly(new, options));
    let mut changes: Vec<CostChange> = found
        .resources
        .iter()
        .map(|one| CostChange {
            what: format!("{}/{}, {}", one.stack, one.resource, unit(one.per)),
            before: one.before.map(amount),
            after: one.after.map(amount),
            note: unknown(one.unknown),
        })
        .collect();
    if found.resources.iter().any(|one| one.per == Per::Month) {
        let total = |total: &Total| Some(amount((total.floor, total.ceiling)));
        changes.push(CostChange {
            what: "All stacks, a month".into(),
            before: total(&found.before),
            after: total(&found.after),
            note: unknown(found.before.unknown.max(found.after.unknown)),
        });
    }
    changes
}

fn unit(per: Per) -> &'static str {
    match per {
        Per::Month => "a month",
        Per::Run => "a run",
        Per::UpdateHour => "an hour of an update",
        _ => "",
    }
}

/// The least and the most.
fn amount((floor, ceiling): (Money, Money)) -> String {
    if floor == ceiling { format!("{floor} USD") } else { format!("{floor} to {ceiling} USD") }
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
    use super::*;

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
            Assembly::of_template("Stack.yaml", text).unwrap()
        };
        let (old, new) = (read("ml.g5.xlarge"), read("ml.g5.2xlarge"));
        let found = changes(&old, &new, &cost::Options::default());
        let last = found.last().unwrap();
        assert_eq!(last.what, "All stacks, a month");
        assert_ne!(last.before, last.after);
        assert_eq!(changes(&old, &old, &cost::Options::default()), []);
    }
}
