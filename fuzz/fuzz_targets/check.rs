//! Any text is read, written again, checked, fixed, and reported in every format: no panic, no hang.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../review/examples/fuzz/exercise.rs"]
mod exercise;

fuzz_target!(|text: &str| {
    exercise::exercise(text);
});
