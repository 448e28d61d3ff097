//! The stacks that a command processes.

use stackwright_synth::{Assembly, StackArtifact};

use crate::error::DeployError;
use crate::plan::Plan;

/// The stacks that a command processes, and the other stacks of the program.
///
/// ```
/// use stackwright_deploy::StackSelection;
/// use stackwright_synth::{App, Resource};
///
/// let app = App::new("shop");
/// app.stack("Work").add("Topic", Resource::of("AWS::SNS::Topic"));
/// app.stack("Other").add("Topic", Resource::of("AWS::SNS::Topic"));
/// let assembly = app.synth()?;
/// let selection = StackSelection::new(&assembly, vec![&assembly.stacks[0]]);
/// assert_eq!(selection.others[0].id, "Other");
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StackSelection<'a> {
    /// The selected stacks.
    pub stacks: Vec<&'a StackArtifact>,
    /// The other stacks.
    pub others: Vec<&'a StackArtifact>,
}

impl<'a> StackSelection<'a> {
    /// Divides the stacks of an assembly into the selected ones and the others.
    pub fn new(assembly: &'a Assembly, stacks: Vec<&'a StackArtifact>) -> Self {
        let is_other = |stack: &&StackArtifact| !stacks.iter().any(|one| one.id == stack.id);
        let others = assembly.stacks.iter().filter(is_other).collect();
        Self { stacks, others }
    }

    /// Adds all stacks that the selected ones depend on, directly or indirectly.
    #[must_use]
    pub fn with_dependencies(self, assembly: &'a Assembly) -> Self {
        let stacks = assembly.with_dependencies(&self.stacks);
        Self::new(assembly, stacks)
    }

    /// Removes the stacks that a plan does not contain from the selection.
    ///
    /// # Errors
    /// Returns [`DeployError::Plan`] if the plan contains a stack that the program does not have.
    pub fn planned(self, plan: &Plan, assembly: &'a Assembly) -> Result<Self, DeployError> {
        if let Some(missing) = plan.stacks.iter().find(|one| assembly.stack(&one.stack).is_none()) {
            let reason = format!("it contains {}, which is not a stack of this program", missing.stack);
            return Err(DeployError::Plan { reason });
        }
        let stacks = self.stacks.into_iter().filter(|stack| plan.of(stack).is_some()).collect();
        Ok(Self::new(assembly, stacks))
    }

    /// Verifies that a plan contains every selected stack.
    ///
    /// # Errors
    /// Returns [`DeployError::Plan`] if the plan does not contain a selected stack.
    pub fn check_planned(&self, plan: &Plan) -> Result<(), DeployError> {
        match self.stacks.iter().find(|stack| plan.of(stack).is_none()) {
            Some(stack) => Err(DeployError::Plan { reason: format!("it does not contain {}", stack.name) }),
            None => Ok(()),
        }
    }
}
