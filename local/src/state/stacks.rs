//! The list of stacks. It records which stacks were changed since the state was saved.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use super::Stack;

/// Every stack, deleted ones included, in the order of their creation. The index of a stack never changes.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    all: Vec<Stack>,
    changed: BTreeSet<usize>,
    /// The stacks that may have an operation: each operation starts with a change of its stack.
    active: BTreeSet<usize>,
}

impl Stacks {
    pub fn from_saved(all: Vec<Stack>) -> Self {
        let active = (0..all.len()).collect();
        Self { all, changed: BTreeSet::new(), active }
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
        let index = self.all.len() - 1;
        self.changed.insert(index);
        self.active.insert(index);
        index
    }

    /// Returns the indices of the stacks that have an operation, in order.
    pub fn active(&mut self) -> Vec<usize> {
        let all = &self.all;
        self.active.retain(|index| all.get(*index).is_some_and(|stack| stack.operation.is_some()));
        self.active.iter().copied().collect()
    }

    /// Returns the stacks that were changed since the last call, with their indices.
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
    /// Mutable access counts as a change, even if the caller changes nothing.
    fn index_mut(&mut self, index: usize) -> &mut Stack {
        self.changed.insert(index);
        self.active.insert(index);
        &mut self.all[index]
    }
}
