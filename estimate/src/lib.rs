//! Estimates before a deployment: cost, GPU memory, duration and service quotas.
//!
//! Every function is pure: the same input always returns the same result, and nothing is printed or read. A value
//! that is not known is reported as unknown, never as zero.

pub mod cost;
pub mod duration;
pub mod memory;
pub mod quotas;
