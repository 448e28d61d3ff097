//! The list of stacks. It knows which stacks were changed since the state was saved.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use super::Stack;

/// Every stack, deleted ones included, in the order of their creation. A stack keeps its index forever.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    all: Vec<Stack>,
    changed: BTreeSet<usize>,
}

impl Stacks {
    pub fn from_saved(all: Vec<Stack>) -> Self {
        Self { all, changed: BTreeSet::new() }
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Stack> {
        self.all.iter()
    }

    /// Adds a stack; returns its index.
    pub fn push(&mut self, stack: Stack) -> usize {
        self.all.push(stack);
        self.changed.insert(self.all.len() - 1);
        self.all.len() - 1
    }

    /// The stacks that were changed since the last call, with their indices.
    pub fn take_changed(&mut self) -> impl Iterator<Item = (usize, &Stack)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().filter_map(|index| Some((index, self.all.get(index)?)))
    }
}

impl Index<usize> for Stacks {
    type Output = Stack;

    fn index(&self, index: usize) -> &Stack {
        &self.all[index]
    }
}

impl IndexMut<usize> for Stacks {
    /// Counts as a change, whatever the caller does.
    fn index_mut(&mut self, index: usize) -> &mut Stack {
        self.changed.insert(index);
        &mut self.all[index]
    }
}
