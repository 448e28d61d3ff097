//! Reports: one data type, one file an output format.

mod json;
mod text;

pub use json::json;
pub use text::text;
