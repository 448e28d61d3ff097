//! Ends a command in an orderly way when the user or the system stops it.

use stackwright_deploy::{Backend, Cancellation, Orchestrator, Prompt as _};
use stackwright_synth::with_causes;

use super::command_line::command;
use super::terminal::Terminal;
use super::view::View;
use crate::failure::{ExitCode, Failure};

/// A signal that stops a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// `SIGTERM` or `SIGHUP`.
    Terminate(&'static str),
}

/// Waits for signals, also for those that arrived while nothing waited.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Starts to listen. Until the process ends, the signals do not end it by themselves any more.
    #[cfg(unix)]
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Starts to listen.
    #[cfg(not(unix))]
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Returns the next signal.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate("SIGTERM"),
            _ = self.hangup.recv() => Signal::Terminate("SIGHUP"),
        }
    }

    /// Returns the next signal.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}

/// Waits until the user or the system stops the command.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    Signals::listen()?.next().await;
    Ok(())
}

/// Runs work without an orchestrator until it ends, or until a signal stops it. `detached` returns the stack on which the work
/// may have started an operation, and what performs it.
pub(crate) async fn stoppable<T>(
    detached: impl Fn() -> Option<(String, Backend)>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut signals = Signals::listen()?;
    let signal = tokio::select! {
        result = work => return result,
        signal = signals.next() => signal,
    };
    let name = match signal {
        Signal::Interrupt => "an interrupt",
        Signal::Terminate(name) => name,
    };
    Err(match detached() {
        None => Failure::new(format!("stopped by {name}; nothing was changed")),
        Some((stack, backend)) => Failure::new(format!(
            "stopped by {name}: detached from {stack}; an operation that was started {backend}"
        ))
        .hint(format!("`{}` prints the status of the stack", command("status")))
        .with_code(ExitCode::Incomplete),
    })
}

/// The choice of the user after Ctrl-C while operations are running.
const CHOICES: &str = "[d]etach, [c]ancel and roll back, or [w]ait? ";

/// Runs work of an orchestrator until it ends or is stopped.
///
/// The first Ctrl-C starts no other operation and withdraws open questions. While operations are running, it asks whether to
/// detach from them, to cancel them or to wait. The second Ctrl-C, `SIGTERM` and `SIGHUP` end the command at once; running
/// operations continue, and the message names their stacks.
pub(crate) async fn run_until_stopped<T>(
    orchestrator: &Orchestrator<'_>,
    view: &View,
    terminal: &Terminal<'_>,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::pin!(work);
    let mut signals = Signals::listen()?;
    loop {
        let signal = tokio::select! {
            result = &mut work => return Ok(result),
            signal = signals.next() => signal,
        };
        orchestrator.stop();
        let running = orchestrator.running();
        if let Signal::Terminate(name) = signal {
            return Err(stopped(name, orchestrator));
        }
        if running.is_empty() {
            view.note("stopping: no operation is running; change sets that were not executed are deleted");
        } else if !terminal.is_interactive() {
            return Err(stopped("an interrupt", orchestrator));
        } else {
            let question =
                format!("\n{} still running; nothing else is started. {CHOICES}", running.join(", "));
            // The operations continue while the question is open.
            let answer = tokio::select! {
                result = &mut work => return Ok(result),
                answer = terminal.ask_text(&question) => answer.unwrap_or_default(),
                signal = signals.next() => {
                    let name = match signal {
                        Signal::Interrupt => "an interrupt",
                        Signal::Terminate(name) => name,
                    };
                    return Err(stopped(name, orchestrator));
                }
            };
            match answer.as_str() {
                "c" | "cancel" => {
                    for Cancellation { stack: name, result, .. } in orchestrator.cancel_running().await {
                        match result {
                            Ok(true) => view.message(&name, "cancelling the operation"),
                            Ok(false) => view.message(
                                &name,
                                "CloudFormation cannot cancel the operation, which continues to its end",
                            ),
                            Err(error) => view.message(
                                &name,
                                &format!("the operation cannot be cancelled: {}", with_causes(&error)),
                            ),
                        }
                    }
                }
                "w" | "wait" => {}
                _ => return Err(stopped("an interrupt", orchestrator)),
            }
            continue;
        }
        // Change sets are being deleted; the next signal does not wait for it.
        tokio::select! {
            result = &mut work => return Ok(result),
            signal = signals.next() => {
                let name = match signal {
                    Signal::Interrupt => "a second interrupt",
                    Signal::Terminate(name) => name,
                };
                return Err(stopped(name, orchestrator));
            }
        }
    }
}

/// Returns the failure of a command that was stopped.
fn stopped(by: &str, orchestrator: &Orchestrator<'_>) -> Failure {
    let running = orchestrator.running();
    if running.is_empty() {
        return Failure::new(format!("stopped by {by}; no operation is running"))
            .hint("change sets that were created remain; the same command uses or replaces them");
    }
    let names = running.join(", ");
    let backends: Vec<String> = orchestrator.backends().iter().map(ToString::to_string).collect();
    let what_follows = backends.join(", or ");
    Failure::new(format!("stopped by {by}: detached from {names}; the operation {what_follows}"))
        .hint(format!(
            "run the same command again to continue from the current status; `{}` prints the status",
            command("status")
        ))
        .with_code(ExitCode::Incomplete)
}
