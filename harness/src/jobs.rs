//! Many runs on several threads: each run keeps to one, and their results come back in their own order.

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// A job ended by a panic: a bug of ours, with its message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Panicked(pub String);

impl Panicked {
    /// What a caught panic said.
    pub fn of(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "a panic without a message".to_owned()))
    }
}

/// As many jobs at a time as this machine has processors.
pub fn as_many_as_processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Does `work` for every number below `count`, at most `jobs` at a time, and hands the results to `done` in
/// order, each as soon as those before it are there. Once `stop` is set no further job begins, and results
/// that are there are still handed on, in order.
pub fn each<R: Send>(
    count: usize,
    jobs: NonZeroUsize,
    stop: &AtomicBool,
    work: impl Fn(usize) -> R + Sync,
    done: impl FnMut(usize, Result<R, Panicked>),
) {
    each_with(count, jobs, stop, || (), |(), number| work(number), done);
}

/// As [`each`], with what `prepare` makes once on each thread, for that thread's jobs: what threads share they
/// fight for, be it only the reference count of a name that every event of every run has.
pub fn each_with<S, R: Send>(
    count: usize,
    jobs: NonZeroUsize,
    stop: &AtomicBool,
    prepare: impl Fn() -> S + Sync,
    work: impl Fn(&S, usize) -> R + Sync,
    mut done: impl FnMut(usize, Result<R, Panicked>),
) {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.get().min(count) {
            let (sender, next, prepare, work) = (sender.clone(), &next, &prepare, &work);
            scope.spawn(move || {
                let own = prepare();
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let result = catch_unwind(AssertUnwindSafe(|| work(&own, number)));
                    let result = result.map_err(|payload| Panicked::of(&*payload));
                    if sender.send((number, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (number, result) in results {
            early.insert(number, result);
            while let Some(result) = early.remove(&due) {
                done(due, result);
                due += 1;
            }
        }
        // Only a gap leaves results here, and a gap there is none: numbers are given out in order, and every
        // number that was given out came back.
        debug_assert!(early.is_empty());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    #[test]
    fn results_come_in_the_order_of_the_jobs_whichever_ends_first() {
        let (first_may_end, wait) = mpsc::channel();
        let (wait, first_may_end) = (std::sync::Mutex::new(wait), std::sync::Mutex::new(first_may_end));
        let mut seen = Vec::new();
        let work = |number| {
            match number {
                0 => wait.lock().unwrap().recv().unwrap(),
                3 => first_may_end.lock().unwrap().send(()).unwrap(),
                _ => {}
            }
            number * 10
        };
        each(5, TWO, &AtomicBool::new(false), work, |number, result| seen.push((number, result.unwrap())));
        assert_eq!(seen, [(0, 0), (1, 10), (2, 20), (3, 30), (4, 40)]);
    }

    #[test]
    fn a_panic_is_the_result_of_its_own_job_only() {
        let mut seen = Vec::new();
        let work = |number| assert_ne!(number, 1, "one is odd");
        each(3, TWO, &AtomicBool::new(false), work, |_, result| seen.push(result));
        assert!(seen[0].is_ok() && seen[2].is_ok());
        assert!(seen[1].clone().unwrap_err().to_string().contains("one is odd"));
    }

    #[test]
    fn no_job_begins_after_the_stop() {
        let stop = AtomicBool::new(false);
        let mut seen = Vec::new();
        let work = |number| {
            if number == 2 {
                stop.store(true, Ordering::Relaxed);
            }
        };
        each(1000, NonZeroUsize::MIN, &stop, work, |number, _| seen.push(number));
        assert_eq!(seen, [0, 1, 2]);
        each(0, TWO, &AtomicBool::new(false), |_| (), |_, _| unreachable!());
    }
}
