//! `arn-of-another-partition`

use serde_json::Value as JsonValue;
use stackwright_synth::Partition;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::children;
use crate::check::view::View;

rule! {
    /// An ARN names another partition than that of the stack's region: `arn:aws:…` in China or GovCloud, or the reverse.
    ///
    /// # Why it matters
    ///
    /// Partitions are separate: accounts, roles, policies and resources of one do not exist in another, so the resource is
    /// refused or a permission has no effect.
    ///
    /// # How to fix
    ///
    /// Use `AWS::Partition`, as in `!Sub arn:${AWS::Partition}:iam::aws:policy/ReadOnlyAccess`.
    ///
    /// # Limitations
    ///
    /// Only a stack whose region is known is checked. ARNs inside of longer texts, such as scripts, are not checked.
    Warning "arn-of-another-partition",
    source: "AWS General Reference, \"Amazon Resource Names (ARNs)\"; IAM User Guide, \"Partitions\"",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let Some(region) = view.region else { return };
    let here = Partition::of_region(region).name();
    for resource in view.resources.iter().filter(|resource| has_foreign(&resource.properties, here)) {
        let mut found = Vec::new();
        arns(&resource.properties, here, &mut Vec::new(), &mut found);
        for (path, partition) in found {
            findings.add_at(
                resource,
                Some(&path),
                format!("the ARN is of the partition `{partition}`, and {region} is in `{here}`"),
                "use `AWS::Partition` instead of the name of a partition",
            );
        }
    }
}

/// Returns the partition of a text that is an ARN of another partition.
fn foreign<'t>(text: &'t str, here: &str) -> Option<&'t str> {
    let (partition, _) = text.strip_prefix("arn:")?.split_once(':')?;
    (partition.starts_with("aws") && partition != here).then_some(partition)
}

/// Returns whether there is an ARN of another partition below a value. Paths are made only where there is one.
fn has_foreign(value: &JsonValue, here: &str) -> bool {
    match value {
        JsonValue::String(text) => foreign(text, here).is_some(),
        JsonValue::Array(items) => items.iter().any(|item| has_foreign(item, here)),
        JsonValue::Object(members) => members.values().any(|member| has_foreign(member, here)),
        _ => false,
    }
}

/// Finds the ARNs below a value that are of another partition, with their paths and partitions. What a function puts together
/// is found at the function.
fn arns<'v>(
    value: &'v JsonValue,
    here: &str,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, &'v str)>,
) {
    if let JsonValue::String(text) = value {
        if let Some(partition) = foreign(text, here) {
            let steps = path.iter().take_while(|step| !step.starts_with("Fn::")).cloned().collect();
            found.push((steps, partition));
        }
        return;
    }
    for (step, inner) in children(value) {
        path.push(step.into_owned());
        arns(inner, here, path, found);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{Options, check};

    /// Returns the paths of the findings in a region.
    fn found(text: &str, region: &str) -> Vec<String> {
        let assembly = stackwright_synth::Assembly::of_template("t", text.to_owned()).unwrap();
        let options = Options::default().regions([region]);
        let found = check(&assembly, &options).diagnostics;
        found.into_iter().filter(|one| one.id == super::RULE.name).map(|one| one.path).collect()
    }

    #[test]
    fn an_arn_of_another_partition_is_found_in_each_form() {
        let text = super::RULE.good.replace("${AWS::Partition}", "aws");
        assert!(found(&text, "us-east-1").is_empty() && found(&text, "mars-north-1").is_empty());
        for region in ["cn-north-1", "us-gov-west-1"] {
            let paths = found(&text, region);
            assert_eq!(paths.len(), 2, "{paths:?}");
            assert!(paths.iter().any(|path| path.ends_with("ManagedPolicyArns/0")), "{paths:?}");
            assert!(paths.iter().any(|path| path.ends_with("Resource/0")), "{paths:?}");
            assert!(found(super::RULE.good, region).is_empty());
        }
        let chinese = text.replace("arn:aws:", "arn:aws-cn:");
        assert_eq!((found(&chinese, "cn-north-1").len(), found(&chinese, "eu-west-1").len()), (0, 2));
    }
}
