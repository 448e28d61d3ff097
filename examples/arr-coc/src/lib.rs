//! ARR-COC: a vision-language model (Qwen3-VL-2B) that spends its visual tokens where an image is relevant.
//!
//! So far its dev/test stack: the relevance scorers behind a serverless endpoint, which costs nothing while
//! nobody tries them.

mod dev_test;

use stackwright::App;

/// Every stack of the project.
pub fn app() -> App {
    let app = App::new("arr-coc");
    dev_test::stack(&app);
    app
}
