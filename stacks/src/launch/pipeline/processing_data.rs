//! The inputs and outputs of a processing job.

use stackwright_synth::{IntoValue, Properties, Value};

use crate::s3::S3Location;
use crate::training::RunLocation;

/// The directory in the container below which all inputs and outputs of a processing job are.
pub(super) const ROOT: &str = "/opt/ml/processing";

/// An input of a [`ProcessingJob`](super::ProcessingJob): objects in S3 that SageMaker copies to the container.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::ProcessingInput;
///
/// ProcessingInput::new(S3Location::new("my-data", "raw/")).local_path("/opt/ml/processing/raw").sharded();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ProcessingInput {
    pub(super) location: RunLocation,
    local_path: Option<Value<String>>,
    is_manifest: bool,
    is_sharded: bool,
    is_piped: bool,
    is_gzip: bool,
}

impl ProcessingInput {
    /// Creates an input with all objects whose keys start with the key of the location. Each instance gets a copy of all
    /// objects before the job starts.
    pub fn new(location: impl Into<RunLocation>) -> Self {
        Self {
            location: location.into(),
            local_path: None,
            is_manifest: false,
            is_sharded: false,
            is_piped: false,
            is_gzip: false,
        }
    }

    /// Sets the directory of the input in the container, below `/opt/ml/processing`. The default is
    /// `/opt/ml/processing/input/NAME` with the name of the input.
    #[track_caller]
    pub fn local_path(mut self, path: impl IntoValue<String>) -> Self {
        self.local_path = Some(path.into().with_caller_location());
        self
    }

    /// Declares that the location is a manifest file that lists the objects (`ManifestFile`). By default, it is a prefix.
    pub fn manifest(mut self) -> Self {
        self.is_manifest = true;
        self
    }

    /// Distributes the objects over the instances (`ShardedByS3Key`). By default, each instance gets all objects.
    pub fn sharded(mut self) -> Self {
        self.is_sharded = true;
        self
    }

    /// Streams the objects through a named pipe while the job runs (`Pipe`). By default, they are copied to files before the
    /// job starts.
    pub fn pipe(mut self) -> Self {
        self.is_piped = true;
        self
    }

    /// Declares that the objects are compressed with gzip, so that SageMaker decompresses them for the container
    /// (`S3CompressionType`). The setting requires [`pipe`](Self::pipe). By default, objects are not decompressed.
    pub fn gzip(mut self) -> Self {
        self.is_gzip = true;
        self
    }

    pub(super) fn written(&self, name: &str) -> Properties {
        let mut s3 = Properties::default();
        s3.put("S3Uri", self.location.uri());
        s3.put("LocalPath", local_path(self.local_path.as_ref(), "input", name));
        s3.put("S3DataType", if self.is_manifest { "ManifestFile" } else { "S3Prefix" });
        s3.put("S3InputMode", if self.is_piped { "Pipe" } else { "File" });
        s3.put("S3DataDistributionType", if self.is_sharded { "ShardedByS3Key" } else { "FullyReplicated" });
        if self.is_gzip {
            s3.put("S3CompressionType", "Gzip");
        }
        let mut input = Properties::default();
        input.put("InputName", name);
        input.put("S3Input", s3);
        input
    }
}

/// The directory in the container that the program set, or the one named after the input or output.
fn local_path(given: Option<&Value<String>>, kind: &str, name: &str) -> Value<String> {
    given.cloned().unwrap_or_else(|| format!("{ROOT}/{kind}/{name}").into())
}

/// Locations are inputs and outputs without settings of their own.
macro_rules! of_locations {
    ($($data:ty),*) => {$(
        impl From<RunLocation> for $data {
            fn from(location: RunLocation) -> Self {
                Self::new(location)
            }
        }

        impl From<S3Location> for $data {
            fn from(location: S3Location) -> Self {
                Self::new(location)
            }
        }
    )*};
}
of_locations!(ProcessingInput, ProcessingOutput);

/// An output of a [`ProcessingJob`](super::ProcessingJob): a directory of the container whose files are stored in S3.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::ProcessingOutput;
///
/// ProcessingOutput::new(S3Location::new("my-runs", "prepared").per_run()).local_path("/opt/ml/processing/train");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ProcessingOutput {
    pub(super) location: RunLocation,
    local_path: Option<Value<String>>,
    is_continuous: bool,
}

impl ProcessingOutput {
    /// Creates an output whose files are stored below a location in S3 when the job ends.
    pub fn new(location: impl Into<RunLocation>) -> Self {
        Self { location: location.into(), local_path: None, is_continuous: false }
    }

    /// Sets the directory of the output in the container, below `/opt/ml/processing`. The default is
    /// `/opt/ml/processing/output/NAME` with the name of the output.
    #[track_caller]
    pub fn local_path(mut self, path: impl IntoValue<String>) -> Self {
        self.local_path = Some(path.into().with_caller_location());
        self
    }

    /// Uploads files while the job runs (`Continuous`). By default, they are uploaded when the job ends.
    pub fn continuous(mut self) -> Self {
        self.is_continuous = true;
        self
    }

    pub(super) fn written(&self, name: &str) -> Properties {
        let mut s3 = Properties::default();
        s3.put("S3Uri", self.location.uri());
        s3.put("LocalPath", local_path(self.local_path.as_ref(), "output", name));
        s3.put("S3UploadMode", if self.is_continuous { "Continuous" } else { "EndOfJob" });
        let mut output = Properties::default();
        output.put("OutputName", name);
        output.put("S3Output", s3);
        output
    }
}
