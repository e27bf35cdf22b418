//! Timers: what tasks wait for, ordered by time and then by the order in which they began to wait.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use harness::time::SimTime;

use super::Core;

/// A timer's place among all events.
pub(crate) type EventKey = (SimTime, u64);

/// All timers that tasks wait for.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    wakers: BTreeMap<EventKey, Waker>,
    /// The first of them: it is asked for at each event.
    first: Option<EventKey>,
}

impl Timers {
    fn insert(&mut self, key: EventKey, waker: &Waker) {
        self.wakers.insert(key, waker.clone());
        self.first = Some(self.first.map_or(key, |first| first.min(key)));
    }

    /// Another task waits for this timer than before, or the same.
    fn renew(&mut self, key: EventKey, waker: &Waker) {
        match self.wakers.get_mut(&key) {
            Some(known) => known.clone_from(waker),
            None => self.insert(key, waker),
        }
    }

    fn remove(&mut self, key: EventKey) {
        self.wakers.remove(&key);
        if self.first == Some(key) {
            self.find_first();
        }
    }

    fn find_first(&mut self) {
        self.first = self.wakers.first_key_value().map(|(key, _)| *key);
    }

    pub(crate) fn next(&self) -> Option<EventKey> {
        self.first
    }

    pub(crate) fn pop(&mut self) -> Option<Waker> {
        let (_, waker) = self.wakers.pop_first()?;
        self.find_first();
        Some(waker)
    }

    pub(crate) fn clear(&mut self) {
        self.wakers.clear();
        self.first = None;
    }
}

/// How long a machine has stood still altogether: its timers ended so much later.
pub(crate) type StoodStill = Rc<Cell<Duration>>;

/// Ends at its moment, or so much later as its machine stood still meanwhile. Dropping it forgets the timer.
#[derive(Debug)]
pub struct Sleep {
    core: Rc<Core>,
    until: SimTime,
    /// The machine's count, and what it was when `until` was right.
    machine: Option<(StoodStill, Duration)>,
    key: Option<EventKey>,
    /// The address of what the timer will wake: nothing else has it as long as the timer waits.
    wakes: usize,
}

impl Sleep {
    pub(crate) fn new(core: Rc<Core>, until: SimTime, machine: Option<&StoodStill>) -> Self {
        let machine = machine.map(|count| (Rc::clone(count), count.get()));
        Self { core, until, machine, key: None, wakes: 0 }
    }

    /// Puts the end off by as long as the machine has stood still since.
    fn put_off(&mut self) {
        let Some((count, before)) = &mut self.machine else { return };
        let since = count.get().saturating_sub(*before);
        if !since.is_zero() {
            *before = count.get();
            self.until += since;
            if let Some(key) = self.key.take() {
                self.core.timers.borrow_mut().remove(key);
            }
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.put_off();
        if self.core.now() >= self.until {
            return Poll::Ready(());
        }
        let wakes = cx.waker().data().addr();
        let known = std::mem::replace(&mut self.wakes, wakes);
        match self.key {
            Some(_) if known == wakes => {}
            Some(key) => self.core.timers.borrow_mut().renew(key, cx.waker()),
            None => {
                let key = (self.until, self.core.next_sequence());
                self.key = Some(key);
                self.core.timers.borrow_mut().insert(key, cx.waker());
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.timers.borrow_mut().remove(key);
        }
    }
}
