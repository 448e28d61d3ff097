//! Reports: one data type, one file an output format.

mod text;

pub use text::text;
