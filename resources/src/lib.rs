//! Typed CloudFormation resources, generated at build time from the registry schemas: one Cargo feature and one
//! module a service.
//!
//! Required properties are arguments of `new`, the others chained setters. Every property takes a literal or
//! anything that yields the right type. Attributes are getters on the handle, so a misspelt one does not compile.
//!
//! ```
//! use stackwright_resources::s3::{self, Bucket};
//! use stackwright_synth::App;
//!
//! let app = App::new("shop");
//! let stack = app.stack("Storage");
//! let bucket = stack.add("Models", Bucket::new().bucket_name("shop-models"));
//! stack.output("ModelsArn", bucket.arn());
//! ```
//!
//! ```compile_fail,E0599
//! // A misspelt property does not compile …
//! stackwright_resources::s3::Bucket::new().bucket_nam("shop-models");
//! ```
//!
//! ```compile_fail,E0599
//! // … nor does a misspelt attribute …
//! # let stack = stackwright_synth::App::new("shop").stack("Storage");
//! let bucket = stack.add("Models", stackwright_resources::s3::Bucket::new());
//! bucket.arm();
//! ```
//!
//! ```compile_fail,E0599
//! // … a misspelt value of an enumeration …
//! use stackwright_resources::sagemaker::endpoint_config::InstanceType;
//! InstanceType::MlG5_3xlarge;
//! ```
//!
//! ```compile_fail,E0277
//! // … or a value of the wrong type.
//! stackwright_resources::s3::Bucket::new().bucket_name(7);
//! ```
//!
//! What lives here: the generator, and what its output stands on. A correction to AWS's data is no business of
//! this crate: it goes into `schemas/patches`.

mod support;

pub use support::Tag;

include!(concat!(env!("OUT_DIR"), "/resources.rs"));
