//! Facts about AWS with dates and sources, and typed access to them.
//!
//! The crate contains the CloudFormation registry schemas of all resource types ([`registry`]), the request shapes of
//! SageMaker operations that templates contain as strings ([`api`]), ML instance types and the services that offer them
//! ([`instances`]), network cards of EC2 instance types ([`ec2_network`]), prices ([`prices`]), container images
//! ([`images`]), formats of strings ([`formats`]), the options of DeepSpeed ([`deepspeed`]), the settings of large model
//! inference containers ([`large_models`]), the share of peak performance that training reaches ([`mfu`]), limits of
//! endpoints ([`hosting`]), reasons of failed resources ([`failures`]), resource types that hold data, serve traffic or run workloads ([`held`]), return values of `Ref` and
//! `Fn::GetAtt` ([`return_values`]), updates that services reject ([`refused_updates`]), quotas ([`limits`]), requirements
//! beyond the registry schemas ([`constraints`]), the resource types of SAM ([`sam`]), ends of support ([`lifecycle`]), the
//! actions of IAM ([`iam`]) and the statuses of CloudFormation ([`status`]). Each data file is listed in `SOURCES.json` with
//! origin, version, date, licence and hash.
//!
//! The crate does not contain apps or templates. A fact that is not confirmed is `None`, never a guess.

pub mod api;
pub mod attributes;
pub mod constraints;
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
pub mod registry;
pub mod return_values;
pub mod sam;
pub mod status;

pub use nearest::nearest;
