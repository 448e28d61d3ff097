//! ARR-COC: a vision-language model (Qwen3-VL-2B) that gives more visual tokens to the relevant parts of an image.
//!
//! The app has three stacks: training on one ml.p4d.24xlarge; a stack for development and tests with the relevance
//! scorers on a serverless endpoint, which costs nothing without requests; and production, with the same scorers in a
//! Triton ensemble, compiled by TensorRT. Production serves the model that was approved last: the training pipeline
//! registers models, approving one stores its location in a parameter of Systems Manager, and the next deployment of
//! production reads the parameter.

mod dev_test;
mod production;
mod training;

use stackwright::App;

/// Returns the app with all stacks of the project.
pub fn app() -> App {
    let app = App::new("arr-coc");
    dev_test::stack(&app);
    let trained = training::stack(&app);
    production::stack(&app, &trained);
    app
}
