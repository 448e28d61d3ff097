//! Data capture: requests and responses that are stored in S3.

use stackwright_resources::sagemaker::endpoint_config::{
    CaptureContentTypeHeader, CaptureMode, CaptureOption, DataCaptureConfig,
};
use stackwright_synth::{IntoValue, Value};

use crate::key::EncryptionKey;
use crate::s3::S3Location;

/// The data capture of an endpoint (`DataCaptureConfig`): SageMaker stores a share of the requests and responses in S3, for
/// monitoring and for the next training.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::endpoint::DataCapture;
///
/// DataCapture::new(S3Location::new("my-runs", "captured/"), 20).json("application/json");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DataCapture {
    pub(super) location: S3Location,
    percent: Value<i64>,
    inputs: bool,
    outputs: bool,
    json: Vec<Value<String>>,
    csv: Vec<Value<String>>,
}

impl DataCapture {
    /// Creates a data capture of a percentage of the requests, 0 to 100, with their responses, at a location in S3. The role
    /// of the endpoint may write there.
    #[track_caller]
    pub fn new(location: S3Location, percent: impl IntoValue<i64>) -> Self {
        Self {
            location,
            percent: percent.into().with_caller_location(),
            inputs: true,
            outputs: true,
            json: Vec::new(),
            csv: Vec::new(),
        }
    }

    /// Stores requests without their responses. By default, both are stored.
    pub fn inputs_only(self) -> Self {
        Self { inputs: true, outputs: false, ..self }
    }

    /// Stores responses without the requests. By default, both are stored.
    pub fn outputs_only(self) -> Self {
        Self { inputs: false, outputs: true, ..self }
    }

    /// Stores content of this MIME type, such as `application/json`, as JSON. By default, all content is encoded in Base64.
    #[track_caller]
    pub fn json(mut self, content_type: impl IntoValue<String>) -> Self {
        self.json.push(content_type.into().with_caller_location());
        self
    }

    /// Stores content of this MIME type, such as `text/csv`, as CSV. By default, all content is encoded in Base64.
    #[track_caller]
    pub fn csv(mut self, content_type: impl IntoValue<String>) -> Self {
        self.csv.push(content_type.into().with_caller_location());
        self
    }

    /// Returns the configuration, with the endpoint's key or, if there is none, the key of the bucket.
    pub(super) fn lower(&self, key: Option<&EncryptionKey>) -> DataCaptureConfig {
        let modes = [(self.inputs, CaptureMode::Input), (self.outputs, CaptureMode::Output)];
        let options: Vec<CaptureOption> =
            modes.into_iter().filter(|(kept, _)| *kept).map(|(_, mode)| CaptureOption::new(mode)).collect();
        let mut config = DataCaptureConfig::new()
            .capture_options(options)
            .destination_s3_uri(self.location.uri())
            .initial_sampling_percentage(&self.percent)
            .enable_capture(true);
        if !self.json.is_empty() || !self.csv.is_empty() {
            let mut types = CaptureContentTypeHeader::new();
            if !self.json.is_empty() {
                types = types.json_content_types(self.json.clone());
            }
            if !self.csv.is_empty() {
                types = types.csv_content_types(self.csv.clone());
            }
            config = config.capture_content_type_header(types);
        }
        match key.or(self.location.encryption_key()) {
            Some(key) => config.kms_key_id(key.id()),
            None => config,
        }
    }
}
