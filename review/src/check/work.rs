//! Counts the work of a check for tests, because time depends on the machine.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts one step: a value that is resolved, a condition that is evaluated, a finding that is added.
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// Returns how many steps something takes.
#[cfg(test)]
pub(crate) fn steps_of(act: impl FnOnce()) -> usize {
    STEPS.with(|steps| steps.set(0));
    act();
    STEPS.with(std::cell::Cell::get)
}
