//! What Linux TCP does about lost segments, in time.
//!
//! A sender whose segment was lost keeps it and everything behind it, and sends again when its retransmission
//! timer ends: first after the retransmission timeout (RTO, 200 ms and the round trip), then after twice as
//! long, up to 120 s between two. The first that gets through brings all that was held. When the 16th timer
//! ends without an answer (`tcp_retries2` = 15), after 924.6 s at the least, the connection is given up with
//! ETIMEDOUT. A SYN is repeated after 1, 3, 7, 15, 31 and 63 s and given up after 127 s (`tcp_syn_retries` =
//! 6). A lost acknowledgement makes its addressee send again, and the answer to that carries it.
//! Sources: tcp(7), Documentation/networking/ip-sysctl.rst, RFC 6298.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use harness::time::SimTime;
use turmoil_net::{Packet, Transport};

use super::connection::{ConnectionKey, Failure};
use super::{Happening, Network, ends, reset};

/// The first wait of an established connection, without the round trip (`TCP_RTO_MIN`).
const RTO_MIN: Duration = Duration::from_millis(200);
/// The longest wait (`TCP_RTO_MAX`).
const RTO_MAX: Duration = Duration::from_secs(120);
/// The first wait of a SYN (`TCP_TIMEOUT_INIT`).
const SYN_TIMEOUT: Duration = Duration::from_secs(1);
/// `net.ipv4.tcp_retries2`.
const RETRIES: u32 = 15;
/// `net.ipv4.tcp_syn_retries`.
const SYN_RETRIES: u32 = 6;

/// What one sender of a connection has not got through, or does not know to have got through.
#[derive(Debug)]
struct Unsettled {
    /// Segments that the peer has not got, in order.
    held: VecDeque<Packet>,
    /// The peer's last answer, which the sender has not got.
    unheard: Option<Packet>,
    /// The peer got something, but the answer went down with its machine.
    unanswered: bool,
    /// Whether this is about the handshake.
    syn: bool,
    /// Timers that have ended.
    retries: u32,
    wait: Duration,
    /// Which timer is the current one.
    token: u64,
    peer_boot: u32,
}

/// All connections on which something was lost, by connection and sender.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    unsettled: BTreeMap<(ConnectionKey, SocketAddr), Unsettled>,
    next_token: u64,
}

impl Recovery {
    pub(crate) fn is_empty(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Whether segments of this sender wait, so that later ones must wait behind them.
    pub(crate) fn holds(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.get(from, to).is_some_and(|unsettled| !unsettled.held.is_empty())
    }

    pub(crate) fn hold(&mut self, from: SocketAddr, to: SocketAddr, packet: Packet) {
        let unsettled = self.unsettled.get_mut(&(ConnectionKey::of(from, to), from));
        unsettled.expect("only called when it holds").held.push_back(packet);
    }

    /// `sender` has got an answer from `peer`.
    pub(crate) fn heard(&mut self, sender: SocketAddr, peer: SocketAddr) {
        let key = (ConnectionKey::of(sender, peer), sender);
        if self.unsettled.get(&key).is_some_and(|unsettled| unsettled.held.is_empty()) {
            self.unsettled.remove(&key);
        }
    }

    /// The connection is over.
    pub(crate) fn forget(&mut self, one: SocketAddr, other: SocketAddr) {
        let connection = ConnectionKey::of(one, other);
        self.unsettled.remove(&(connection, one));
        self.unsettled.remove(&(connection, other));
    }

    /// A machine has forgotten all that it wanted to send; what it had answered is lost with it.
    pub(crate) fn forget_host(&mut self, address: IpAddr) {
        self.unsettled.retain(|(_, sender), _| sender.ip() != address);
        for ((connection, _), unsettled) in &mut self.unsettled {
            if connection.0.ip() == address || connection.1.ip() == address {
                unsettled.unanswered |= unsettled.unheard.take().is_some();
            }
        }
    }

    fn get(&self, from: SocketAddr, to: SocketAddr) -> Option<&Unsettled> {
        self.unsettled.get(&(ConnectionKey::of(from, to), from))
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }
}

impl Network {
    /// A packet was lost: its sender will send it again, or its addressee will ask for it.
    pub(super) fn lose(
        &mut self,
        packet: Packet,
        sent: SimTime,
        now: SimTime,
        sequence: &mut dyn FnMut() -> u64,
    ) {
        let Transport::Tcp(segment) = &packet.payload else { return };
        let (from, to) = ends(&packet, segment);
        let flags = segment.flags;
        if flags.rst {
            // Nobody repeats a reset; whoever sent it has forgotten the connection.
            self.recovery.unsettled.remove(&(ConnectionKey::of(from, to), from));
            return;
        }
        let answers_syn = flags.syn && flags.ack;
        let carries = !segment.payload.is_empty() || flags.fin || (flags.syn && !flags.ack);
        if carries || self.recovery.holds(from, to) {
            let syn = flags.syn;
            self.unsettle(from, to, sent, syn, now, sequence).held.push_back(packet);
        } else {
            let asked = sent + Duration::ZERO;
            self.unsettle(to, from, asked, answers_syn, now, sequence).unheard = Some(packet);
        }
    }

