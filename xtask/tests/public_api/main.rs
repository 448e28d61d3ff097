//! Tests of the public API that read the sources of the crates.

mod arguments;
mod constructors;
mod growth;
mod names;
mod prelude;
mod sources;

/// The crates whose types are reachable as `stackwright::…`, and `deploy`.
const CRATES: [&str; 5] = ["synth", "stacks", "estimate", "review", "deploy"];
