//! Typed CloudFormation resources, generated at build time from the registry schemas: one Cargo feature and one
//! module a service.
//!
//! Every property is a setter that is named as the CloudFormation property, and takes a literal or any value of the right
//! type. One required property is the argument of `new`. Several required properties are set by name, directly after
//! `new`, in the documented order, so that none can be left out and no two can be swapped. Attributes are getters on the
//! handle.
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
//! ```
//! use stackwright_resources::applicationautoscaling::{ScalableTarget, scalable_target::*};
//!
//! ScalableTarget::new()
//!     .resource_id("endpoint/scorers/variant/Main")
//!     .service_namespace(ServiceNamespace::Sagemaker)
//!     .scalable_dimension(ScalableDimension::SagemakerVariantDesiredInstanceCount)
//!     .min_capacity(1)
//!     .max_capacity(4);
//! ```
//!
//! ```compile_fail,E0277
//! // A resource that lacks a required property cannot be added to a stack.
//! use stackwright_resources::applicationautoscaling::ScalableTarget;
//!
//! let stack = stackwright_synth::App::new("shop").stack("Scaling");
//! stack.add("Target", ScalableTarget::new().resource_id("endpoint/scorers/variant/Main"));
//! ```
//!
//! This crate holds the generator and the types that generated code uses. Corrections to AWS's data belong to
//! `schemas/patches`.

mod support;

pub use support::Tag;

include!(concat!(env!("OUT_DIR"), "/resources.rs"));
