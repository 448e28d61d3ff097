//! Constructs for machine learning on AWS.
//!
//! What lives here: training jobs and what launches them, endpoints with their containers, autoscaling and alarms, and
//! the images, places in S3 and roles they are made of; and stack sets, for what every account should have. A combination that AWS forbids should not compile; what depends on values is a rule in
//! `review/`.

pub mod autoscaling;
pub mod container;
pub mod endpoint;
pub mod iam;
pub mod launch;
pub mod training;

mod alarm;
mod bucket;
mod deferred_error;
mod document;
mod duration;
mod image;
mod metric;
mod s3;
mod stack_set;
mod vpc;

pub use bucket::PrivateBucket;
pub use duration::Seconds;
pub use image::{Image, Processor};
pub use metric::Metric;
pub use s3::S3Location;
pub use stack_set::StackSet;
pub use vpc::Vpc;
