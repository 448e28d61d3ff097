//! Many stacks: each after those that it depends on, independent ones at a time.

use std::collections::BTreeMap;

use futures_util::stream::{FuturesUnordered, StreamExt};
use stackwright_synth::StackArtifact;

/// What became of one stack.
#[derive(Debug)]
pub enum Done<T, E> {
    /// It went well.
    Well(T),
    /// It failed.
    Failed(E),
    /// It was not begun, because a stack that it depends on failed.
    Skipped {
        /// The name of that stack.
        because_of: String,
    },
}

/// Runs something for each stack, with at most `limit` at a time. Whatever does not depend on a failure goes on.
/// `backwards` takes each stack before those that it depends on, as deleting does.
pub async fn in_order<'s, T, E, F, R>(
    stacks: &[&'s StackArtifact],
    limit: usize,
    backwards: bool,
    run: R,
) -> Vec<(&'s StackArtifact, Done<T, E>)>
where
    R: Fn(&'s StackArtifact) -> F,
    F: Future<Output = Result<T, E>>,
{
    let mut waits: BTreeMap<&str, Vec<&str>> =
        stacks.iter().map(|stack| (stack.id.as_str(), Vec::new())).collect();
    for stack in stacks {
        for other in &stack.dependencies {
            if !stacks.iter().any(|one| one.id == *other) {
                continue;
            }
            let (first, then) = if backwards {
                (stack.id.as_str(), other.as_str())
            } else {
                (other.as_str(), stack.id.as_str())
            };
            if let Some(list) = waits.get_mut(then) {
                list.push(first);
            }
        }
    }
    let mut done: BTreeMap<&str, Done<T, E>> = BTreeMap::new();
    let mut running = FuturesUnordered::new();
    let mut started: Vec<&str> = Vec::new();
    loop {
        // What waits for something that failed is skipped, and so is what waits for that.
        loop {
            let skipped = stacks.iter().find_map(|stack| {
                if done.contains_key(stack.id.as_str()) || started.contains(&stack.id.as_str()) {
                    return None;
                }
                let failed = waits[stack.id.as_str()]
                    .iter()
                    .find(|id| matches!(done.get(*id), Some(Done::Failed(_) | Done::Skipped { .. })))?;
                Some((stack.id.as_str(), name_of(stacks, failed)))
            });
            let Some((id, because_of)) = skipped else { break };
            done.insert(id, Done::Skipped { because_of });
        }
        for stack in stacks {
            let id = stack.id.as_str();
            let is_free = !started.contains(&id)
                && !done.contains_key(id)
                && waits[id].iter().all(|other| matches!(done.get(other), Some(Done::Well(_))));
            if is_free && running.len() < limit.max(1) {
                started.push(id);
                let work = run(stack);
                running.push(async move { (id, work.await) });
            }
        }
        match running.next().await {
            Some((id, Ok(outcome))) => done.insert(id, Done::Well(outcome)),
            Some((id, Err(error))) => done.insert(id, Done::Failed(error)),
            None => break,
        };
    }
    stacks.iter().filter_map(|stack| Some((*stack, done.remove(stack.id.as_str())?))).collect()
}

fn name_of(stacks: &[&StackArtifact], id: &str) -> String {
    stacks.iter().find(|stack| stack.id == id).map_or_else(|| id.to_owned(), |stack| stack.name.clone())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use stackwright_synth::App;

    use super::*;

    fn assembly() -> stackwright_synth::Assembly {
        let app = App::new("app");
        let topic = || stackwright_synth::Resource::of("AWS::SNS::Topic");
        let base = app.stack("Base");
        base.add("Topic", topic());
        for id in ["Left", "Right"] {
            app.stack(id).depends_on(&base).add("Topic", topic());
        }
        app.stack("Alone").add("Topic", topic());
        app.synth().unwrap()
    }

    async fn walk(backwards: bool, fails: &str) -> (Vec<String>, Vec<String>) {
        let assembly = assembly();
        let stacks: Vec<&StackArtifact> = assembly.stacks.iter().collect();
        let begun = RefCell::new(Vec::new());
        let results = in_order(&stacks, 2, backwards, |stack| {
            begun.borrow_mut().push(stack.id.clone());
            let outcome = if stack.id == fails { Err(()) } else { Ok(()) };
            async move { outcome }
        })
        .await;
        let words = results
            .into_iter()
            .map(|(stack, done)| match done {
                Done::Well(()) => format!("{} well", stack.id),
                Done::Failed(()) => format!("{} failed", stack.id),
                Done::Skipped { because_of } => format!("{} skipped for {because_of}", stack.id),
            })
            .collect();
        (begun.into_inner(), words)
    }

    #[tokio::test]
    async fn a_failure_stops_only_what_depends_on_it() {
        let (begun, words) = walk(false, "Base").await;
        assert_eq!(begun, ["Base", "Alone"]);
        let expected =
            ["Base failed", "Left skipped for app-Base", "Right skipped for app-Base", "Alone well"];
        assert_eq!(words, expected);
        let (begun, _) = walk(true, "").await;
        assert!(
            begun.iter().position(|id| id == "Base") > begun.iter().position(|id| id == "Right"),
            "{begun:?}"
        );
        let (begun, words) = walk(true, "Left").await;
        assert!(!begun.contains(&"Base".to_owned()));
        assert_eq!(words[0], "Base skipped for app-Left");
    }
}
