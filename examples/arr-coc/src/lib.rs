//! ARR-COC: a vision-language model (Qwen3-VL-2B) that spends its visual tokens where an image is relevant.
//!
//! Its training on one ml.p4d.24xlarge; its dev/test stack, the relevance scorers behind a serverless endpoint, which
//! costs nothing while nobody tries them; and production, the same scorers compiled by TensorRT in a Triton ensemble.

mod dev_test;
mod production;
mod training;

use stackwright::App;

/// Every stack of the project.
pub fn app() -> App {
    let app = App::new("arr-coc");
    dev_test::stack(&app);
    production::stack(&app);
    training::stack(&app);
    app
}
