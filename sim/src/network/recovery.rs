//! What Linux TCP does about lost segments, in time.
//!
//! The socket stacks send each segment once and take segments in order only. When one is lost, this module plays
//! both kernels' parts from there on: the sender's retransmission timer, and the addressee's queue of segments
//! that came out of order.
//!
//! - *Data.* The first timer, the tail loss probe, ends after the retransmission timeout (RTO, 200 ms and the round
//!   trip); then the RTO counts, and doubles each time, up to 120 s. Each time the first lost segment is sent
//!   again; when that is acknowledged, the rest, and the wait is the RTO again. When that has gone on for as long as `tcp_retries2` + 1 timers
//!   that begin with 200 ms (924.6 s with the default of 15), the connection is given up with ETIMEDOUT.
//! - *Handshake.* A SYN is repeated after 1, 3, 7, 15, 31 and 63 s and given up after 127 s (`tcp_syn_retries` = 6),
//!   or with `tcp_syn_linear_timeouts` every second at first.
//! - *Fast retransmission.* When a segment arrives behind a lost one before any timeout, the lost one is sent again
//!   after the acknowledgement's way back: Linux goes by time (RACK), and links keep the order.
//! - *Lost acknowledgements.* Their addressee still has data outstanding, sends it again, and the peer repeats what
//!   it last acknowledged. A window update that is lost is asked for in the same way (Linux's zero window probes).
//!
//! Sources: tcp(7), Documentation/networking/ip-sysctl.rst, RFC 6298, RFC 8985; pinned by
//! `tests/tests/kernel_fidelity.rs`.

mod lost;
mod timer;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::failure::Failure;
use harness::time::SimTime;
use turmoil_net::{Packet, TcpSegment, Transport};

pub(super) use self::timer::Timer;

/// The first wait of an established connection, without the round trip (`TCP_RTO_MIN`).
const RTO_MIN: Duration = Duration::from_millis(200);
/// The longest wait (`TCP_RTO_MAX`).
const RTO_MAX: Duration = Duration::from_secs(120);
/// The first wait of a SYN (`TCP_TIMEOUT_INIT`).
const SYN_TIMEOUT: Duration = Duration::from_secs(1);
/// So many segments behind a lost one prove it lost: one that was sent later (RFC 8985). For those that were sent in
/// the same moment Linux waits for three, or a quarter of the round trip, which is left out.
const DUPLICATES: usize = 1;

/// One direction of a connection: who sends, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

impl Flow {
    /// The flow of a TCP packet.
    pub(super) fn of(packet: &Packet, segment: &TcpSegment) -> Self {
        Self {
            from: SocketAddr::new(packet.src, segment.src_port),
            to: SocketAddr::new(packet.dst, segment.dst_port),
        }
    }

    /// The other direction.
    pub(super) fn back(self) -> Self {
        Self { from: self.to, to: self.from }
    }

    fn touches(self, address: IpAddr) -> bool {
        self.from.ip() == address || self.to.ip() == address
    }
}

/// A flow whose sender does not know everything to have arrived, because something was lost.
#[derive(Debug)]
struct Unsettled {
    /// Segments that the sender has to send again, by their places in the stream.
    lost: VecDeque<Packet>,
    /// Segments that were sent again and are on their way.
    under_way: u32,
    /// The place in the stream that the peer's stack waits for, once something before it was lost.
    expected: Option<u32>,
    /// Segments behind it that have arrived, by their places.
    waiting: VecDeque<Packet>,
    /// What the peer last acknowledged, without data.
    latest: Option<Packet>,
    /// The number of the SYN that was answered in vain, during a handshake.
    opening: Option<u32>,
    /// Whether this is about the handshake.
    handshake: bool,
    /// Whether the tail loss probe was sent.
    probed: bool,
    /// Whether the present hole was retransmitted fast.
    hurried: bool,
    /// Since when it repeats: a handshake from its first segment on, data from the probe on.
    repeating_since: Option<SimTime>,
    /// Timeouts, without the probe.
    timeouts: u32,
    wait: Duration,
    /// Which timer is the current one.
    token: u64,
    /// When it ends.
    due: SimTime,
    /// How far the peer has acknowledged since something was lost.
    acknowledged: Option<u32>,
    /// What a firewall said of the sender's packets: told instead of a time-out.
    refused: Option<Failure>,
    peer_boot: u32,
}

impl Unsettled {
    fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.waiting.is_empty() && self.under_way == 0
    }
}

/// All flows on which something was lost.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    flows: BTreeMap<Flow, Unsettled>,
    next_token: u64,
}

impl Recovery {
    pub(super) fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Whether something was lost on this segment's connection, either way.
    pub(super) fn concerns(&self, packet: &Packet, segment: &TcpSegment) -> bool {
        !self.is_empty() && {
            let flow = Flow::of(packet, segment);
            self.flows.contains_key(&flow) || self.flows.contains_key(&flow.back())
        }
    }

