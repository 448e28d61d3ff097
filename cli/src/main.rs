//! The binary `stackwright`: every command, for the program in the current directory, an assembly or a template.

fn main() -> std::process::ExitCode {
    stackwright::run_binary()
}
