//! What the commands that talk to AWS share: where to, who has said yes, what is shown on the way, and what to say when
//! something fails.

mod explain;
mod gate;
mod session;
mod show;
mod view;

pub(crate) use explain::{diagnosis, diagnosis_json, explain, failure};
pub(crate) use gate::{Gate, is_asked, read_line};
pub(crate) use session::{Session, Target, Wishes, block_on, commit, on_each, on_stack, read_faults};
pub(crate) use show::{change_set, markdown};
pub(crate) use view::{ProgressForm, View};
