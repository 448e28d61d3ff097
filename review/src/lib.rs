//! Evaluates templates: checks, comparisons, graphs, and reports of them.
//!
//! The modules: [`check`] finds errors, and [`report`] has one file for each output format over one data type,
//! [`Diagnostic`]. The crate does not call AWS, and prints nothing.

pub mod card;
pub mod check;
mod diagnostic;
pub mod diff;
mod globals;
pub mod graph;
pub mod markdown;
pub mod report;
mod visible;

pub use check::matches_pattern;
pub use diagnostic::{Diagnostic, Fix, Severity};
pub use report::Report;
pub use visible::is_unsafe_character;
