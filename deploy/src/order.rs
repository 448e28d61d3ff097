//! The order in which several stacks are processed: each stack after those that it depends on, or before them. Independent stacks
//! are processed at the same time.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::stream::{FuturesUnordered, StreamExt};
use stackwright_synth::StackArtifact;
use stackwright_synth::cycle::cycle_from;

use crate::error::DeployError;

/// The result of an operation, such as a deployment, on one stack.
#[derive(Debug)]
#[non_exhaustive]
pub enum StackResult<T, E> {
    /// The operation succeeded.
    Succeeded(T),
    /// The operation failed.
    Failed(E),
    /// The operation was not started, because it failed for a stack that has to be processed before this one.
    Skipped {
        /// The name of the stack whose failure is the reason.
        because_of: String,
    },
}

/// A stack with the result of the operation on it.
#[derive(Debug)]
#[non_exhaustive]
pub struct FinishedStack<'s, T, E = DeployError> {
    /// The stack.
    pub stack: &'s StackArtifact,
    /// The result of the operation.
    pub result: StackResult<T, E>,
}

/// The order of stacks that depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each stack is processed after the stacks that it depends on, as a deployment requires.
    DependenciesFirst,
    /// Each stack is processed before the stacks that it depends on, as a deletion requires.
    DependentsFirst,
}

/// Runs an operation for each stack, at most `limit` operations at the same time. If an operation fails, only the stacks that
/// have to be processed after that stack are skipped.
///
/// The results are in the order of `stacks`.
///
/// # Errors
/// Returns [`DeployError::DependencyCycle`], and starts nothing, if stacks depend on each other in a cycle.
pub async fn run_in_order<'s, T, E, F, R>(
    stacks: &[&'s StackArtifact],
    limit: usize,
    order: Order,
    run: R,
) -> Result<Vec<FinishedStack<'s, T, E>>, DeployError>
where
    R: Fn(&'s StackArtifact) -> F,
    F: Future<Output = Result<T, E>>,
{
    let graph = Graph::new(stacks, order);
    if let Some(cycle) = graph.cycle() {
        let stacks = cycle.into_iter().map(|index| stacks[index].name.clone()).collect();
        return Err(DeployError::DependencyCycle { stacks });
    }
    let mut open: Vec<usize> = graph.before.iter().map(Vec::len).collect();
    // The ready stacks, in the order in which they were given.
    let mut ready: BTreeSet<usize> = (0..stacks.len()).filter(|index| open[*index] == 0).collect();
    let mut results: Vec<Option<StackResult<T, E>>> = stacks.iter().map(|_| None).collect();
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < limit.max(1)
            && let Some(index) = ready.pop_first()
        {
            let work = run(stacks[index]);
            running.push(async move { (index, work.await) });
        }
        let Some((index, result)) = running.next().await else { break };
        let failed = result.is_err();
        results[index] = Some(match result {
            Ok(value) => StackResult::Succeeded(value),
            Err(error) => StackResult::Failed(error),
        });
        if failed {
            graph.skip(index, stacks, &mut results);
            continue;
        }
        for next in &graph.after[index] {
            open[*next] -= 1;
            if open[*next] == 0 && results[*next].is_none() {
                ready.insert(*next);
            }
        }
    }
    let finished = stacks.iter().copied().zip(results);
    Ok(finished.filter_map(|(stack, result)| Some(FinishedStack { stack, result: result? })).collect())
}

/// The dependencies of stacks among each other, by index.
struct Graph {
    /// The stacks that have to be finished before each stack.
    before: Vec<Vec<usize>>,
    /// The stacks that wait for each stack.
    after: Vec<Vec<usize>>,
}

impl Graph {
    fn new(stacks: &[&StackArtifact], order: Order) -> Self {
        let indices: BTreeMap<&str, usize> =
            stacks.iter().enumerate().map(|(index, stack)| (stack.id.as_str(), index)).collect();
        let mut graph =
            Self { before: vec![Vec::new(); stacks.len()], after: vec![Vec::new(); stacks.len()] };
        for (index, stack) in stacks.iter().enumerate() {
            let needed: BTreeSet<usize> =
                stack.dependencies.iter().filter_map(|id| indices.get(id.as_str()).copied()).collect();
            for other in needed {
                let (first, then) = match order {
                    Order::DependenciesFirst => (other, index),
                    Order::DependentsFirst => (index, other),
                };
                graph.before[then].push(first);
                graph.after[first].push(then);
            }
        }
        graph
    }

