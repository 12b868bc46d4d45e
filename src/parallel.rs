//! Shares files out to a few threads, the largest first. Knows nothing of what is done with them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads that read files: the second one hides waiting for the disk, more would take the machine from its user.
const THREADS: usize = 2;

/// Does the work of every place of `sizes` (in bytes), each thread with a state of its own; answers in order.
pub fn by_size<S, T: Send>(
    sizes: &[u64],
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
    largest_first.sort_by_key(|place| std::cmp::Reverse(sizes[*place]));
    let next = AtomicUsize::new(0);
    let work_some = || {
        let mut state = state();
        let places = std::iter::from_fn(|| largest_first.get(next.fetch_add(1, Ordering::Relaxed)).copied());
        places.map(|place| (place, work(&mut state, place))).collect::<Vec<_>>()
    };
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(sizes.len())).map(|_| scope.spawn(work_some)).collect();
        let parts = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        parts
            .flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, answer)| answer).collect()
}
