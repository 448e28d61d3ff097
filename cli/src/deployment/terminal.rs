//! Questions on the terminal. A thread reads the answers, so that other work continues while a question is open.

use std::io::{BufRead as _, IsTerminal as _};

use stackwright_deploy::{LocalBoxFuture, Prompt, Question};
use tokio::sync::{Mutex, mpsc};

use super::view::View;
use crate::safe_text;

/// The lines that the user types; `None` before the first question. There is one reader in a process: a second one would take
/// every other line.
static LINES: Mutex<Option<mpsc::UnboundedReceiver<String>>> = Mutex::const_new(None);

/// The terminal of the user.
pub(crate) struct Terminal<'v> {
    view: &'v View,
}

impl<'v> Terminal<'v> {
    /// Returns the terminal; questions are printed where the view prints.
    pub fn new(view: &'v View) -> Self {
        Self { view }
    }

    /// Asks a question. The view prints nothing until it is answered, or until the future is dropped.
    pub async fn ask_text(&self, question: &str) -> Option<String> {
        let mut lines = LINES.lock().await;
        let lines = lines.get_or_insert_with(read_lines);
        // Text that was typed before the question is not its answer.
        while lines.try_recv().is_ok() {}
        let _pause = self.view.pause();
        anstream::eprint!("{}", safe_text::block(question));
        lines.recv().await.map(|line| line.trim().to_owned())
    }
}

/// Starts a thread that reads lines. It ends with standard input, or with the process.
fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

impl Prompt for Terminal<'_> {
    fn is_interactive(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    fn ask<'a>(&'a self, question: &'a Question) -> LocalBoxFuture<'a, Option<String>> {
        Box::pin(async move { self.ask_text(&question.to_string()).await })
    }
}
