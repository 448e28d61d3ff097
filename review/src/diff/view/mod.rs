//! The views of a comparison, one file each.

mod json;
mod markdown;
mod text;
mod value;

pub(crate) use json::document;
pub use json::json;
pub use markdown::markdown;
pub(crate) use markdown::stack_markdown;
pub use text::text;
pub(crate) use text::{fate, summary};
pub(crate) use value::{Line, grouped, shown};

#[cfg(test)]
pub(crate) use value::pair;
