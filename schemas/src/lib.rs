//! Facts about AWS with dates and sources, and typed access to them.
//!
//! The data for CloudFormation:
//!
//! | module | data |
//! |---|---|
//! | [`registry`] | the schemas of all resource types |
//! | [`regions`] | the names of regions |
//! | [`constraints`] | requirements beyond these schemas |
//! | [`return_values`] | the return values of `Ref` and `Fn::GetAtt` |
//! | [`refused_updates`] | updates that services reject |
//! | [`held`] | resource types that hold data, serve traffic or run workloads |
//! | [`failures`] | causes of failed resources |
//! | [`limits`] | quotas |
//! | [`status`] | the statuses of stacks and resources |
//! | [`consequence`] | the consequences of changes for resources |
//! | [`formats`] | formats of strings |
//! | [`sam`] | the resource types of SAM |
//! | [`lifecycle`] | ends of support of services, runtimes and versions |
//! | [`date`] | days of the calendar |
//! | [`iam`] | the actions of IAM |
//!
//! The data for machine learning:
//!
//! | module | data |
//! |---|---|
//! | [`api`] | the request shapes of SageMaker operations that templates contain as strings |
//! | [`instances`] | ML instance types and the services that offer them |
//! | [`ec2_network`] | network cards of EC2 types |
//! | [`prices`] | prices |
//! | [`images`] | container images |
//! | [`deepspeed`] | the options of DeepSpeed |
//! | [`large_models`] | the settings of large model inference containers |
//! | [`mfu`] | the share of the peak performance that training reaches |
//! | [`hosting`] | limits of endpoints |
//!
//! Each data file is listed in `SOURCES.json` with its origin, version, date, licence and hash.
//!
//! The crate does not contain apps or templates. A fact that is not confirmed is `None`, never a guess.

pub mod api;
pub mod attributes;
pub mod consequence;
pub mod constraints;
pub mod date;
pub mod deepspeed;
pub mod ec2_network;
pub mod endpoint_services;
pub mod failures;
pub mod formats;
pub mod held;
pub mod hosting;
pub mod iam;
pub mod images;
pub mod instances;
pub mod large_models;
pub mod lifecycle;
pub mod limits;
pub mod mfu;
mod nearest;
pub mod prices;
pub mod quotas;
pub mod refused_updates;
pub mod regions;
pub mod registry;
pub mod return_values;
pub mod sam;
pub mod status;

pub use nearest::{misspelled, nearest};