    /// Returns the stacks of a cycle, if there is one.
    fn cycle(&self) -> Option<Vec<usize>> {
        let mut done = HashSet::new();
        let mut cycle =
            (0..self.before.len()).find_map(|start| cycle_from(start, &mut done, |at| &self.before[at]))?;
        // The path ends where it starts.
        cycle.pop();
        Some(cycle)
    }

    /// Skips everything that waits for a failed stack, directly or indirectly.
    fn skip<T, E>(
        &self,
        failed: usize,
        stacks: &[&StackArtifact],
        results: &mut [Option<StackResult<T, E>>],
    ) {
        let mut waiting = self.after[failed].clone();
        while let Some(index) = waiting.pop() {
            if results[index].is_none() {
                results[index] = Some(StackResult::Skipped { because_of: stacks[failed].name.clone() });
                waiting.extend(&self.after[index]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use stackwright_synth::{App, Resource};

    use super::*;

    fn assembly() -> stackwright_synth::Assembly {
        let app = App::new("app");
        let topic = || Resource::of("AWS::SNS::Topic");
        let base = app.stack("Base");
        base.add("Topic", topic());
        for id in ["Left", "Right"] {
            app.stack(id).depends_on(&base).add("Topic", topic());
        }
        app.stack("Alone").add("Topic", topic());
        app.synth().unwrap()
    }

    async fn walk(order: Order, fails: &str) -> (Vec<String>, Vec<String>) {
        let assembly = assembly();
        let stacks: Vec<&StackArtifact> = assembly.stacks.iter().collect();
        let started = RefCell::new(Vec::new());
        let results = run_in_order(&stacks, 2, order, |stack| {
            started.borrow_mut().push(stack.id.clone());
            let result = if stack.id == fails { Err(()) } else { Ok(()) };
            async move { result }
        })
        .await
        .unwrap();
        let lines = results
            .into_iter()
            .map(|FinishedStack { stack, result }| match result {
                StackResult::Succeeded(()) => format!("{} succeeded", stack.id),
                StackResult::Failed(()) => format!("{} failed", stack.id),
                StackResult::Skipped { because_of } => {
                    format!("{} skipped because of {because_of}", stack.id)
                }
            })
            .collect();
        (started.into_inner(), lines)
    }

    #[tokio::test]
    async fn a_failure_stops_only_what_depends_on_it() {
        let (started, lines) = walk(Order::DependenciesFirst, "Base").await;
        assert_eq!(started, ["Base", "Alone"]);
        let expected = [
            "Base failed",
            "Left skipped because of app-Base",
            "Right skipped because of app-Base",
            "Alone succeeded",
        ];
        assert_eq!(lines, expected);
        let (started, _) = walk(Order::DependentsFirst, "").await;
        let at = |id: &str| started.iter().position(|one| one == id);
        assert!(at("Base") > at("Right"), "{started:?}");
        let (started, lines) = walk(Order::DependentsFirst, "Left").await;
        assert!(!started.contains(&"Base".to_owned()));
        assert_eq!(lines[0], "Base skipped because of app-Left");
    }

    #[tokio::test]
    async fn a_cycle_is_an_error_and_nothing_is_started() {
        let mut assembly = assembly();
        assembly.stacks[0].dependencies.push("Left".into());
        let stacks: Vec<&StackArtifact> = assembly.stacks.iter().collect();
        for order in [Order::DependenciesFirst, Order::DependentsFirst] {
            let error = run_in_order(&stacks, 2, order, |_| -> std::future::Ready<Result<(), ()>> {
                panic!("a stack was started")
            })
            .await
            .unwrap_err();
            let DeployError::DependencyCycle { mut stacks } = error else { panic!("{error}") };
            stacks.sort();
            assert_eq!(stacks, ["app-Base", "app-Left"]);
        }
    }

    #[tokio::test]
    async fn a_stack_that_depends_on_itself_is_a_cycle() {
        let mut assembly = assembly();
        assembly.stacks[3].dependencies.push("Alone".into());
        let stacks: Vec<&StackArtifact> = assembly.stacks.iter().collect();
        let outcome = run_in_order(&stacks, 2, Order::DependenciesFirst, async |_| Ok::<(), ()>(())).await;
        assert!(matches!(outcome, Err(DeployError::DependencyCycle { stacks }) if stacks == ["app-Alone"]));
    }
}
