//! The network between the hosts: packets on links, what is lost, and Linux TCP's answer to loss in time.
//!
//! The socket stacks (`stack`) send each segment once. Whether it arrives is decided here, at the moment at
//! which it would: when the link is cut or the destination has no power then, it is lost, and
//! `recovery` plays both kernels' parts until it has arrived or the sender gives up.

mod abort;
mod addresses;
mod agenda;
mod arrival;
mod census;
mod delay;
pub(crate) mod failure;
mod firewall;
mod flap;
mod freeze;
pub(crate) mod link;
mod listener;
mod recovery;
mod settings;
pub(crate) mod stack;
mod stream;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use harness::rng;
use harness::time::SimTime;
use harness::trace::NodeName;
use harness::trace::uses::{Use, Uses};
use turmoil_net::{Packet, TcpFlags, TcpSegment, Transport};

use self::addresses::Addresses;
use self::agenda::Agenda;
pub use self::census::Census;
use self::census::Ledger;
pub use self::delay::JitterShape;
use self::failure::Failure;
use self::firewall::Firewall;
pub use self::firewall::{FirewallAction, FirewallRule};
pub use self::flap::Flap;
use self::link::Link;
pub use self::link::LinkSpec;
pub use self::listener::TcpListener;
use self::recovery::{Flow, Recovery, Timer};
pub use self::settings::TcpSettings;
use self::stack::{Parcel, SocketId, Stacks, Standing};
pub use self::stream::TcpStream;
use crate::engine::EventKey;

/// A host's place in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostIndex(u32);

impl HostIndex {
    pub(crate) fn new(place: usize) -> Self {
        Self(u32::try_from(place).expect("a network has fewer hosts than addresses"))
    }

    fn place(self) -> usize {
        self.0 as usize
    }
}

/// What the network knows of a host.
#[derive(Debug)]
struct Wire {
    address: IpAddr,
    powered: bool,
    /// Since when it stands still, if it does.
    frozen_since: Option<SimTime>,
    boot: u32,
    firewall: Firewall,
}

/// Who sends and who is sent to.
type Hosts = (HostIndex, HostIndex);

/// A packet on a link.
#[derive(Debug)]
struct Travelling {
    packet: Parcel,
    hosts: Option<Hosts>,
    sent: SimTime,
    /// Whether it repeats what was lost.
    again: bool,
}

#[derive(Debug)]
enum Happening {
    /// A packet is at the end of its link.
    Arrival(Travelling),
    /// A packet found the queue of its link full.
    Overflow(Travelling),
    /// An ICMP message for the sender of a flow arrives: what it sends is refused.
    Refusal(Flow, Failure),
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
    stacks: Rc<Stacks>,
    /// Ends whose program has closed them while their peers may still send, and when the kernel forgets them.
    orphans: VecDeque<(SimTime, HostIndex, SocketId)>,
    ledger: Ledger,
    /// Who wants to be told what links carry and what arrives where, and the hosts' names.
    uses: Option<(Uses, Vec<NodeName>)>,
}

/// `net.ipv4.tcp_fin_timeout`: how long an end that its program has closed waits for the peer's (tcp(7)).
const FIN_TIMEOUT: Duration = Duration::from_secs(60);

impl Network {
    pub(crate) fn new(
        seed: u64,
        default_link: LinkSpec,
        addresses: &[IpAddr],
        stacks: Rc<Stacks>,
        sequence: Rc<Cell<u64>>,
    ) -> Self {
        let count = addresses.len();
        let wire = |&address| Wire {
            address,
            powered: true,
            frozen_since: None,
            boot: 0,
            firewall: Firewall::default(),
        };
        let wires: Vec<Wire> = addresses.iter().map(wire).collect();
        Self {
            seed,
            tcp: TcpSettings::default(),
            addresses: Addresses::new(wires.iter().map(|wire| wire.address)),
            wires,
            links: (0..count * count).map(|_| Link::new(default_link)).collect(),
            agenda: Agenda::default(),
            sequence,
            recovery: Recovery::default(),
            stacks,
            orphans: VecDeque::new(),
            ledger: Ledger::default(),
            uses: None,
        }
    }

