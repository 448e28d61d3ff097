//! FSx for Lustre file systems for clusters and fleets.

use stackwright_resources::fsx::file_system::{LustreConfiguration, MetadataConfiguration};
use stackwright_resources::fsx::{FileSystem, FileSystemHandle};
use stackwright_synth::{Construct, DeletionPolicy, IntoValue, ResourceOptions, Scope, Value};

use super::storage::SharedStorage;
use crate::defaults;
use crate::key::EncryptionKey;
use crate::network::NetworkHandle;

/// The throughput of a persistent FSx for Lustre file system on SSD, for each TiB of storage
/// (`PerUnitStorageThroughput`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LustreThroughput {
    /// 125 MB/s for each TiB.
    Mb125,
    /// 250 MB/s for each TiB.
    Mb250,
    /// 500 MB/s for each TiB.
    Mb500,
    /// 1,000 MB/s for each TiB.
    Mb1000,
}

impl LustreThroughput {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Mb125 => 125,
            Self::Mb250 => 250,
            Self::Mb500 => 500,
            Self::Mb1000 => 1_000,
        }
    }
}

/// A persistent FSx for Lustre file system on SSD (`PERSISTENT_2`): encrypted, compressed (LZ4), and retained when the stack
/// is deleted, unless [`removal_policy`](Self::removal_policy) sets another policy.
///
/// The file system is in the first subnet of the network and in its security groups. They have to allow Lustre traffic,
/// which [`Network::efa`](crate::network::Network::efa) and [`Network::lustre`](crate::network::Network::lustre) do; a
/// network of the same app without either is an error.
///
/// It becomes `AWS::FSx::FileSystem`.
///
/// ```
/// use stackwright_stacks::cluster::{LustreFileSystem, LustreThroughput};
/// use stackwright_stacks::network::Network;
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Storage").region("us-east-1");
/// let network = stack.add("Network", Network::isolated("10.0.0.0/16", 1).lustre());
/// let shared = stack.add("Shared", LustreFileSystem::new(&network, 4_800, LustreThroughput::Mb250));
/// let mounted = shared.mount();
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LustreFileSystem {
    network: NetworkHandle,
    size: Value<i64>,
    throughput: LustreThroughput,
    key: Option<EncryptionKey>,
    efa: bool,
    backup_days: Value<i64>,
    removal: Option<DeletionPolicy>,
}

impl LustreFileSystem {
    /// Creates a file system in a network, with its size in GiB (1,200, or a multiple of 2,400) and its throughput for
    /// each TiB.
    #[track_caller]
    pub fn new(network: &NetworkHandle, size_gib: impl IntoValue<i64>, throughput: LustreThroughput) -> Self {
        Self {
            network: network.clone(),
            size: size_gib.into().with_caller_location(),
            throughput,
            key: None,
            efa: false,
            backup_days: 7.into(),
            removal: None,
        }
    }

    /// Encrypts the file system with this key of AWS KMS, given as a handle, an ARN, an ID or an alias (`KmsKeyId`).
    /// Without it, FSx uses the stack's default key or, if there is none, the key that FSx manages in the account. If
    /// the key is changed later, CloudFormation replaces the file system.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets whether CloudFormation deletes or retains the file system when it is removed from the stack or replaced.
    /// It is retained unless another policy is set here or by
    /// [`Defaults::removal_policy`](crate::Defaults::removal_policy).
    pub fn removal_policy(mut self, policy: DeletionPolicy) -> Self {
        self.removal = Some(policy);
        self
    }

    /// Enables EFA on the file system, so that instances can access it through EFA, with metadata in the mode
    /// `AUTOMATIC` (`EfaEnabled`). By default, EFA is disabled.
    pub fn efa(mut self) -> Self {
        self.efa = true;
        self
    }

    /// Sets the number of days for which automatic daily backups are kept, 0 to 90 (`AutomaticBackupRetentionDays`).
    /// The default is 7; 0 disables them.
    #[track_caller]
    pub fn backup_days(mut self, days: impl IntoValue<i64>) -> Self {
        self.backup_days = days.into().with_caller_location();
        self
    }
}

impl Construct for LustreFileSystem {
    type Handle = LustreHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> LustreHandle {
        if self.network.is_open_to_lustre() == Some(false) {
            scope.error(
                "lustre-security-group",
                "the security group of the network does not allow Lustre traffic".into(),
                "add `.efa()` or `.lustre()` to the network".into(),
                None,
            );
        }
        let mut lustre = LustreConfiguration::new()
            .deployment_type("PERSISTENT_2")
            .per_unit_storage_throughput(self.throughput.number())
            .data_compression_type("LZ4")
            .automatic_backup_retention_days(self.backup_days)
            .copy_tags_to_backups(true);
        if self.efa {
            // FSx requires a metadata configuration if EFA is enabled.
            lustre = lustre
                .efa_enabled(true)
                .metadata_configuration(MetadataConfiguration::new().mode("AUTOMATIC"));
        }
        let subnet: Vec<Value<String>> =
            self.network.subnets().first().map(|subnet| subnet.id()).into_iter().collect();
        let removal = defaults::removal_policy(self.removal, scope);
        let mut system = FileSystem::new()
            .file_system_type("LUSTRE")
            .subnet_ids(subnet)
            .file_system_type_version("2.15")
            .storage_capacity(self.size)
            .storage_type("SSD")
            .security_group_ids(self.network.security_group_ids())
            .lustre_configuration(lustre)
            .deletion_policy(removal)
            .update_replace_policy(removal);
        if let Some(key) = defaults::encryption_key(self.key, scope) {
            system = system.kms_key_id(key.id());
        }
        system = self.network.ready().iter().fold(system, |system, handle| system.depends_on(handle));
        LustreHandle(scope.add_default(system))
    }
}

/// A Lustre file system that was added to a stack.
#[derive(Clone, Debug)]
pub struct LustreHandle(FileSystemHandle);

impl LustreHandle {
    /// Returns the file system as storage that a cluster mounts at `/fsx`.
    pub fn mount(&self) -> SharedStorage {
        SharedStorage::lustre(self.0.dns_name(), self.0.lustre_mount_name())
    }

    /// Returns the DNS name of the file system, such as `fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com`.
    pub fn dns_name(&self) -> Value<String> {
        self.0.dns_name()
    }

    /// Returns the mount name of the file system (`LustreMountName`), which the `mount` command of Lustre needs.
    pub fn mount_name(&self) -> Value<String> {
        self.0.lustre_mount_name()
    }
}
