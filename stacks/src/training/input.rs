//! The input channels of a training job.

use stackwright_synth::{IntoValue, Properties, Value};

use super::run::RunLocation;
use crate::s3::S3Location;

/// How SageMaker provides data from S3 to the container of a training job (`TrainingInputMode` and `InputMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputMode {
    /// All objects are copied to the volume of each instance before the script starts.
    File,
    /// Objects are streamed through a named pipe while the script runs.
    Pipe,
    /// Objects appear as files, and are read from S3 when the script opens them.
    FastFile,
}

impl InputMode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Pipe => "Pipe",
            Self::FastFile => "FastFile",
        }
    }
}

/// The data of an input channel of a training job, which the container reads at `/opt/ml/input/data/NAME`.
///
/// ```
/// use stackwright_stacks::{S3Location, training::Input};
///
/// Input::s3(S3Location::new("my-data", "images/")).fast_file().sharded();
/// Input::augmented_manifest(S3Location::new("my-data", "train.manifest"), ["source-ref", "label"])
///     .reads(S3Location::new("my-data", "images/"))
///     .pipe();
/// Input::fsx_lustre("fs-0123456789abcdef0", "/mount/tokens");
/// Input::efs("fs-0123456789abcdef0", "/tokens");
/// Input::manifest(S3Location::new("my-data", "train.manifest"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Input {
    source: Source,
    mode: Option<Value<String>>,
    sharded: bool,
    content_type: Option<Value<String>>,
    gzip: bool,
    record_io: bool,
    shuffle: Option<i64>,
    instance_groups: Vec<Value<String>>,
    /// Further locations that the role may read, such as the objects that a manifest lists.
    reads: Vec<S3Location>,
}

#[derive(Clone, Debug)]
enum Source {
    S3 {
        data_type: &'static str,
        location: Box<RunLocation>,
        attributes: Vec<Value<String>>,
        accepts_license: bool,
    },
    FileSystem {
        kind: &'static str,
        id: Value<String>,
        directory: Value<String>,
        is_writable: bool,
    },
}

impl Input {
    fn of(source: Source) -> Self {
        Self {
            source,
            mode: None,
            sharded: false,
            content_type: None,
            gzip: false,
            record_io: false,
            shuffle: None,
            instance_groups: Vec::new(),
            reads: Vec::new(),
        }
    }

    fn of_type(data_type: &'static str, location: RunLocation) -> Self {
        Self::of(Source::S3 {
            data_type,
            location: Box::new(location),
            attributes: Vec::new(),
            accepts_license: false,
        })
    }

    /// Uses all objects in S3 whose keys start with the key of the location (`S3Prefix`). Each instance gets all of them, unless
    /// the input is [`sharded`](Self::sharded). The location can also be the output of another step of the same pipeline. The
    /// role of the job may read the objects.
    pub fn s3(location: impl Into<RunLocation>) -> Self {
        Self::of_type("S3Prefix", location.into())
    }

    /// Uses the objects that a manifest file in S3 lists (`ManifestFile`). The role of the job may read the manifest; add the
    /// location of the objects with [`reads`](Self::reads).
    pub fn manifest(file: impl Into<RunLocation>) -> Self {
        Self::of_type("ManifestFile", file.into())
    }

    /// Uses the records of an augmented manifest in S3, a JSON Lines file, with the names of the attributes to read, in this
    /// order (`AugmentedManifestFile`). SageMaker requires [`pipe`](Self::pipe) and, for most algorithms,
    /// [`record_io`](Self::record_io). The role of the job may read the manifest; add the location of the objects with
    /// [`reads`](Self::reads).
    #[track_caller]
    pub fn augmented_manifest<A: IntoValue<String>>(
        file: impl Into<RunLocation>,
        attributes: impl IntoIterator<Item = A>,
    ) -> Self {
        let attributes = attributes.into_iter().map(|name| name.into().with_caller_location()).collect();
        Self::of(Source::S3 {
            data_type: "AugmentedManifestFile",
            location: Box::new(file.into()),
            attributes,
            accepts_license: false,
        })
    }

    /// Uses a directory of an FSx for Lustre file system, by the ID of the file system, such as `fs-0123456789abcdef0`, and the
    /// path of the directory, which starts with the mount name: `/MOUNT_NAME/PATH`. The job must run in a VPC. Another ID, or a
    /// path that does not start with a slash, is an error at the caller's line.
    #[track_caller]
    pub fn fsx_lustre(id: impl IntoValue<String>, directory: impl IntoValue<String>) -> Self {
        let id = crate::arn::with_prefix(id, "fs-", "a file system");
        let directory = absolute(directory);
        Self::of(Source::FileSystem { kind: "FSxLustre", id, directory, is_writable: false })
    }

    /// Uses a directory of an EFS file system, by the ID of the file system, such as `fs-0123456789abcdef0`, and the path of the
    /// directory, such as `/tokens`. The job must run in a VPC. Another ID, or a path that does not start with a slash, is an
    /// error at the caller's line.
    #[track_caller]
    pub fn efs(id: impl IntoValue<String>, directory: impl IntoValue<String>) -> Self {
        let id = crate::arn::with_prefix(id, "fs-", "a file system");
        let directory = absolute(directory);
        Self::of(Source::FileSystem { kind: "EFS", id, directory, is_writable: false })
    }

    /// Mounts the file system with read and write access (`FileSystemAccessMode: rw`). The default is read access only. It has no
    /// effect on data in S3.
    pub fn writable(mut self) -> Self {
        if let Source::FileSystem { is_writable, .. } = &mut self.source {
            *is_writable = true;
        }
        self
    }

    /// Allows the role of the job to read a further location in S3, such as the objects that a manifest lists.
    pub fn reads(mut self, location: S3Location) -> Self {
        self.reads.push(location);
        self
    }

