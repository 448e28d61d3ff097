//! Code that the deployment commands share: arguments, connections, the terminal, and messages.

mod arguments;
mod colors;
mod command_line;
mod deployed;
mod failures;
mod local_mode;
mod prediction;
mod quotas;
mod render;
mod runtime;
mod session;
mod signals;
mod source;
mod terminal;
mod view;

pub(crate) use arguments::{ApprovalArguments, DeploymentArguments, Target, has_parameter, parameter};
pub(crate) use colors::paint;
pub(crate) use command_line::{command, quoted, remember};
pub(crate) use deployed::{as_version, compare_deployed};
pub(crate) use failures::{diagnosis, diagnosis_json, explain, failure};
pub(crate) use local_mode::{key_file, read_faults};
pub(crate) use prediction::compare_prediction;
pub(crate) use quotas::account_quotas;
pub(crate) use render::{approvals_markdown, change_set, change_set_markdown};
pub(crate) use runtime::{Work, block_on, commit, description, on_each, on_stack};
pub(crate) use session::Session;
pub(crate) use signals::{Signals, run_until_stopped, stop_signal, stoppable};
pub(crate) use terminal::Terminal;
pub(crate) use view::{ProgressFormat, View};
