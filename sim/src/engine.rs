//! The event-driven engine: one thread, simulated time, exact delivery.
//!
//! A run is a loop: poll every task that is ready, take the packets that this produced out of the simulated
//! socket stacks, put them on their links, and when nothing is ready any more, jump to the next moment at
//! which a packet arrives or a timer ends. Idle time costs nothing, and nothing happens late.
//!
//! Order is total and reproducible: events are ordered by time, then by the order in which they were put in;
//! tasks are polled in the order in which they were woken.

mod core;
mod errand;
mod executor;
mod timers;

use std::rc::Rc;
use std::time::Duration;

use harness::cluster::Advance;
use harness::time::SimTime;
use harness::trace::Recorder;

pub(crate) use self::core::Core;
pub(crate) use self::errand::{Errand, Outside};
pub(crate) use self::executor::{ProcessState, TaskId};
pub use self::timers::Sleep;
pub(crate) use self::timers::{EventKey, StoodStill};
use crate::host::{Host, HostSpec};
use crate::network::{Census, FirewallRule, Flap, LinkSpec, TcpSettings};

/// A world of hosts on one network.
#[derive(Debug)]
pub struct Engine {
    core: Rc<Core>,
    hosts: Vec<Host>,
}

impl Engine {
    /// A world of these hosts, all powered on, each connected to each by links of one kind.
    ///
    /// # Panics
    /// When two hosts have the same address.
    pub fn new(seed: u64, recorder: Recorder, link: LinkSpec, hosts: Vec<HostSpec>) -> Self {
        let addresses: Vec<_> = hosts.iter().map(|host| host.address).collect();
        let core = Core::new(seed, recorder, link, &addresses);
        if let Some(uses) = &core.uses {
            uses.will_be_told();
            let names = hosts.iter().map(|host| host.name.clone()).collect();
            core.network.borrow_mut().tell_uses(uses.clone(), names);
        }
        let hosts =
            hosts.into_iter().enumerate().map(|(index, spec)| Host::new(&core, index, spec)).collect();
        Self { core, hosts }
    }

    /// The hosts, in the order in which they were given.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The random stream of this name, of this run's seed.
    pub fn rng(&self, name: &str) -> rand_chacha::ChaCha8Rng {
        harness::rng::stream(self.core.seed, name)
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

    /// Begins a task that belongs to no machine.
    pub(crate) fn errand<F: Future<Output = ()> + 'static>(&self, task: impl FnOnce(Outside) -> F) -> Errand {
        Errand::begin(&self.core, task)
    }

    /// Lets programs that wait for a time go on up to `most` later than they asked for, each time anew.
    pub fn wake_late(&mut self, most: Duration) {
        self.core.wake_late(most);
    }

    /// Changes what TCP does on every host, for whatever begins from now on.
    pub fn set_tcp(&mut self, settings: TcpSettings) {
        self.core.network.borrow_mut().tcp = settings;
    }

    /// Cuts what `from` sends to `to`, as often as it is called, until [`Engine::join`] was called as often.
    pub fn cut(&mut self, from: &Host, to: &Host) {
        self.core.network.borrow_mut().link_mut(from.index(), to.index()).cut();
    }

    /// Takes one cut back.
    ///
    /// # Panics
    /// When there is none.
    pub fn join(&mut self, from: &Host, to: &Host) {
        self.core.network.borrow_mut().link_mut(from.index(), to.index()).join();
    }

    /// Cuts what `from` sends to `to` by turns from now on, beside whatever else cuts it.
    pub fn flap(&mut self, from: &Host, to: &Host, flap: Flap) {
        self.core.network.borrow_mut().link_mut(from.index(), to.index()).flap(flap);
    }

    /// Takes such a flapping back.
    ///
    /// # Panics
    /// When the link does not flap in this way.
    pub fn steady(&mut self, from: &Host, to: &Host, flap: Flap) {
        self.core.network.borrow_mut().link_mut(from.index(), to.index()).steady(flap);
    }

    /// Of the packets with data that arrive at `to` from `from` from now on, one is lost, after so many that pass.
    pub fn lose_one(&mut self, from: &Host, to: &Host, after: u64) {
        self.core.network.borrow_mut().link_mut(from.index(), to.index()).doom(after);
    }

    /// Takes all rules out of a host's firewall.
    pub fn open_firewall(&mut self, host: &Host) {
        self.core.network.borrow_mut().firewall_mut(host.index()).clear();
    }

    /// Puts a rule in front of a host's firewall.
    pub fn block(&mut self, host: &Host, rule: FirewallRule) {
        self.core.network.borrow_mut().firewall_mut(host.index()).insert(rule);
    }

    /// Takes such a rule out.
    ///
    /// # Panics
    /// When the host has none.
    pub fn unblock(&mut self, host: &Host, rule: FirewallRule) {
        self.core.network.borrow_mut().firewall_mut(host.index()).remove(rule);
    }

    /// Both ends of each connection between two hosts get a reset. How many connections there were.
    pub fn reset_connections(&mut self, one: &Host, other: &Host) -> usize {
        // What was written before is on its way.
        self.core.collect_packets();
        self.core.network.borrow_mut().reset_between(one.index(), other.index(), self.now())
    }

    /// How many packets there were so far.
    pub fn census(&self) -> Census {
        self.core.network.borrow().census()
    }

    /// What the link from one host to another is like.
    pub fn link(&self, from: &Host, to: &Host) -> LinkSpec {
        self.core.network.borrow_mut().link_mut(from.index(), to.index()).spec()
    }

    /// Changes what the link from one host to another is like, for packets that are sent from now on.
    pub fn set_link(&mut self, from: &Host, to: &Host, spec: LinkSpec) {
        self.core.network.borrow_mut().link_mut(from.index(), to.index()).set_spec(spec);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.core.tear_down();
        // A host knows its processes, and they know it: only here is that ring broken.
        self.hosts.iter().for_each(Host::forget_all_processes);
    }
}
