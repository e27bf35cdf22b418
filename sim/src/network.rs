//! The network between the hosts: packets on links, what is lost, and Linux TCP's answer to loss in time.
//!
//! The simulated socket stacks send each segment once. Whether it arrives is decided here, at the moment at
//! which it would: when the link is cut or the destination has no power then, it is lost, and
//! `recovery` plays both kernels' parts until it has arrived or the sender gives up.

mod addresses;
mod agenda;
pub(crate) mod coalesce;
pub(crate) mod connection;
pub(crate) mod link;
mod listener;
mod orphans;
mod recovery;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use harness::rng;
use harness::time::SimTime;
use turmoil_net::{HostId, Packet, TcpFlags, TcpSegment, Transport};

use self::addresses::Addresses;
use self::agenda::Agenda;
use self::connection::{Connection, Failure};
use self::link::Link;
pub use self::link::LinkSpec;
pub use self::listener::TcpListener;
use self::orphans::Orphans;
use self::recovery::{Flow, Recovery, Timer};
pub use self::settings::TcpSettings;
pub use self::stream::TcpStream;
use crate::engine::EventKey;

/// A host's place in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostIndex(pub(crate) usize);

/// What the network knows of a host.
#[derive(Debug)]
struct Wire {
    address: IpAddr,
    stack: HostId,
    powered: bool,
    boot: u32,
}

#[derive(Debug)]
enum Happening {
    /// A packet is at the end of its link; one that was sent `again` repeats what was lost.
    Arrival { packet: Packet, sent: SimTime, again: bool },
    /// A kernel ends a connection by itself: `local`'s end of the one with `peer`.
    End { local: SocketAddr, peer: SocketAddr, why: Failure },
    /// A timer of a sender.
    Timer(Flow, Timer),
}

/// All hosts' places, all links, and what is under way on them.
#[derive(Debug)]
pub(crate) struct Network {
    seed: u64,
    pub(crate) tcp: TcpSettings,
    wires: Vec<Wire>,
    addresses: Addresses,
    /// Row: from; column: to.
    links: Vec<Link>,
    agenda: Agenda<Happening>,
    /// The next number in the order of events, which timers share.
    sequence: Rc<Cell<u64>>,
    recovery: Recovery,
    orphans: Orphans,
    /// Ends that have an owner, by local address and peer.
    connections: BTreeMap<(SocketAddr, SocketAddr), Rc<Connection>>,
    /// Those of them that are broken.
    broken: BTreeSet<(SocketAddr, SocketAddr)>,
    /// Why the model ended connects, until they are told.
    failed_connects: BTreeMap<(SocketAddr, SocketAddr), Failure>,
}

impl Network {
    pub(crate) fn new(
        seed: u64,
        default_link: LinkSpec,
        hosts: Vec<(IpAddr, HostId)>,
        sequence: Rc<Cell<u64>>,
    ) -> Self {
        let count = hosts.len();
        let wires: Vec<Wire> = hosts
            .into_iter()
            .map(|(address, stack)| Wire { address, stack, powered: true, boot: 0 })
            .collect();
        Self {
            seed,
            tcp: TcpSettings::default(),
            addresses: Addresses::new(wires.iter().map(|wire| wire.address)),
            wires,
            links: (0..count * count).map(|_| Link::new(default_link)).collect(),
            agenda: Agenda::default(),
            sequence,
            recovery: Recovery::default(),
            orphans: Orphans::default(),
            connections: BTreeMap::new(),
            broken: BTreeSet::new(),
            failed_connects: BTreeMap::new(),
        }
    }

    fn host_at(&self, address: IpAddr) -> Option<HostIndex> {
        self.addresses.find(address)
    }

    pub(crate) fn stack(&self, host: HostIndex) -> HostId {
        self.wires[host.0].stack
    }

    pub(crate) fn is_powered(&self, host: HostIndex) -> bool {
        self.wires[host.0].powered
    }