    /// The state of `sender`, with its timer running since `sent`.
    fn unsettle(
        &mut self,
        sender: SocketAddr,
        peer: SocketAddr,
        sent: SimTime,
        syn: bool,
        now: SimTime,
        sequence: &mut dyn FnMut() -> u64,
    ) -> &mut Unsettled {
        let key = (ConnectionKey::of(sender, peer), sender);
        if !self.recovery.unsettled.contains_key(&key) {
            let round_trip = self.latency(sender.ip(), peer.ip()) + self.latency(peer.ip(), sender.ip());
            let wait = if syn { SYN_TIMEOUT } else { RTO_MIN + round_trip };
            let token = self.recovery.token();
            let retry = Happening::Retry { connection: key.0, sender, token };
            self.schedule((sent + wait).max(now), retry, sequence);
            let unsettled = Unsettled {
                held: VecDeque::new(),
                unheard: None,
                unanswered: false,
                syn,
                retries: 0,
                wait,
                token,
                peer_boot: self.boot_of(peer.ip()),
            };
            self.recovery.unsettled.insert(key, unsettled);
        }
        self.recovery.unsettled.get_mut(&key).expect("just inserted")
    }

    /// A retransmission timer ends: send again what is held, or give up.
    pub(super) fn retry(
        &mut self,
        connection: ConnectionKey,
        sender: SocketAddr,
        token: u64,
        now: SimTime,
        sequence: &mut dyn FnMut() -> u64,
    ) {
        let peer = if connection.0 == sender { connection.1 } else { connection.0 };
        let key = (connection, sender);
        match self.recovery.unsettled.get(&key) {
            Some(unsettled) if unsettled.token == token => {}
            _ => return,
        }
        let (out, back) = (self.is_open(sender.ip(), peer.ip()), self.is_open(peer.ip(), sender.ip()));
        let mut unsettled = self.recovery.unsettled.remove(&key).expect("just seen");
        if unsettled.held.is_empty() && unsettled.unheard.is_none() && !unsettled.unanswered {
            return;
        }
        unsettled.retries += 1;
        let limit = if unsettled.syn { SYN_RETRIES } else { RETRIES };
        if unsettled.retries > limit {
            self.give_up(sender, peer, now, sequence);
            return;
        }
        if out {
            let round_trip = self.latency(sender.ip(), peer.ip()) + self.latency(peer.ip(), sender.ip());
            let rebooted = unsettled.peer_boot != self.boot_of(peer.ip());
            if unsettled.held.is_empty() && rebooted && !unsettled.syn {
                // The segment that is repeated meets a kernel that does not know the connection.
                if back {
                    self.schedule(now + round_trip, Happening::Word(reset(peer, sender)), sequence);
                    return;
                }
            } else {
                self.send_again(sender, peer, &mut unsettled, now, sequence);
                if back {
                    let peer_host = self.host_at(peer.ip());
                    if let (Some(from), Some(packet)) = (peer_host, unsettled.unheard.take()) {
                        let to = self.host_at(sender.ip());
                        let arrival = Happening::Arrival { packet, from, to, sent: now, recovered: true };
                        self.schedule(now + round_trip, arrival, sequence);
                    }
                }
            }
        }
        unsettled.wait = (unsettled.wait * 2).min(RTO_MAX);
        unsettled.token = self.recovery.token();
        let retry = Happening::Retry { connection, sender, token: unsettled.token };
        self.schedule(now + unsettled.wait, retry, sequence);
        self.recovery.unsettled.insert(key, unsettled);
    }

    fn send_again(
        &mut self,
        sender: SocketAddr,
        peer: SocketAddr,
        unsettled: &mut Unsettled,
        now: SimTime,
        sequence: &mut dyn FnMut() -> u64,
    ) {
        let Some(from) = self.host_at(sender.ip()) else { return };
        if unsettled.held.is_empty() {
            return;
        }
        // What the sender owes as an answer goes first: the peer may not have finished its handshake yet.
        let owed = self
            .recovery
            .unsettled
            .get_mut(&(ConnectionKey::of(sender, peer), peer))
            .and_then(|other| other.unheard.take());
        for packet in owed.into_iter().chain(unsettled.held.drain(..)) {
            self.put_on_link(packet, from, now, true, sequence);
        }
    }

    fn give_up(
        &mut self,
        sender: SocketAddr,
        peer: SocketAddr,
        now: SimTime,
        sequence: &mut dyn FnMut() -> u64,
    ) {
        self.failures.insert((sender, peer), Failure::TimedOut);
        self.schedule(now, Happening::Word(reset(peer, sender)), sequence);
    }
}
