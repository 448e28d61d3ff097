//! Cycles in what depends on what: stacks, resources, conditions, steps.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Returns the first cycle that can be reached from a start, as the path that closes it: `A`, `B`, `A`.
///
/// `after` returns what an item depends on. Items that were visited for an earlier start are passed in `done` and not
/// visited again.
///
/// ```
/// use std::collections::HashSet;
/// use stackwright_synth::cycle::cycle_from;
///
/// let after = |item: char| match item {
///     'a' => &['b', 'c'][..],
///     'c' => &['a'],
///     _ => &[],
/// };
/// assert_eq!(cycle_from('a', &mut HashSet::new(), after), Some(vec!['a', 'c', 'a']));
/// ```
pub fn cycle_from<'n, T: Copy + Eq + Hash + 'n>(
    start: T,
    done: &mut HashSet<T>,
    after: impl Fn(T) -> &'n [T],
) -> Option<Vec<T>> {
    if !done.insert(start) {
        return None;
    }
    // Each entry is an item on the path, and how many of those on which it depends were visited.
    let mut path: Vec<(T, usize)> = vec![(start, 0)];
    let mut on_path: HashMap<T, usize> = HashMap::from([(start, 0)]);
    while let Some((item, next)) = path.last_mut() {
        let Some(needed) = after(*item).get(*next).copied() else {
            on_path.remove(item);
            path.pop();
            continue;
        };
        *next += 1;
        if let Some(at) = on_path.get(&needed) {
            return Some(path[*at..].iter().map(|(item, _)| *item).chain([needed]).collect());
        }
        if done.insert(needed) {
            on_path.insert(needed, path.len());
            path.push((needed, 0));
        }
    }
    None
}
