//! The default values of constructs, at most one of each type.

use std::any::{Any, TypeId};
use std::fmt;
use std::rc::Rc;

use indexmap::IndexMap;

/// Values by their types.
#[derive(Clone, Default)]
pub(crate) struct Defaults(IndexMap<TypeId, Rc<dyn Any>>);

impl fmt::Debug for Defaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} defaults", self.0.len())
    }
}

impl Defaults {
    pub(crate) fn set<T: 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Rc::new(value));
    }

    pub(crate) fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }
}
