//! Where and when a log line belongs: the simulated moment and the node whose code runs now.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use harness::time::SimTime;

thread_local! {
    static MOMENT: Cell<SimTime> = const { Cell::new(SimTime::ZERO) };
    static NODE: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// The simulated moment that this thread's run has reached.
pub fn moment() -> SimTime {
    MOMENT.get()
}

/// The node whose code runs now on this thread; none between nodes.
pub fn node() -> Option<Arc<str>> {
    NODE.with_borrow(Clone::clone)
}

pub(crate) fn set_moment(now: SimTime) {
    MOMENT.set(now);
}

pub(crate) fn set_node(node: Option<Arc<str>>) {
    NODE.set(node);
}
