//! `import`: resources that are there already.

use clap::Args;
use stackwright_deploy::{Import, Prepared};

use crate::deployment::{Gate, ProgressForm, Session, Target, View, Wishes, block_on, change_set, explain};
use crate::failure::Failure;
use crate::origin::Origin;

/// Take resources that are there already into a stack, without touching them.
///
/// The program has to have them, with a deletion policy. What identifies them is read from the template, or given.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The stack, by id or name
    stack: String,
    /// The resources: `LOGICAL_ID`, or `LOGICAL_ID=VALUE` with the type's primary identifier, its parts after commas
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    wishes: Wishes,
    #[command(flatten)]
    gate: Gate,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(true)?;
    let stack = super::only(&loaded.assembly, &arguments.stack)?;
    let told = |error| explain(&error, stack);
    arguments.wishes.check(&[stack])?;
    let mut options = arguments.wishes.options(stack);
    for resource in &arguments.resources {
        let (id, values) = match resource.split_once('=') {
            Some((id, values)) => (id, values.split(',').map(str::to_owned).collect()),
            None => (resource.as_str(), Vec::new()),
        };
        options.imports.push(Import::of(stack, id, &values).map_err(told)?);
    }
    let view = View::new(ProgressForm::Auto);
    let tell = |progress| view.tell(&stack.name, progress);
    block_on(async {
        let session = Session::open(&arguments.target, &[stack]).await?;
        let connection = session.connect(stack).await.map_err(told)?;
        let Prepared::Ready(changes) = connection.prepare(stack, &options, &tell).await.map_err(told)? else {
            view.say(&stack.name, "nothing changed");
            return Ok(());
        };
        view.say(&stack.name, &format!("change set {}\n{}", changes.name, change_set(&changes)));
        if let Err(failure) = arguments.gate.pass(&stack.name, &changes.concerns()) {
            let _ = connection.discard(stack, &changes).await;
            return Err(failure);
        }
        connection.execute(stack, &changes, &tell).await.map_err(told)?;
        view.say(&stack.name, "imported");
        Ok(())
    })
}
