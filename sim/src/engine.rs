//! The event-driven engine: one thread, simulated time, exact delivery.
//!
//! A run is a loop: poll every task that is ready, take the packets that this produced out of the simulated
//! socket stacks, put them on their links, and when nothing is ready any more, jump to the next moment at
//! which a packet arrives or a timer ends. Idle time costs nothing, and nothing happens late.
//!
//! Order is total and reproducible: events are ordered by time, then by the order in which they were put in;
//! tasks are polled in the order in which they were woken.

mod core;
mod executor;
mod timers;

use std::rc::Rc;
use std::time::Duration;

use harness::cluster::Advance;
use harness::time::SimTime;
use harness::trace::Recorder;

pub(crate) use self::core::Core;
pub(crate) use self::executor::{ProcessState, TaskId};
pub use self::timers::Sleep;
use crate::host::{Host, HostSpec};
use crate::network::link::LinkSpec;

/// A world of hosts on one network. Only one can be alive on a thread at a time.
#[derive(Debug)]
pub struct Engine {
    core: Rc<Core>,
}

impl Engine {
    /// An empty world.
    ///
    /// # Panics
    /// When another engine is alive on this thread.
    pub fn new(seed: u64, recorder: Recorder) -> Self {
        Self { core: Core::new(seed, recorder) }
    }

    /// Adds a host, powered on.
    ///
    /// # Panics
    /// When its address is taken.
    pub fn add_host(&mut self, spec: HostSpec) -> Host {
        Host::add(&self.core, spec)
    }

    /// What links are like that are not set otherwise.
    pub fn set_default_link(&mut self, spec: LinkSpec) {
        self.core.network.borrow_mut().set_default_link(spec);
    }

    /// The moment that has been reached.
    pub fn now(&self) -> SimTime {
        self.core.now()
    }

    /// Lets the world run up to and including `to`, or to the moment at which a trigger of the recorder fires.
    ///
    /// # Panics
    /// When tasks keep waking each other without time going on: that is a bug in a node's code.
    pub fn run_until(&mut self, to: SimTime) -> Advance {
        self.core.run_until(to)
    }

    /// Lets the world run for `span` more.
    pub fn run_for(&mut self, span: Duration) -> Advance {
        self.run_until(self.now() + span)
    }

    /// The shared state, for what stands beside the hosts (fault injection).
    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.core.tear_down();
    }
}
