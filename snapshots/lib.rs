//! The examples, for the tests that look at all of them. A new example is a line here.

use stackwright::App;

/// Every example by name.
pub fn examples() -> Vec<(&'static str, App)> {
    vec![
        ("arr-coc", arr_coc::app()),
        ("llm", llm::app()),
        ("multi-model", multi_model::app()),
        ("smp-fsdp", smp_fsdp::app()),
        ("zero3", zero3::app()),
    ]
}