    /// Uses [`InputMode::FastFile`] for the channel: objects are read when the script opens them. The default is the input mode of
    /// the job.
    #[track_caller]
    pub fn fast_file(self) -> Self {
        self.mode(InputMode::FastFile)
    }

    /// Uses [`InputMode::Pipe`] for the channel: objects are streamed through a named pipe. The default is the input mode of the
    /// job.
    #[track_caller]
    pub fn pipe(self) -> Self {
        self.mode(InputMode::Pipe)
    }

    /// Sets the input mode of the channel (`InputMode`). The default is the input mode of the job.
    #[track_caller]
    pub fn mode(mut self, mode: InputMode) -> Self {
        self.mode = Some(Value::from(mode.name()).with_caller_location());
        self
    }

    /// Distributes the objects over the instances (`ShardedByS3Key`). By default, each instance gets all objects
    /// (`FullyReplicated`).
    pub fn sharded(mut self) -> Self {
        self.sharded = true;
        self
    }

    /// Shuffles the objects with a seed (`ShuffleConfig`). By default, they are not shuffled.
    pub fn shuffled(mut self, seed: i64) -> Self {
        self.shuffle = Some(seed);
        self
    }

    /// Declares that the objects are compressed with gzip, so that SageMaker decompresses them for the container, in pipe mode
    /// only (`CompressionType: Gzip`). By default, objects are not decompressed.
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// Wraps every object in a record of the format RecordIO (`RecordWrapperType`). By default, objects are not wrapped.
    pub fn record_io(mut self) -> Self {
        self.record_io = true;
        self
    }

    /// Sets the MIME type of the data, such as `text/csv`, which SageMaker's built-in algorithms read (`ContentType`). By default,
    /// none is stated.
    #[track_caller]
    pub fn content_type(mut self, name: impl IntoValue<String>) -> Self {
        self.content_type = Some(name.into().with_caller_location());
        self
    }

    /// Provides the channel only to these instance groups of a heterogeneous cluster, given by their names
    /// (`InstanceGroupNames`). By default, all instances get the channel.
    #[track_caller]
    pub fn instance_groups<N: IntoValue<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.instance_groups.extend(names.into_iter().map(|name| name.into().with_caller_location()));
        self
    }

    /// Accepts the end-user license agreement of a gated JumpStart model in the channel (`AcceptEula`). By default, it is not
    /// accepted.
    pub fn accept_license_agreement(mut self) -> Self {
        if let Source::S3 { accepts_license, .. } = &mut self.source {
            *accepts_license = true;
        }
        self
    }

    /// Returns the locations in S3 that the role must be able to read.
    pub(super) fn locations(&self) -> Vec<RunLocation> {
        let from = match &self.source {
            Source::S3 { location, .. } => Some((**location).clone()),
            Source::FileSystem { .. } => None,
        };
        from.into_iter().chain(self.reads.iter().map(RunLocation::from)).collect()
    }

    /// Returns the channel in the form of the request.
    pub(super) fn channel(&self, name: &Value<String>) -> Properties {
        let mut channel = Properties::default();
        channel.put("ChannelName", name);
        channel.put("DataSource", self.data_source());
        if let Some(mode) = &self.mode {
            channel.put("InputMode", mode);
        }
        if let Some(name) = &self.content_type {
            channel.put("ContentType", name);
        }
        if self.gzip {
            channel.put("CompressionType", "Gzip");
        }
        if self.record_io {
            channel.put("RecordWrapperType", "RecordIO");
        }
        if let Some(seed) = self.shuffle {
            let mut shuffle = Properties::default();
            shuffle.put("Seed", seed);
            channel.put("ShuffleConfig", shuffle);
        }
        channel
    }

    fn data_source(&self) -> Properties {
        let mut source = Properties::default();
        match &self.source {
            Source::S3 { data_type, location, attributes, accepts_license } => {
                let mut s3 = Properties::default();
                s3.put("S3DataType", *data_type);
                s3.put("S3Uri", location.uri());
                s3.put(
                    "S3DataDistributionType",
                    if self.sharded { "ShardedByS3Key" } else { "FullyReplicated" },
                );
                if !attributes.is_empty() {
                    s3.put("AttributeNames", Value::<Vec<String>>::from(attributes.clone()));
                }
                if !self.instance_groups.is_empty() {
                    s3.put("InstanceGroupNames", Value::<Vec<String>>::from(self.instance_groups.clone()));
                }
                if *accepts_license {
                    s3.put("ModelAccessConfig", crate::document::within("AcceptEula", true));
                }
                source.put("S3DataSource", s3);
            }
            Source::FileSystem { kind, id, directory, is_writable } => {
                let mut system = Properties::default();
                system.put("FileSystemId", id);
                system.put("FileSystemType", *kind);
                system.put("DirectoryPath", directory);
                system.put("FileSystemAccessMode", if *is_writable { "rw" } else { "ro" });
                source.put("FileSystemDataSource", Value::from(system).with_location(id.location()));
            }
        }
        source
    }
}

impl From<S3Location> for Input {
    fn from(location: S3Location) -> Self {
        Self::s3(location)
    }
}

impl From<RunLocation> for Input {
    fn from(location: RunLocation) -> Self {
        Self::s3(location)
    }
}

/// The same path, or an invalid value where it is known to be no absolute path, such as the ID of a file system.
#[track_caller]
fn absolute(path: impl IntoValue<String>) -> Value<String> {
    let path = path.into().with_caller_location();
    let Some(text) = crate::arn::known(&path).filter(|text| !text.starts_with('/')) else { return path };
    let message = format!("`{text}` is not an absolute path");
    Value::invalid("invalid-directory", message, "start the path of the directory with `/`")
}