    pub(crate) fn link_mut(&mut self, from: HostIndex, to: HostIndex) -> &mut Link {
        let count = self.wires.len();
        &mut self.links[from.0 * count + to.0]
    }

    fn link(&self, from: HostIndex, to: HostIndex) -> &Link {
        &self.links[from.0 * self.wires.len() + to.0]
    }

    /// Whether a packet that arrives now from one address at another gets through.
    fn is_open(&self, from: IpAddr, to: IpAddr) -> bool {
        match (self.host_at(from), self.host_at(to)) {
            (Some(from), Some(to)) => self.wires[to.0].powered && !self.link(from, to).is_cut(),
            _ => false,
        }
    }

    fn latency(&self, from: IpAddr, to: IpAddr) -> Duration {
        match (self.host_at(from), self.host_at(to)) {
            (Some(from), Some(to)) => self.link(from, to).spec.latency,
            _ => Duration::ZERO,
        }
    }

    fn round_trip(&self, flow: Flow) -> Duration {
        self.latency(flow.from.ip(), flow.to.ip()) + self.latency(flow.to.ip(), flow.from.ip())
    }

    fn boot_of(&self, address: IpAddr) -> u32 {
        self.host_at(address).map_or(0, |host| self.wires[host.0].boot)
    }

    /// A machine loses power: it sends nothing more, and has forgotten everything.
    pub(crate) fn power_off(&mut self, host: HostIndex) {
        self.wires[host.0].powered = false;
        let address = self.wires[host.0].address;
        self.recovery.forget_host(address);
        self.orphans.forget_host(address);
    }

    /// A machine has power again, with a new kernel.
    pub(crate) fn power_on(&mut self, host: HostIndex) {
        let wire = &mut self.wires[host.0];
        wire.powered = true;
        wire.boot += 1;
    }

    pub(crate) fn boot(&self, host: HostIndex) -> u32 {
        self.wires[host.0].boot
    }

    /// The next thing that happens.
    pub(crate) fn next_event(&self) -> Option<EventKey> {
        self.agenda.next()
    }

    /// A socket stack sent a packet.
    pub(crate) fn send(&mut self, packet: Packet, now: SimTime) {
        let Some(from) = self.host_at(packet.src) else { return };
        if !self.wires[from.0].powered {
            return;
        }
        if !self.recovery.is_empty()
            && let Transport::Tcp(segment) = &packet.payload
        {
            self.recovery.note_sent(Flow::of(&packet, segment), &packet, segment);
        }
        self.put_on_link(packet, false, now);
    }

    fn put_on_link(&mut self, packet: Packet, again: bool, now: SimTime) {
        let at = self.arrival(packet.src, packet.dst, packet.size(), now);
        self.schedule(at, Happening::Arrival { packet, sent: now, again });
    }

    /// When a packet of so many bytes that is sent now arrives.
    fn arrival(&mut self, from: IpAddr, to: IpAddr, bytes: u32, now: SimTime) -> SimTime {
        let seed = self.seed;
        match (self.host_at(from), self.host_at(to)) {
            (Some(from), Some(to)) => {
                let stream = || rng::stream(seed, &format!("link {} to {}", from.0, to.0));
                self.link_mut(from, to).arrival(now, bytes, stream)
            }
            // Nobody has this address: the packet is lost somewhere on the way.
            _ => now,
        }
    }

    fn schedule(&mut self, at: SimTime, what: Happening) {
        let number = self.sequence.get();
        self.sequence.set(number + 1);
        self.agenda.push((at, number), what);
    }

    /// Lets the next thing happen. What socket stacks receive by it is added to `arrivals`, with the reason where
    /// it is a reset.
    pub(crate) fn step(&mut self, now: SimTime, arrivals: &mut Vec<Packet>) -> Option<Failure> {
        let happening = self.agenda.pop()?;
        self.forget_orphans(now);
        match happening {
            Happening::Arrival { packet, sent, again } => {
                if self.is_open(packet.src, packet.dst) {
                    self.arrive(packet, again, now, arrivals);
                } else {
                    self.lose(packet, again, sent, now);
                }
            }
            Happening::End { local, peer, why } => {
                arrivals.push(reset(peer, local));
                return Some(why);
            }
            Happening::Timer(flow, timer) => self.timer(flow, timer, now, arrivals),
        }
        None
    }

