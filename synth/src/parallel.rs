//! Work on many stacks, split between two threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of items from which a second thread is started; starting it needs a tenth of a millisecond.
const MANY: usize = 16;

/// The number of items that a thread processes at a time.
const BATCH: usize = 4;

/// Makes the allocator of this thread take a large part of the address space at once. Otherwise the allocator of the C library
/// extends the memory of a second thread page by page, with a system call for each.
fn reserve_memory() {
    // Releasing a large block raises the size from which the library returns memory to the system.
    for bytes in [16 << 20, 8 << 20] {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(bytes)));
    }
}

/// Returns the results of a function for each number of a range, in order.
pub(crate) fn map<T: Send>(range: Range<usize>, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if range.len() < MANY {
        return range.map(work).collect();
    }
    let middle = range.start + range.len() / 2;
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            reserve_memory();
            (middle..range.end).map(&work).collect::<Vec<_>>()
        });
        reserve_memory();
        let mut results: Vec<T> = (range.start..middle).map(&work).collect();
        results.extend(second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results
    })
}

/// Calls a function for each item. A thread that has processed its items continues with the next ones, because the
/// items need different times. Returns the first error.
pub(crate) fn each<T: Sync, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    if items.len() < MANY {
        return items.iter().try_for_each(work);
    }
    let next = AtomicUsize::new(0);
    let first_error = Mutex::new(None);
    let run = || {
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(batch) = items.get(start..) else { return };
            let batch = &batch[..batch.len().min(BATCH)];
            if batch.is_empty() {
                return;
            }
            if let Err(error) = batch.iter().try_for_each(&work) {
                first_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                return next.store(items.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(run);
        run();
        second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    first_error.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_results_are_in_order() {
        for count in [0, 1, MANY - 1, MANY, 101] {
            assert_eq!(
                map(0..count, |number| number * 2),
                (0..count).map(|number| number * 2).collect::<Vec<_>>()
            );
            let items: Vec<usize> = (0..count).collect();
            let seen = Mutex::new(Vec::new());
            let result: Result<(), ()> = each(&items, |item| {
                seen.lock().unwrap().push(*item);
                Ok(())
            });
            assert_eq!(result, Ok(()));
            let seen = seen.into_inner().unwrap();
            assert_eq!((seen.len(), seen.iter().copied().collect::<BTreeSet<_>>().len()), (count, count));
        }
    }

    #[test]
    fn an_error_ends_the_work() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(each(&items, |item| if *item == 500 { Err("no") } else { Ok(()) }), Err("no"));
        assert_eq!(each(&items[..3], |item| if *item == 2 { Err("no") } else { Ok(()) }), Err("no"));
    }
}
