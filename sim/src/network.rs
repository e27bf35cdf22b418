//! The network between the hosts: packets on links, what is lost, and Linux TCP's answer to loss in time.
//!
//! The simulated socket stacks send each segment once. Whether it arrives is decided here, at the moment at
//! which it would: when the link is cut or the destination has no power then, it is lost, and
//! [`recovery`] plays the sender's retransmissions until one gets through or the sender gives up.

pub(crate) mod coalesce;
pub(crate) mod connection;
pub(crate) mod link;
mod listener;
mod orphans;
mod recovery;
mod stream;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use harness::rng;
use harness::time::SimTime;
use turmoil_net::{HostId, Packet, TcpFlags, TcpSegment, Transport};

use self::connection::{ConnectionKey, Failure};
use self::link::Link;
pub use self::link::LinkSpec;
pub use self::listener::TcpListener;
use self::orphans::Orphans;
use self::recovery::Recovery;
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
    /// A packet is at the end of its link. What was `recovered` may pass those that are held.
    Arrival { packet: Packet, from: HostIndex, to: Option<HostIndex>, sent: SimTime, recovered: bool },
    /// A packet that never was on a link: the model's own word to a socket stack.
    Word(Packet),
    /// A sender's retransmission timer ends.
    Retry { connection: ConnectionKey, sender: SocketAddr, token: u64 },
}

#[derive(Debug)]
struct Scheduled {
    key: EventKey,
    what: Happening,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// All hosts' places, all links, and what is under way on them.
#[derive(Debug)]
pub(crate) struct Network {
    seed: u64,
    wires: Vec<Wire>,
    by_address: BTreeMap<IpAddr, HostIndex>,
    /// Row: from; column: to.
    links: Vec<Link>,
    events: BinaryHeap<Reverse<Scheduled>>,
    recovery: Recovery,
    orphans: Orphans,
    failures: BTreeMap<(SocketAddr, SocketAddr), Failure>,
}

impl Network {
    pub(crate) fn new(seed: u64, default_link: LinkSpec, hosts: Vec<(IpAddr, HostId)>) -> Self {
        let count = hosts.len();
        let wires: Vec<Wire> = hosts
            .into_iter()
            .map(|(address, stack)| Wire { address, stack, powered: true, boot: 0 })
            .collect();
        let by_address =
            wires.iter().enumerate().map(|(index, wire)| (wire.address, HostIndex(index))).collect();
        Self {
            seed,
            wires,
            by_address,
            links: (0..count * count).map(|_| Link::new(default_link)).collect(),
            events: BinaryHeap::new(),
            recovery: Recovery::default(),
            orphans: Orphans::default(),
            failures: BTreeMap::new(),
        }
    }

    pub(crate) fn host_at(&self, address: IpAddr) -> Option<HostIndex> {
        self.by_address.get(&address).copied()
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
        self.events.peek().map(|Reverse(scheduled)| scheduled.key)
    }

    /// A socket stack sent a packet.
    pub(crate) fn send(&mut self, packet: Packet, now: SimTime, mut sequence: impl FnMut() -> u64) {
        let Some(from) = self.host_at(packet.src) else { return };
        if self.wires[from.0].powered {
            self.put_on_link(packet, from, now, false, &mut sequence);
        }
    }

    fn put_on_link(
        &mut self,
        packet: Packet,
        from: HostIndex,
        now: SimTime,
        recovered: bool,
        sequence: &mut dyn FnMut() -> u64,
    ) {
        let to = self.host_at(packet.dst);
        let arrival = match to {
            Some(to) => {
                let (seed, size) = (self.seed, packet.size());
                self.link_mut(from, to)
                    .arrival(now, size, || rng::stream(seed, &format!("link {} to {}", from.0, to.0)))
            }
            // Nobody has this address: the packet is lost somewhere on the way.
            None => now,
        };
        self.schedule(arrival, Happening::Arrival { packet, from, to, sent: now, recovered }, sequence);
    }