    /// The connection is over, or begins anew.
    pub(super) fn forget(&mut self, flow: Flow) {
        self.flows.remove(&flow);
        self.flows.remove(&flow.back());
    }

    /// A machine has forgotten all that it wanted to send, and all that came out of order.
    pub(super) fn forget_host(&mut self, address: IpAddr) {
        self.flows.retain(|flow, _| flow.from.ip() != address);
        for (_, unsettled) in self.flows.iter_mut().filter(|(flow, _)| flow.touches(address)) {
            unsettled.waiting.clear();
        }
    }

    /// A host sends: what it acknowledges with this is the latest.
    pub(super) fn note_sent(&mut self, flow: Flow, packet: &Packet, segment: &TcpSegment) {
        if segment.flags.syn && !segment.flags.ack {
            // The stacks repeat nothing: this is a new connection.
            self.forget(flow);
        } else if segment.flags.ack
            && let Some(unsettled) = self.flows.get_mut(&flow.back())
            && unsettled.latest.is_some()
        {
            unsettled.latest = Some(acknowledgement_of(packet));
        }
    }

    /// The sender of a connection has forgotten what it wanted to send.
    pub(super) fn forget_sender(&mut self, local: SocketAddr, peer: SocketAddr) {
        self.flows.remove(&Flow { from: local, to: peer });
    }

    /// A firewall refuses what a flow's sender sends. Whether that ends it at once: it ends a connect, and is
    /// only remembered on a connection that stands (RFC 1122, 4.2.3.9).
    pub(super) fn hear_refusal(&mut self, flow: Flow, why: Failure) -> bool {
        let Some(unsettled) = self.flows.get_mut(&flow) else { return false };
        unsettled.refused = Some(why);
        unsettled.handshake
    }

    /// A machine goes on after it has stood still for so long. New timers for all flows that it sends on: their
    /// numbers, and when the old ones would have ended.
    pub(super) fn restart_timers(&mut self, address: IpAddr, stood: Duration) -> Vec<(Flow, u64, SimTime)> {
        let mut restarted = Vec::new();
        for (flow, unsettled) in self.flows.iter_mut().filter(|(flow, _)| flow.from.ip() == address) {
            self.next_token += 1;
            unsettled.token = self.next_token;
            if let Some(since) = &mut unsettled.repeating_since {
                *since += stood;
            }
            restarted.push((*flow, unsettled.token, unsettled.due));
        }
        restarted
    }

    /// The timer of a flow ends at another moment than was thought.
    pub(super) fn note_due(&mut self, flow: Flow, due: SimTime) {
        if let Some(unsettled) = self.flows.get_mut(&flow) {
            unsettled.due = due;
        }
    }

    /// The flow's sender has got an acknowledgement.
    fn heard(&mut self, flow: Flow) {
        if self.flows.get(&flow).is_some_and(Unsettled::is_whole) {
            self.flows.remove(&flow);
        }
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }
}

/// Whether a segment has a place in the stream.
fn carries(segment: &TcpSegment) -> bool {
    !segment.payload.is_empty() || segment.flags.fin || (segment.flags.syn && !segment.flags.ack)
}

/// The place right behind a segment.
fn end_of(segment: &TcpSegment) -> u32 {
    let flags = segment.flags;
    segment.seq.wrapping_add(segment.payload.len() as u32 + u32::from(flags.fin) + u32::from(flags.syn))
}

/// How far `place` is behind `reference` in the stream; negative when before it.
fn distance(place: u32, reference: u32) -> i32 {
    place.wrapping_sub(reference) as i32
}

fn segment_of(packet: &Packet) -> Option<&TcpSegment> {
    match &packet.payload {
        Transport::Tcp(segment) => Some(segment),
        Transport::Udp(_) => None,
    }
}

/// Puts a segment where it belongs among others. One that is there already is not put twice.
fn put_in_place(packets: &mut VecDeque<Packet>, packet: Packet) {
    let Some(place) = segment_of(&packet).map(|segment| segment.seq) else { return };
    let place_of = |other: &Packet| segment_of(other).map_or(0, |segment| segment.seq);
    let after = packets.iter().rposition(|other| distance(place_of(other), place) <= 0);
    match after {
        Some(index) if place_of(&packets[index]) == place => {}
        Some(index) => packets.insert(index + 1, packet),
        None => packets.push_front(packet),
    }
}

/// What a packet acknowledges, without what it carries.
fn acknowledgement_of(packet: &Packet) -> Packet {
    let mut bare = packet.clone();
    if let Transport::Tcp(segment) = &mut bare.payload {
        segment.payload = bytes::Bytes::new();
        (segment.flags.fin, segment.flags.psh) = (false, false);
    }
    bare
}
