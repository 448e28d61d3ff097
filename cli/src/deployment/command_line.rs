//! Commands that messages suggest. They have the options of the running command that name the program and the account that are
//! used, so that they work when they are copied.

use std::sync::OnceLock;

use super::arguments::Target;
use crate::origin::Origin;

/// The command line of this process, which does not change.
static COMMAND_LINE: OnceLock<CommandLine> = OnceLock::new();

/// The parts of a command line that every suggested command repeats.
#[derive(Debug)]
struct CommandLine {
    /// The program, as the user called it.
    program: String,
    /// The options that select the stacks.
    origin: Vec<String>,
    /// The options that select where they are deployed.
    target: Vec<String>,
}

/// Remembers the options of the running command.
pub(crate) fn remember(origin: &Origin, target: Option<&Target>) {
    let program = std::env::args().next().unwrap_or_else(|| "stackwright".into());
    let target = target.map(Target::options).unwrap_or_default();
    // A command that is repeated, as with `--watch`, has the same options.
    let _ = COMMAND_LINE.set(CommandLine { program, origin: origin.options(), target });
}

/// Completes a command, such as `status`, with the program and the options.
pub(crate) fn command(words: &str) -> String {
    COMMAND_LINE.get().map_or_else(|| format!("stackwright {words}"), |line| line.complete(words))
}

impl CommandLine {
    fn complete(&self, words: &str) -> String {
        let options = self.origin.iter().chain(&self.target).map(|word| quoted(word));
        let parts = [quoted(&self.program), words.to_owned()].into_iter().chain(options);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Returns a word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,@+%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_repeats_the_options_as_a_shell_reads_them() {
        let line = CommandLine {
            program: "stackwright".into(),
            origin: vec!["--app".into(), "my stacks/it's.yaml".into()],
            target: vec!["--role".into(), "arn:aws:iam::{account}:role/deploy".into()],
        };
        assert_eq!(
            line.complete("recover shop-Work"),
            r"stackwright recover shop-Work --app 'my stacks/it'\''s.yaml' --role 'arn:aws:iam::{account}:role/deploy'"
        );
    }
}
