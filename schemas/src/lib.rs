//! Dated facts about AWS, and typed access to them.
//!
//! What lives here: the CloudFormation registry schemas of every type ([`registry`]), the request shapes of
//! the SageMaker operations that a template holds as text ([`api`]), instance types and what SageMaker takes
//! them for ([`instances`]), network cards of EC2
//! types ([`ec2_network`]), prices ([`prices`]), container images ([`images`]), formats of texts ([`formats`]),
//! DeepSpeed's configuration ([`deepspeed`]), settings of containers for large models ([`large_models`]), limits of
//! endpoints ([`hosting`]), what resources hold ([`held`]), what `Ref` and `Fn::GetAtt` return ([`return_values`]),
//! updates that services refuse ([`refused_updates`]), quotas ([`limits`]), requirements beyond the registry
//! ([`constraints`]), SAM's resource types ([`sam`]), what ended ([`lifecycle`]) and the actions of IAM ([`iam`]).
//! Each data file is listed in `SOURCES.json` with origin, version, date, licence and hash.
//!
//! What does not: any idea of an app or a template. A fact that nobody confirmed is `None` here, never a guess.

pub mod api;
pub mod attributes;
pub mod constraints;
pub mod deepspeed;
pub mod ec2_network;
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

pub use nearest::nearest;