    fn schedule(&mut self, at: SimTime, what: Happening, sequence: &mut dyn FnMut() -> u64) {
        self.events.push(Reverse(Scheduled { key: (at, sequence()), what }));
    }

    /// Lets the next thing happen. Gives the packet that a socket stack receives by it, if one does.
    pub(crate) fn step(&mut self, now: SimTime, mut sequence: impl FnMut() -> u64) -> Option<Packet> {
        let sequence: &mut dyn FnMut() -> u64 = &mut sequence;
        let Reverse(scheduled) = self.events.pop()?;
        self.purge_orphans(now, sequence);
        match scheduled.what {
            Happening::Word(packet) => Some(packet),
            Happening::Arrival { packet, from, to, sent, recovered } => {
                let open = to.is_some_and(|to| self.wires[to.0].powered && !self.link(from, to).is_cut());
                if open {
                    return self.arrive(packet, recovered, now, sequence);
                }
                self.lose(packet, sent, now, sequence);
                None
            }
            Happening::Retry { connection, sender, token } => {
                self.retry(connection, sender, token, now, sequence);
                None
            }
        }
    }

    fn arrive(
        &mut self,
        packet: Packet,
        recovered: bool,
        now: SimTime,
        sequence: &mut dyn FnMut() -> u64,
    ) -> Option<Packet> {
        let Transport::Tcp(segment) = &packet.payload else { return Some(packet) };
        let (from, to) = ends(&packet, segment);
        if !self.recovery.is_empty() {
            if !recovered && self.recovery.holds(from, to) {
                self.recovery.hold(from, to, packet);
                return None;
            }
            if segment.flags.rst {
                self.recovery.forget(from, to);
            } else if segment.flags.ack {
                self.recovery.heard(to, from);
            }
        }
        if self.orphans.answers_with_reset(from, to, segment) {
            let resets = [reset(to, from), reset(from, to)];
            let [to_sender, to_orphan] = resets;
            self.schedule(now, Happening::Word(to_orphan), sequence);
            if let Some(host) = self.host_at(to.ip()) {
                self.put_on_link(to_sender, host, now, true, sequence);
            }
            return None;
        }
        Some(packet)
    }

    fn purge_orphans(&mut self, now: SimTime, sequence: &mut dyn FnMut() -> u64) {
        while let Some((local, peer)) = self.orphans.expired(now) {
            self.schedule(now, Happening::Word(reset(peer, local)), sequence);
        }
    }

    /// The process that owned a connection's end is gone, or has closed it; the peer may still send, or has said
    /// that it does not.
    pub(crate) fn let_go(&mut self, local: SocketAddr, peer: SocketAddr, more_may_come: bool, now: SimTime) {
        self.failures.remove(&(local, peer));
        if more_may_come {
            self.orphans.add(local, peer, now);
        }
    }

    /// A connection has an owner.
    pub(crate) fn adopt(&mut self, local: SocketAddr, peer: SocketAddr) {
        self.orphans.remove(local, peer);
    }

    /// Why the model ended a connection that the stack reports as reset, if it did.
    pub(crate) fn failure(&mut self, local: SocketAddr, peer: SocketAddr) -> Option<Failure> {
        self.failures.get(&(local, peer)).copied()
    }

    /// Why the model ended a connect from `local` to `peer`, whose port nobody has seen.
    pub(crate) fn connect_failure(&mut self, local: IpAddr, peer: SocketAddr) -> Option<Failure> {
        let key = self.failures.keys().find(|(from, to)| from.ip() == local && *to == peer).copied()?;
        self.failures.remove(&key)
    }
}

/// Both ends of a TCP packet: its source and its destination.
fn ends(packet: &Packet, segment: &TcpSegment) -> (SocketAddr, SocketAddr) {
    (SocketAddr::new(packet.src, segment.src_port), SocketAddr::new(packet.dst, segment.dst_port))
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
