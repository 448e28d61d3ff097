//! Constructs for machine learning on AWS.
//!
//! What lives here: training jobs and what launches them, endpoints, and the containers, images, places in S3 and
//! roles they are made of. A combination that AWS forbids should not compile; what depends on values is a rule in
//! `review/`.

pub mod iam;
pub mod launch;
pub mod training;

mod bucket;
mod container;
mod document;
mod duration;
mod image;
mod s3;
mod serverless;

pub use bucket::PrivateBucket;
pub use container::Container;
pub use duration::Seconds;
pub use image::{Image, Processor};
pub use s3::S3Location;
pub use serverless::{MemorySize, ServerlessEndpoint, ServerlessEndpointHandle};