    /// Tells from now on what links carry and what arrives where, by these names of the hosts.
    pub(crate) fn tell_uses(&mut self, uses: Uses, names: Vec<NodeName>) {
        self.uses = Some((uses, names));
    }

    /// Something is put on a link, or is at its end.
    fn note_use(&self, hosts: Option<Hosts>, now: SimTime) {
        if let (Some((uses, names)), Some((from, to))) = (&self.uses, hosts) {
            uses.note(Use::link(&names[from.place()], &names[to.place()]), now);
        }
    }

    /// A packet is at its host.
    fn note_arrival(&self, packet: &Packet, hosts: Option<Hosts>, now: SimTime) {
        if let (Some((uses, names)), Some((_, to))) = (&self.uses, hosts)
            && let Transport::Tcp(segment) = &packet.payload
        {
            uses.note(Use::Arrival(names[to.place()].clone(), segment.dst_port), now);
        }
    }

    /// How many packets there were so far.
    pub(crate) fn census(&self) -> Census {
        self.ledger.census
    }

    /// A host's packet filter.
    pub(crate) fn firewall_mut(&mut self, host: HostIndex) -> &mut Firewall {
        &mut self.wires[host.place()].firewall
    }

    pub(crate) fn host_at(&self, address: IpAddr) -> Option<HostIndex> {
        self.addresses.find(address)
    }

    pub(crate) fn is_powered(&self, host: HostIndex) -> bool {
        self.wires[host.place()].powered
    }

    pub(crate) fn link_mut(&mut self, from: HostIndex, to: HostIndex) -> &mut Link {
        let count = self.wires.len();
        &mut self.links[from.place() * count + to.place()]
    }

    fn link(&self, from: HostIndex, to: HostIndex) -> &Link {
        &self.links[from.place() * self.wires.len() + to.place()]
    }

    /// Whether a machine takes what arrives at it.
    fn hears(&self, host: HostIndex) -> bool {
        let wire = &self.wires[host.place()];
        wire.powered && wire.frozen_since.is_none()
    }

    /// The hosts of a packet's addresses, if there are such.
    fn hosts_at(&self, from: IpAddr, to: IpAddr) -> Option<Hosts> {
        Some((self.host_at(from)?, self.host_at(to)?))
    }

    /// Whether a packet that arrives now from one address at another gets through.
    fn is_open(&mut self, from: IpAddr, to: IpAddr, now: SimTime) -> bool {
        self.hosts_at(from, to).is_some_and(|hosts| self.is_open_between(hosts, now))
    }

    fn is_open_between(&mut self, (from, to): Hosts, now: SimTime) -> bool {
        let (hears, seed) = (self.hears(to), self.seed);
        let link = self.link_mut(from, to);
        hears && !link.is_cut(now) && !link.loses(|concern| stream(seed, from, to, concern))
    }

    /// Whether this packet is the one with data that a test wants to be lost.
    fn is_doomed(&mut self, packet: &Packet, (from, to): Hosts) -> bool {
        match &packet.payload {
            Transport::Tcp(segment) if !segment.payload.is_empty() => self.link_mut(from, to).is_doomed(),
            _ => false,
        }
    }

    fn latency(&self, from: IpAddr, to: IpAddr) -> Duration {
        match (self.host_at(from), self.host_at(to)) {
            (Some(from), Some(to)) => self.link(from, to).spec().latency,
            _ => Duration::ZERO,
        }
    }

    fn round_trip(&self, flow: Flow) -> Duration {
        self.latency(flow.from.ip(), flow.to.ip()) + self.latency(flow.to.ip(), flow.from.ip())
    }

    fn boot_of(&self, address: IpAddr) -> u32 {
        self.host_at(address).map_or(0, |host| self.wires[host.place()].boot)
    }

    /// A machine loses power: it sends nothing more, and has forgotten everything.
    pub(crate) fn power_off(&mut self, host: HostIndex) {
        self.wires[host.place()].powered = false;
        self.wires[host.place()].frozen_since = None;
        let address = self.wires[host.place()].address;
        self.recovery.forget_host(address);
    }

