//! Takes the pictures of the documentation.

use std::fs;
use std::process::Command;

use crate::tools::run;
use crate::{Result, root};

/// Takes the pictures in `docs/pictures`: a review card and the HTML report, in headless Chromium.
pub fn take() -> Result<()> {
    let directory = root().join("docs/pictures");
    fs::create_dir_all(&directory)?;
    run(Command::new("cargo")
        .args(["test", "--package", "stackwright-review", "--test", "html", "pictures_of_a_review"])
        .current_dir(root())
        .env("STACKWRIGHT_PICTURES", directory))
}
