//! `unencrypted-volume`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set, is_unresolved, items};
use crate::check::view::{Resource, View};

rule! {
    /// An EBS volume or an EFS file system is not encrypted.
    ///
    /// # Why it matters
    ///
    /// The data is stored unencrypted.
    ///
    /// # How to fix
    ///
    /// Set `Encrypted: true`.
    ///
    /// # Limitations
    ///
    /// SageMaker encrypts the storage of its instances, so it is not listed.
    Warning "unencrypted-volume",
    source: "Amazon EBS and Amazon EFS User Guides, encryption",
    applies_to: ["AWS::EC2::LaunchTemplate", "AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::EFS::FileSystem"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let mut volumes: Vec<(&Resource<'_>, &Cursor<'_>)> = Vec::new();
    for template in view.of_type("AWS::EC2::LaunchTemplate") {
        volumes.extend(
            items(&template.properties["LaunchTemplateData"]["BlockDeviceMappings"])
                .map(|one| (template, &one["Ebs"])),
        );
    }
    for instance in view.of_type("AWS::EC2::Instance") {
        volumes.extend(items(&instance.properties["BlockDeviceMappings"]).map(|one| (instance, &one["Ebs"])));
    }
    for resource in view.of_type("AWS::EC2::Volume").chain(view.of_type("AWS::EFS::FileSystem")) {
        volumes.push((resource, &resource.properties));
    }
    for (resource, volume) in
        volumes.into_iter().filter(|(_, volume)| is_set(volume) && !is_unresolved(volume))
    {
        let encrypted = &volume["Encrypted"];
        // A snapshot brings its own encryption.
        if boolean(encrypted) == Some(false) || !is_set(encrypted) && !is_set(&volume["SnapshotId"]) {
            let at = if is_set(encrypted) { encrypted } else { volume };
            findings.add(resource, at, "this storage is not encrypted", "set `Encrypted: true`");
        }
    }
}
