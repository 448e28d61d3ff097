//! The core types of stackwright: an [`App`] contains [`Stack`]s, a stack contains [`Construct`]s, and synthesis
//! ([`App::synth`]) converts them to [`Template`]s and an [`Assembly`].
//!
//! The crate never uses the network, the clock, the environment or the console, and contains nothing about SageMaker.
//! The same program always writes the same bytes.
//!
//! ```
//! use stackwright_synth::{App, Output, Parameter, Resource, sub};
//!
//! let app = App::new("shop");
//! let stack = app.stack("Storage").region("us-east-1");
//! let owner = stack.add("Owner", Parameter::string().default("ml-platform"));
//! let bucket = stack.add("Models", Resource::of("AWS::S3::Bucket").set("BucketName", sub!("{}-models", owner)));
//! stack.add("ModelsArn", Output::new(bucket.attribute::<String>("Arn")));
//!
//! let assembly = app.synth()?;
//! let template = assembly.stacks[0].template.json();
//! assert!(template.contains(r#""Fn::Sub": "${Owner}-models""#));
//! # Ok::<(), stackwright_synth::Errors>(())
//! ```

mod app;
mod assembly;
mod asset;
mod condition;
mod construct;
mod cross_stack;
mod customize;
pub mod cycle;
mod defaults;
mod document;
mod error;
mod for_each;
mod former;
pub mod function;
pub mod intrinsic;
mod json_tree;
mod mapping;
mod output;
mod parallel;
mod parameter;
mod partition;
pub mod pointer;
mod policy;
mod provenance;
mod rename;
mod render;
mod resource;
pub mod secret;
mod stack;
mod template;
mod text;
mod unpacked;
mod value;
mod zipped;

pub use app::App;
pub use assembly::{Assembly, AssemblyError, DocumentFile, FileAsset, StackArtifact};
pub use asset::{Asset, AssetHandle, sha256};
pub use condition::{Condition, ConditionExpression, ConditionHandle};
pub use construct::{Acknowledged, Construct, Scope};
pub use customize::Customized;
pub use document::Document;
pub use error::{Error, ErrorKind, Errors, RelatedLocation, SourceLocation, with_causes};
pub use for_each::ForEach;
pub use former::Formerly;
pub use mapping::{Mapping, MappingHandle};
pub use output::Output;
pub use parameter::{AwsParameterType, Parameter};
pub use partition::Partition;
pub use policy::{CreationPolicy, DeletionPolicy, InstanceRefreshStrategy, UpdatePolicy};
pub use provenance::Provenance;
pub use rename::rename_references;
pub use resource::{Handle, Resource, ResourceOptions, TypedResource};
pub use stack::{Environment, PseudoParameter, Stack};
pub use template::{Recovered, Template, TemplateError};
#[doc(hidden)]
pub use text::{Parts, count_placeholders, text};
pub use unpacked::{UnpackedAsset, UnpackedAssetHandle};
pub use value::{
    CallerLocation, Expression, IntoValue, InvalidValue, Json, Literal, Map, Properties, Property, Reference,
    StringEnum, Untyped, Value,
};
pub use zipped::ZippedAsset;
