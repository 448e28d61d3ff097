//! Storage of cluster nodes: EBS volumes, and shared file systems that HyperPod mounts.

use stackwright_resources::sagemaker::cluster::{
    ClusterEbsVolumeConfig, ClusterFsxLustreConfig, ClusterFsxOpenZfsConfig, ClusterInstanceStorageConfig,
};
use stackwright_synth::{IntoValue, Value};

use crate::key::EncryptionKey;

/// A shared file system that HyperPod mounts on the nodes of a cluster with Slurm. An instance group has at most one of
/// each kind (FSx for Lustre and FSx for OpenZFS).
///
/// If the file system of an existing group is changed, only new nodes mount it: scale the group to 0 and back to change
/// all nodes.
///
/// It becomes `InstanceStorageConfigs.FsxLustreConfig` or `.FsxOpenZfsConfig`.
///
/// ```
/// use stackwright_stacks::cluster::SharedStorage;
///
/// SharedStorage::lustre("fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "abcdefgh");
/// SharedStorage::open_zfs("fs-0123456789abcdef1.fsx.us-east-1.amazonaws.com").at("/home");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SharedStorage(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Lustre { dns_name: Value<String>, mount_name: Value<String>, path: Value<String> },
    OpenZfs { dns_name: Value<String>, path: Value<String> },
}

impl SharedStorage {
    /// Refers to an FSx for Lustre file system by its DNS name and its mount name, mounted at `/fsx`. A DNS name without a
    /// dot is an error at the caller's line.
    #[track_caller]
    pub fn lustre(dns_name: impl IntoValue<String>, mount_name: impl IntoValue<String>) -> Self {
        Self(Kind::Lustre {
            dns_name: checked_dns_name(dns_name),
            mount_name: mount_name.into().with_caller_location(),
            path: "/fsx".into(),
        })
    }

    /// Refers to an FSx for OpenZFS file system by its DNS name, mounted at `/home`. A DNS name without a dot is an error at
    /// the caller's line.
    #[track_caller]
    pub fn open_zfs(dns_name: impl IntoValue<String>) -> Self {
        Self(Kind::OpenZfs { dns_name: checked_dns_name(dns_name), path: "/home".into() })
    }

    /// Sets the absolute path at which the file system is mounted, without a slash at its end. The default is `/fsx` for FSx
    /// for Lustre and `/home` for FSx for OpenZFS.
    #[track_caller]
    pub fn at(mut self, mount_path: impl IntoValue<String>) -> Self {
        let mount_path = mount_path.into().with_caller_location();
        match &mut self.0 {
            Kind::Lustre { path, .. } | Kind::OpenZfs { path, .. } => *path = mount_path,
        }
        self
    }

    pub(super) fn is_lustre(&self) -> bool {
        matches!(self.0, Kind::Lustre { .. })
    }

    pub(super) fn config(&self) -> ClusterInstanceStorageConfig {
        let config = ClusterInstanceStorageConfig::new();
        match &self.0 {
            Kind::Lustre { dns_name, mount_name, path } => config.fsx_lustre_config(
                ClusterFsxLustreConfig::new().dns_name(dns_name).mount_name(mount_name).mount_path(path),
            ),
            Kind::OpenZfs { dns_name, path } => {
                config.fsx_open_zfs_config(ClusterFsxOpenZfsConfig::new(dns_name).mount_path(path))
            }
        }
    }
}

/// The EBS volumes of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Volumes {
    /// The size of the additional volume in GB.
    pub size: Option<Value<i64>>,
    /// The key that encrypts root and additional volumes.
    pub key: Option<EncryptionKey>,
}

impl Volumes {
    pub(super) fn configs(&self) -> Vec<ClusterInstanceStorageConfig> {
        let mut configs = Vec::new();
        if let Some(key) = &self.key {
            // The root volume has a setting for the key, but none for the size.
            let root = ClusterEbsVolumeConfig::new().root_volume(true).volume_kms_key_id(key.id());
            configs.push(ClusterInstanceStorageConfig::new().ebs_volume_config(root));
        }
        if let Some(size) = &self.size {
            let mut volume = ClusterEbsVolumeConfig::new().volume_size_in_gb(size);
            if let Some(key) = &self.key {
                volume = volume.volume_kms_key_id(key.id());
            }
            configs.push(ClusterInstanceStorageConfig::new().ebs_volume_config(volume));
        }
        configs
    }
}

/// The same DNS name, or an invalid value where it is known to be something else, such as the mount name of a file system.
#[track_caller]
fn checked_dns_name(value: impl IntoValue<String>) -> Value<String> {
    let value = value.into().with_caller_location();
    let Some(name) = crate::arn::known(&value).filter(|name| !is_dns_name(name)) else { return value };
    let (message, help) = invalid_dns_name(name);
    Value::invalid("invalid-dns-name", message, help)
}

/// Returns whether a string can be the DNS name of a file system. A mount name and an ID contain no dot.
pub(super) fn is_dns_name(text: &str) -> bool {
    text.contains('.')
}

/// The message and the help for a string that is not a DNS name.
pub(super) fn invalid_dns_name(text: &str) -> (String, String) {
    let message = format!("`{text}` is not the DNS name of a file system");
    (message, "use a name such as `fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com`".to_owned())
}
