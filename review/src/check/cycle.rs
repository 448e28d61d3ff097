//! Cycles of references.

use std::collections::{HashMap, HashSet};

/// Returns the first cycle that can be reached from one of the names, as the path that closes it: `A`, `B`, `A`.
///
/// `after` returns the names to which a name refers. Names that were visited for an earlier start are passed in `done`
/// and not visited again.
pub(crate) fn cycle_from<'a, 'n>(
    start: &'a str,
    done: &mut HashSet<&'a str>,
    after: impl Fn(&str) -> &'n [&'a str],
) -> Option<Vec<&'a str>>
where
    'a: 'n,
{
    if !done.insert(start) {
        return None;
    }
    // Each entry is a name on the path, and how many of those to which it refers were visited.
    let mut path: Vec<(&str, usize)> = vec![(start, 0)];
    let mut on_path: HashMap<&str, usize> = HashMap::from([(start, 0)]);
    while let Some((name, next)) = path.last_mut() {
        let Some(referred) = after(name).get(*next).copied() else {
            on_path.remove(*name);
            path.pop();
            continue;
        };
        *next += 1;
        if let Some(at) = on_path.get(referred) {
            return Some(path[*at..].iter().map(|(name, _)| *name).chain([referred]).collect());
        }
        if done.insert(referred) {
            on_path.insert(referred, path.len());
            path.push((referred, 0));
        }
    }
    None
}
