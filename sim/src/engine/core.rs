//! The state that hosts, processes and sockets share, and the loop that drives it.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use harness::cluster::Advance;
use harness::time::SimTime;
use harness::trace::{EventKind, NodeName, Recorder};
use turmoil_net::{EnterGuard, HostId, KernelConfig, Net, Packet, Transport};

use super::executor::Executor;
use super::timers::{EventKey, Timers};
use crate::log;
use crate::network::Network;
use crate::network::coalesce::coalesce;
use crate::network::connection::Failure;
use crate::network::link::LinkSpec;

/// So many polls without time going on are a livelock.
const POLLS_AT_ONE_MOMENT_MAX: u64 = 20_000_000;

pub(crate) struct Core {
    now: Cell<SimTime>,
    /// The next number in the order of events, which the network shares.
    sequence: Rc<Cell<u64>>,
    /// Whether sockets may have produced packets since the last look.
    sockets_touched: Cell<bool>,
    /// The world is being taken down: what tasks do while they are dropped is no event of the run.
    over: Cell<bool>,
    /// The simulated socket stacks; none once the engine is gone.
    sockets: RefCell<Option<EnterGuard>>,
    /// Buffers of [`Core::collect_packets`], kept for their memory.
    outbound: RefCell<Vec<Packet>>,
    merged: RefCell<Vec<Packet>>,
    /// What the network hands to socket stacks, kept for its memory.
    arrivals: RefCell<Vec<Packet>>,
    pub(crate) seed: u64,
    pub(crate) executor: Executor,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) network: RefCell<Network>,
    pub(crate) recorder: Recorder,
    /// Where a stream's bytes stand between the socket stack and hyper's buffer.
    pub(crate) scratch: RefCell<Vec<u8>>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("now", &self.now.get()).finish_non_exhaustive()
    }
}

impl Core {
    /// A world of hosts with these addresses.
    pub(crate) fn new(seed: u64, recorder: Recorder, link: LinkSpec, addresses: &[IpAddr]) -> Rc<Self> {
        // Loss and retransmission in time belong to the network model: the stacks' own, which counts passes,
        // is switched off.
        let mut stacks = Net::with_config(KernelConfig::default().retx_threshold(u32::MAX));
        let hosts = addresses.iter().map(|&address| (address, stacks.add_host(address))).collect();
        let sequence = Rc::<Cell<u64>>::default();
        Rc::new(Self {
            now: Cell::new(SimTime::ZERO),
            sequence: Rc::clone(&sequence),
            sockets_touched: Cell::new(false),
            over: Cell::new(false),
            sockets: RefCell::new(Some(stacks.enter())),
            outbound: RefCell::default(),
            merged: RefCell::default(),
            arrivals: RefCell::default(),
            seed,
            executor: Executor::new(),
            timers: RefCell::default(),
            network: RefCell::new(Network::new(seed, link, hosts, sequence)),
            recorder,
            scratch: RefCell::new(vec![0; 16 * 1024]),
        })
    }

    pub(crate) fn now(&self) -> SimTime {
        self.now.get()
    }

    /// The next number in the order of events.
    pub(crate) fn next_sequence(&self) -> u64 {
        let next = self.sequence.get();
        self.sequence.set(next + 1);
        next
    }

    pub(crate) fn record(&self, node: Option<NodeName>, kind: EventKind) {
        if !self.over.get() {
            self.recorder.record(self.now(), node, kind);
        }
    }

    /// Directs the socket calls that follow to `host`'s stack, and remembers that packets may come of them.
    /// Whether there still are socket stacks.
    pub(crate) fn enter(&self, host: HostId) -> bool {
        match &*self.sockets.borrow() {
            Some(sockets) => {
                sockets.set_current(host);
                self.sockets_touched.set(true);
                true
            }
            None => false,
        }
    }

    pub(crate) fn run_until(&self, to: SimTime) -> Advance {
        log::set_moment(self.now());
        let mut polls_at_this_moment = 0_u64;
        loop {
            while self.executor.poll_next() {
                polls_at_this_moment += 1;
                assert!(
                    polls_at_this_moment < POLLS_AT_ONE_MOMENT_MAX,
                    "tasks keep waking each other at {} without time going on",
                    self.now()
                );
                if self.recorder.has_fired() {
                    self.collect_packets();
                    return Advance::Triggered(self.now());
                }
            }
            if self.sockets_touched.get() {
                self.collect_packets();
                continue;
            }
            let Some(next) = self.next_event().filter(|next| next.0 <= to) else {
                self.set_now(to);
                return Advance::Reached;
            };
            if next.0 > self.now() {
                polls_at_this_moment = 0;
                self.set_now(next.0);
            }
            // All that is due happens before any task sees it: what arrives together is answered together.
            while let Some(due) = self.next_event().filter(|due| due.0 <= self.now()) {
                self.happen(due);
            }
        }
    }

    fn next_event(&self) -> Option<EventKey> {
        let (timer, arrival) = (self.timers.borrow().next(), self.network.borrow().next_event());
        match (timer, arrival) {
            (Some(timer), Some(arrival)) => Some(timer.min(arrival)),
            (one, other) => one.or(other),
        }
    }

    /// Lets the event of this key, the first, happen.
    fn happen(&self, key: EventKey) {
        if self.timers.borrow().next() == Some(key) {
            let waker = self.timers.borrow_mut().pop();
            waker.expect("it was seen above").wake();
        } else {
            self.network_event();
        }
    }

    fn set_now(&self, now: SimTime) {
        self.now.set(self.now().max(now));
        log::set_moment(now);
    }

    /// Puts what the socket stacks have sent on the links.
    pub(crate) fn collect_packets(&self) {
        if !self.sockets_touched.replace(false) {
            return;
        }
        let mut outbound = self.outbound.take();
        if let Some(sockets) = &*self.sockets.borrow() {
            sockets.egress_all(&mut outbound);
        }
        let mut merged = self.merged.take();
        coalesce(&mut outbound, &mut merged);
        let mut network = self.network.borrow_mut();
        for packet in merged.drain(..) {
            network.send(packet, self.now());
        }
        drop(network);
        self.outbound.replace(outbound);
        self.merged.replace(merged);
    }

    /// Lets the network do what is due: packets that arrive now go into the socket stacks.
    fn network_event(&self) {
        let mut arrivals = self.arrivals.take();
        let why = self.network.borrow_mut().step(self.now(), &mut arrivals);
        for packet in arrivals.drain(..) {
            self.deliver(packet, why.unwrap_or(Failure::Reset));
        }
        self.arrivals.replace(arrivals);
    }

    /// Hands a packet to the socket stack that owns its destination; `why` says what a reset means.
    pub(crate) fn deliver(&self, packet: Packet, why: Failure) {
        let sockets = self.sockets.borrow();
        let Some(sockets) = &*sockets else { return };
        if matches!(&packet.payload, Transport::Tcp(segment) if segment.flags.rst) {
            let breaking = self.network.borrow_mut().break_off(&packet);
            if let Some((host, connection)) = breaking {
                sockets.set_current(host);
                connection.break_off(why);
            }
        }
        sockets.deliver(packet);
        self.sockets_touched.set(true);
    }

    /// Drops all tasks and timers, then the socket stacks below them.
    pub(crate) fn tear_down(&self) {
        self.over.set(true);
        self.executor.clear();
        self.timers.borrow_mut().clear();
        self.sockets.take();
    }
}
