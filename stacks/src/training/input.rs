//! What a training job reads.

use stackwright_synth::{IntoValue, Properties, Value};

use crate::s3::S3Location;

/// A channel's data: a folder below `/opt/ml/input/data` in the container.
///
/// ```
/// use stackwright_stacks::{S3Location, training::Input};
///
/// Input::s3(S3Location::new("my-data", "images/")).fast_file().sharded();
/// Input::fsx_lustre("fs-0123456789abcdef0", "/mount/tokens");
/// ```
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) from: From,
    mode: Option<Value<String>>,
    sharded: bool,
    content_type: Option<Value<String>>,
    gzip: bool,
    shuffle: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) enum From {
    S3(S3Location),
    FileSystem { kind: &'static str, id: Value<String>, folder: Value<String>, writes: bool },
}

impl Input {
    fn of(from: From) -> Self {
        Self { from, mode: None, sharded: false, content_type: None, gzip: false, shuffle: None }
    }

    /// Every object in S3 whose key starts like this, copied before the job starts; every instance gets all.
    pub fn s3(location: S3Location) -> Self {
        Self::of(From::S3(location))
    }

    /// A folder of an FSx for Lustre file system: `/`, the mount name, the folder. The job needs a VPC.
    #[track_caller]
    pub fn fsx_lustre(id: impl IntoValue<String>, folder: impl IntoValue<String>) -> Self {
        let (id, folder) = (id.into().with_caller_location(), folder.into().with_caller_location());
        Self::of(From::FileSystem { kind: "FSxLustre", id, folder, writes: false })
    }

    /// A folder of an EFS file system. The job needs a VPC.
    #[track_caller]
    pub fn efs(id: impl IntoValue<String>, folder: impl IntoValue<String>) -> Self {
        let (id, folder) = (id.into().with_caller_location(), folder.into().with_caller_location());
        Self::of(From::FileSystem { kind: "EFS", id, folder, writes: false })
    }

    /// Lets the job write to the file system.
    pub fn writable(mut self) -> Self {
        if let From::FileSystem { writes, .. } = &mut self.from {
            *writes = true;
        }
        self
    }

    /// Reads objects when they are opened, instead of copying all before the job starts.
    #[track_caller]
    pub fn fast_file(self) -> Self {
        self.mode("FastFile")
    }

    /// Streams objects through a named pipe.
    #[track_caller]
    pub fn pipe(self) -> Self {
        self.mode("Pipe")
    }

    #[track_caller]
    fn mode(mut self, mode: &str) -> Self {
        self.mode = Some(Value::from(mode).with_caller_location());
        self
    }

    /// Gives each instance its share of the objects instead of all.
    pub fn sharded(mut self) -> Self {
        self.sharded = true;
        self
    }

    /// Shuffles the order of objects, by a seed.
    pub fn shuffled(mut self, seed: i64) -> Self {
        self.shuffle = Some(seed);
        self
    }

    /// Objects are compressed with gzip, to be unpacked on the way.
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// The MIME type of the data.
    #[track_caller]
    pub fn content_type(mut self, name: impl IntoValue<String>) -> Self {
        self.content_type = Some(name.into().with_caller_location());
        self
    }

    /// The channel of this name, as SageMaker takes it.
    pub(super) fn channel(&self, name: &Value<String>) -> Properties {
        let mut source = Properties::default();
        match &self.from {
            From::S3(location) => {
                let mut s3 = Properties::default();
                s3.put("S3DataType", "S3Prefix");
                s3.put("S3Uri", location.uri());
                let distribution = if self.sharded { "ShardedByS3Key" } else { "FullyReplicated" };
                s3.put("S3DataDistributionType", distribution);
                source.put("S3DataSource", s3);
            }
            From::FileSystem { kind, id, folder, writes } => {
                let mut system = Properties::default();
                system.put("FileSystemId", id);
                system.put("FileSystemType", *kind);
                system.put("DirectoryPath", folder);
                system.put("FileSystemAccessMode", if *writes { "rw" } else { "ro" });
                source.put("FileSystemDataSource", Value::from(system).with_location(id.location()));
            }
        }
        let mut channel = Properties::default();
        channel.put("ChannelName", name);
        channel.put("DataSource", source);
        if let Some(mode) = &self.mode {
            channel.put("InputMode", mode);
        }
        if let Some(name) = &self.content_type {
            channel.put("ContentType", name);
        }
        if self.gzip {
            channel.put("CompressionType", "Gzip");
        }
        if let Some(seed) = self.shuffle {
            let mut shuffle = Properties::default();
            shuffle.put("Seed", seed);
            channel.put("ShuffleConfig", shuffle);
        }
        channel
    }
}
