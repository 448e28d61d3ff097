//! Evaluates templates: checks, comparisons, graphs, and reports of them.
//!
//! What lives here: [`check`], which finds what is wrong, and [`report`], one file an output format over one data
//! type, [`Diagnostic`]. What does not: calls to AWS, and printing.

pub mod card;
pub mod check;
mod diagnostic;
pub mod diff;
pub mod graph;
pub mod markdown;
pub mod report;
mod visible;

pub use check::matches_pattern;
pub use diagnostic::{Diagnostic, Fix, Severity};
pub use report::Report;
pub use visible::is_unsafe_character;
