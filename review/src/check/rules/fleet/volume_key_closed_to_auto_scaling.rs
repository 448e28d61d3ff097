//! `volume-key-closed-to-auto-scaling`

use crate::check::findings::Findings;
use crate::check::rules::fleet::launch_template;
use crate::check::rules::rule;
use crate::check::value::{is_unresolved, items};
use crate::check::view::{Resource, View};

rule! {
    /// Instances of an Auto Scaling group or of AWS Batch have a volume that is encrypted with a KMS key of the template, and the
    /// key policy does not name the service-linked role of EC2 Auto Scaling.
    ///
    /// # Why it matters
    ///
    /// The instance is terminated as soon as it starts (`Client.InternalError` or `Client.InvalidKMSKey.InvalidState`). A key
    /// policy for the account is not enough: the permissions of the service-linked role cannot be changed.
    ///
    /// # How to fix
    ///
    /// Allow `AWSServiceRoleForAutoScaling` to use the key and to create grants. In Rust,
    /// `PrivateKey::allow_auto_scaling()` adds these statements.
    ///
    /// # Limitations
    ///
    /// Keys outside of the template are not checked. Grants, which can replace the statements of the key policy, are
    /// not known.
    Warning "volume-key-closed-to-auto-scaling",
    source: "Amazon EC2 Auto Scaling User Guide, key-policy-requirements-EBS-encryption.md",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup", "AWS::Batch::ComputeEnvironment"],
    check: Each(check),
}

/// The name of the service-linked role; roles for some groups of the account have a suffix.
const SERVICE_ROLE: &str = "AWSServiceRoleForAutoScaling";

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let of_groups = view.of_type("AWS::AutoScaling::AutoScalingGroup");
    let of_batch = view.of_type("AWS::Batch::ComputeEnvironment").filter_map(|environment| {
        view.target(&environment.properties["ComputeResources"]["LaunchTemplate"]["LaunchTemplateId"])
    });
    let mut templates: Vec<&Resource<'_>> = Vec::new();
    for template in of_groups.filter_map(|group| launch_template(view, group)).chain(of_batch) {
        if !templates.iter().any(|other| other.id == template.id) {
            templates.push(template);
        }
    }
    for template in templates {
        for mapping in items(&template.properties["LaunchTemplateData"]["BlockDeviceMappings"]) {
            let reference = &mapping["Ebs"]["KmsKeyId"];
            let Some(key) = view.target(reference).filter(|key| key.type_name == "AWS::KMS::Key") else {
                continue;
            };
            let policy = &key.properties["KeyPolicy"];
            let text = policy.to_string();
            let is_open = text.contains(SERVICE_ROLE) || text.contains(r#""AWS":"*""#);
            if !is_open && !is_unresolved(policy) {
                findings.add(
                    template,
                    reference,
                    format!("the policy of the key `{}` does not allow EC2 Auto Scaling to use it", key.id),
                    format!(
                        "allow the service-linked role `{SERVICE_ROLE}` to use the key and to create grants"
                    ),
                );
            }
        }
    }
}