    /// A machine has power again, with a new kernel.
    pub(crate) fn power_on(&mut self, host: HostIndex) {
        let wire = &mut self.wires[host.place()];
        wire.powered = true;
        wire.boot += 1;
    }

    pub(crate) fn boot(&self, host: HostIndex) -> u32 {
        self.wires[host.place()].boot
    }

    /// The next thing that happens.
    pub(crate) fn next_event(&self) -> Option<EventKey> {
        self.agenda.next()
    }

    /// A host's socket stack sent a packet.
    #[inline]
    pub(crate) fn send(&mut self, from: HostIndex, packet: Parcel, now: SimTime) {
        if !self.wires[from.place()].powered {
            return;
        }
        self.ledger.sent(&packet);
        if !self.recovery.is_empty()
            && let Transport::Tcp(segment) = &packet.payload
        {
            self.recovery.note_sent(Flow::of(&packet, segment), &packet, segment);
        }
        let hosts = self.host_at(packet.dst).map(|to| (from, to));
        self.put_on_link(packet, hosts, false, now);
    }

    #[inline]
    fn put_on_link(&mut self, packet: Parcel, hosts: Option<Hosts>, again: bool, now: SimTime) {
        self.ledger.census.under_way += 1;
        let arrival = self.arrival(hosts, packet.size(), now);
        let travelling = Travelling { packet, hosts, sent: now, again };
        match arrival {
            Some(at) => self.schedule(at, Happening::Arrival(travelling)),
            None => self.schedule(now, Happening::Overflow(travelling)),
        }
    }

    /// As [`Network::put_on_link`], for what no socket stack has sent.
    fn add_to_link(&mut self, packet: Packet, again: bool, now: SimTime) {
        self.ledger.census.added += 1;
        let hosts = self.hosts_at(packet.src, packet.dst);
        self.put_on_link(Box::new(packet), hosts, again, now);
    }

    /// When a packet of so many bytes that is sent now arrives; none when it finds its link's queue full.
    fn arrival(&mut self, hosts: Option<Hosts>, bytes: u32, now: SimTime) -> Option<SimTime> {
        self.note_use(hosts, now);
        let seed = self.seed;
        match hosts {
            Some((from, to)) => {
                self.link_mut(from, to).arrival(now, bytes, |concern| stream(seed, from, to, concern))
            }
            // Nobody has this address: the packet is lost somewhere on the way.
            None => Some(now),
        }
    }

    #[inline]
    fn schedule(&mut self, at: SimTime, what: Happening) {
        let key = self.next_key(at);
        self.agenda.push(key, what);
    }

    fn set_timer(&mut self, at: SimTime, flow: Flow, timer: Timer) {
        let key = self.next_key(at);
        self.agenda.push_aside(key, Happening::Timer(flow, timer));
    }

    fn next_key(&self, at: SimTime) -> EventKey {
        let number = self.sequence.get();
        self.sequence.set(number + 1);
        (at, number)
    }

    /// An end was closed by its program, and its peer may still send.
    pub(crate) fn note_orphan(&mut self, host: HostIndex, socket: SocketId, now: SimTime) {
        self.orphans.push_back((now + FIN_TIMEOUT, host, socket));
    }

    fn forget_orphans(&mut self, now: SimTime) {
        while let Some(&(_, host, socket)) = self.orphans.front().filter(|(until, ..)| *until <= now) {
            self.orphans.pop_front();
            self.stacks.forget_orphan(host, socket);
        }
    }

    /// The kernel of `local` ends its connection with `peer` by itself, without a word to it.
    fn end(&mut self, local: SocketAddr, peer: SocketAddr, why: Failure, now: SimTime) {
        self.schedule(now, Happening::End { local, peer, why });
    }

    /// How the sender of a flow stands.
    fn standing(&self, flow: Flow) -> Option<Standing> {
        self.stacks.standing(self.host_at(flow.from.ip())?, flow.from, flow.to)
    }
}

/// The random stream of one direction between two hosts, of a concern.
fn stream(seed: u64, from: HostIndex, to: HostIndex, concern: &str) -> rand_chacha::ChaCha8Rng {
    rng::stream(seed, &format!("link {} to {}{concern}", from.place(), to.place()))
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
