//! The state that hosts, processes and sockets share, and the loop that drives it.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use harness::cluster::Advance;
use harness::rng;
use harness::time::SimTime;
use harness::trace::uses::Uses;
use harness::trace::{EventKind, NodeName, Recorder};
use rand_chacha::ChaCha8Rng;

use super::executor::Executor;
use super::timers::Timers;
use crate::log;
use crate::network::link::LinkSpec;
use crate::network::stack::{SocketId, Stacks};
use crate::network::{HostIndex, Network};

/// So many polls without time going on are a livelock.
const POLLS_AT_ONE_MOMENT_MAX: u64 = 20_000_000;

pub(crate) struct Core {
    now: Cell<SimTime>,
    /// The next number in the order of events, which the network shares.
    sequence: Rc<Cell<u64>>,
    /// The world is being taken down: what tasks do while they are dropped is no event of the run.
    over: Cell<bool>,
    /// How much later than they asked for programs may wake up, and where that is drawn from; none for never.
    late: RefCell<Option<(Duration, ChaCha8Rng)>>,
    pub(crate) seed: u64,
    pub(crate) executor: Executor,
    pub(crate) timers: RefCell<Timers>,
    /// The simulated socket stacks.
    pub(crate) stacks: Rc<Stacks>,
    pub(crate) network: RefCell<Network>,
    pub(crate) recorder: Recorder,
    /// Who wants to be told what programs use.
    pub(crate) uses: Option<Uses>,
}

/// Where the next event happens.
#[derive(Debug, Clone, Copy)]
enum Next {
    Timer,
    OnNetwork,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("now", &self.now.get()).finish_non_exhaustive()
    }
}

impl Core {
    /// A world of hosts with these addresses.
    pub(crate) fn new(seed: u64, recorder: Recorder, link: LinkSpec, addresses: &[IpAddr]) -> Rc<Self> {
        let stacks = Rc::new(Stacks::new(addresses.iter().copied()));
        let sequence = Rc::<Cell<u64>>::default();
        Rc::new(Self {
            now: Cell::new(SimTime::ZERO),
            sequence: Rc::clone(&sequence),
            over: Cell::new(false),
            late: RefCell::default(),
            seed,
            executor: Executor::new(),
            timers: RefCell::default(),
            network: RefCell::new(Network::new(seed, link, addresses, Rc::clone(&stacks), sequence)),
            stacks,
            uses: recorder.uses(),
            recorder,
        })
    }

    pub(crate) fn now(&self) -> SimTime {
        self.now.get()
    }

    pub(crate) fn wake_late(&self, most: Duration) {
        self.late.replace((!most.is_zero()).then(|| (most, rng::stream(self.seed, "wake-up jitter"))));
    }

    /// When a program that waits for this moment goes on.
    pub(crate) fn woken_at(&self, moment: SimTime) -> SimTime {
        match &mut *self.late.borrow_mut() {
            Some((most, drawn)) => {
                let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
                moment + Duration::from_nanos(rng::below(drawn, most))
            }
            None => moment,
        }
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

    /// A program closes a socket, or is gone.
    pub(crate) fn close(&self, host: HostIndex, socket: SocketId) {
        if !self.over.get() && self.stacks.on(host, |stack| stack.close(socket)) {
            self.network.borrow_mut().note_orphan(host, socket, self.now());
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
            if self.stacks.are_restless() {
                self.collect_packets();
                continue;
            }
            let Some((moment, mut what)) = self.next_event().filter(|(moment, _)| *moment <= to) else {
                self.set_now(to);
                return Advance::Reached;
            };
            if moment > self.now() {
                polls_at_this_moment = 0;
                self.set_now(moment);
            }
            // All that is due happens before any task sees it: what arrives together is answered together.
            loop {
                match what {
                    Next::Timer => self.end_timer(),
                    Next::OnNetwork => self.network.borrow_mut().step(self.now()),
                }
                match self.next_event() {
                    Some((moment, next)) if moment <= self.now() => what = next,
                    _ => break,
                }
            }
        }
    }

    /// When something happens next, and where.
    fn next_event(&self) -> Option<(SimTime, Next)> {
        let (timer, arrival) = (self.timers.borrow().next(), self.network.borrow().next_event());
        match (timer, arrival) {
            (Some(timer), Some(arrival)) if arrival < timer => Some((arrival.0, Next::OnNetwork)),
            (Some(timer), _) => Some((timer.0, Next::Timer)),
            (None, Some(arrival)) => Some((arrival.0, Next::OnNetwork)),
            (None, None) => None,
        }
    }

    /// Lets the first timer end.
    fn end_timer(&self) {
        let waker = self.timers.borrow_mut().pop();
        waker.expect("a timer was seen to be the first").wake();
    }

    fn set_now(&self, now: SimTime) {
        self.now.set(self.now().max(now));
        log::set_moment(now);
    }

    /// Puts what the socket stacks have sent on the links.
    pub(crate) fn collect_packets(&self) {
        if !self.stacks.are_restless() {
            return;
        }
        let (mut network, now) = (self.network.borrow_mut(), self.now());
        self.stacks.send_all(|from, packet| network.send(from, packet, now));
    }

    /// Drops all tasks and timers.
    pub(crate) fn tear_down(&self) {
        self.over.set(true);
        self.executor.clear();
        self.timers.borrow_mut().clear();
    }
}
