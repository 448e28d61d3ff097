//! The views of a comparison, one file each.

mod json;
mod markdown;
mod text;
mod value;

pub use json::json;
pub use markdown::markdown;
pub use text::text;

#[cfg(test)]
pub(crate) use value::pair;
