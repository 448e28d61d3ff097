//! Infrastructure as code for machine learning on AWS.
//!
//! A stack is written in Rust, becomes a CloudFormation template, is checked, and is deployed through a change
//! set. A program is its stacks and one line:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use stackwright::resources::s3::Bucket;
//! use stackwright::prelude::*;
//!
//! fn main() -> ExitCode {
//!     stackwright::run(app())
//! }
//!
//! fn app() -> App {
//!     let app = App::new("shop");
//!     let storage = app.stack("Storage").region("us-east-1");
//!     let models = storage.add("Models", Bucket::new());
//!     storage.output("ModelsArn", models.arn());
//!     app
//! }
//! ```
//!
//! Such a program has the commands `synth`, `check`, `explain` and `list`, and is light. With the Cargo feature `deploy` it has
//! `deploy` too. The binary `stackwright` has every command, for the program in the current folder, for an
//! assembly on disk or for a template by anyone.
//!
//! What lives here: the commands, each a thin file, and what users of the crate import. Logic does not.

mod base;
mod commands;
mod configuration;
#[cfg(feature = "deploy")]
mod deployment;
mod failure;
mod git_paths;
mod input;
#[cfg(feature = "lint")]
mod language_server;
mod origin;
#[cfg(feature = "deploy")]
mod program;
#[cfg(feature = "deploy")]
mod project;
mod safe_text;
pub mod testing;

pub use stackwright_resources as resources;
pub use stackwright_review as review;
pub use stackwright_stacks as stacks;
pub use stackwright_synth as synth;
pub use stackwright_synth::{App, Stack, asset, intrinsic, sub};

pub use commands::run;
#[cfg(feature = "deploy")]
#[doc(hidden)]
pub use commands::run_binary;

/// What a program of stacks mostly needs.
pub mod prelude {
    pub use stackwright_stacks::*;
    pub use stackwright_synth::{
        App, Asset, Condition, Construct, DeletionPolicy, ForEach, Handle, Map, Mapping, Output, Parameter,
        Resource, ResourceOptions, Scope, Stack, Value, asset, intrinsic, sub,
    };
}
