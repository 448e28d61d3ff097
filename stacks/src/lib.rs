//! Constructs for machine learning on AWS.
//!
//! What lives here: endpoints, the containers, images, model data and roles they are made of. A combination that
//! AWS forbids should not compile; what depends on values is a rule in `review/`.

pub mod iam;

mod container;
mod image;
mod model_data;
mod serverless;

pub use container::Container;
pub use image::{Image, Processor};
pub use model_data::ModelData;
pub use serverless::{MemorySize, ServerlessEndpoint, ServerlessEndpointHandle};