    fn arrive(&mut self, packet: Packet, again: bool, now: SimTime, arrivals: &mut Vec<Packet>) {
        if self.recovery.is_empty() && self.orphans.is_empty() && self.broken.is_empty() {
            return arrivals.push(packet);
        }
        let Transport::Tcp(segment) = &packet.payload else { return arrivals.push(packet) };
        let flow = Flow::of(&packet, segment);
        if self.orphans.answers_with_reset(flow, segment) {
            self.end(flow.to, flow.from, Failure::Reset, now);
            self.put_on_link(reset(flow.to, flow.from), false, now);
        } else if self.broken.contains(&(flow.to, flow.from)) {
            // The owner holds what is left of a connection that the kernel does not know any more.
            if !segment.flags.rst {
                self.put_on_link(reset(flow.to, flow.from), false, now);
            }
        } else {
            self.arrive_unsettled(packet, again, now, arrivals);
        }
    }

    fn forget_orphans(&mut self, now: SimTime) {
        while let Some((local, peer)) = self.orphans.expired(now) {
            self.end(local, peer, Failure::Reset, now);
        }
    }

    /// The kernel of `local` ends its connection with `peer` by itself, without a word to it.
    fn end(&mut self, local: SocketAddr, peer: SocketAddr, why: Failure, now: SimTime) {
        if why != Failure::Reset && !self.connections.contains_key(&(local, peer)) {
            self.failed_connects.insert((local, peer), why);
        }
        self.schedule(now, Happening::End { local, peer, why });
    }

    /// A connection has an owner.
    pub(crate) fn adopt(&mut self, local: SocketAddr, peer: SocketAddr, connection: &Rc<Connection>) {
        self.orphans.remove(local, peer);
        self.connections.insert((local, peer), Rc::clone(connection));
    }

    /// The process that owned a connection's end is gone, or has closed it; the peer may still send, or has said
    /// that it does not.
    pub(crate) fn let_go(&mut self, local: SocketAddr, peer: SocketAddr, more_may_come: bool, now: SimTime) {
        self.connections.remove(&(local, peer));
        if !self.broken.is_empty() {
            self.broken.remove(&(local, peer));
        }
        if more_may_come {
            self.orphans.add(local, peer, now);
        }
    }

    /// A connection breaks by a reset that is about to be received: who owns it, and on which stack.
    pub(crate) fn break_off(&mut self, packet: &Packet) -> Option<(HostId, Rc<Connection>)> {
        let Transport::Tcp(segment) = &packet.payload else { return None };
        let Flow { from: peer, to: local } = Flow::of(packet, segment);
        let connection = self.connections.get(&(local, peer))?;
        self.broken.insert((local, peer));
        Some((self.stack(self.host_at(local.ip())?), Rc::clone(connection)))
    }

    /// Why the model ended a connect from `local` to `peer`, whose port nobody has seen.
    pub(crate) fn connect_failure(&mut self, local: IpAddr, peer: SocketAddr) -> Option<Failure> {
        let key =
            self.failed_connects.keys().find(|(from, to)| from.ip() == local && *to == peer).copied()?;
        self.failed_connects.remove(&key)
    }
}

/// A reset from one end to the other.
pub(crate) fn reset(from: SocketAddr, to: SocketAddr) -> Packet {
    Packet {
        src: from.ip(),
        dst: to.ip(),
        ttl: 64,
        payload: Transport::Tcp(TcpSegment {
            src_port: from.port(),
            dst_port: to.port(),
            seq: 0,
            ack: 0,
            flags: TcpFlags { rst: true, ..TcpFlags::default() },
            window: 0,
            payload: bytes::Bytes::new(),
        }),
    }
}
