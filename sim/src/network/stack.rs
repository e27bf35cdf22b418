//! The TCP sockets of one host: their states, sequence numbers, buffers and windows.
//!
//! A stack knows no time and loses nothing: each segment is sent once and must come in order. What is lost on the
//! way, and when it is sent again, belongs to the network around it (`recovery`). Packets are those of
//! turmoil-net, whose stack does the same for programs on tokio and is the peer in `stack/tests.rs`; this one
//! finds a socket by number instead of by hash, sends for the sockets that have something to send instead of
//! looking at all, and hands bytes on without copying them.
//!
//! What a program sees of a broken connection is Linux's: what came before the reset can still be read, the error
//! is told once, and from then on readers get the end and writers EPIPE. When the peer had said before that it
//! sends no more, readers never hear of the break. (`tcp_reset`, `tcp_recvmsg_locked` and `sk_stream_error` in the
//! kernel's `net/`; pinned by `tests/tests/kernel_fidelity.rs`.)

mod calls;
mod connections;
mod hosts;
mod input;
mod output;
mod queue;
mod socket;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use turmoil_net::{Packet, TcpFlags, TcpSegment, Transport};

use self::connections::{Connections, Ends};
pub(crate) use self::hosts::Stacks;
pub(super) use self::queue::ByteQueue;
use self::socket::{Kind, Socket, State, Tcb};

/// What a socket holds of what its program wrote and the peer has not acknowledged, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// What a socket holds of what came and its program has not read, in bytes.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// The window that the segments of a handshake announce, in bytes.
const FIRST_WINDOW: u16 = u16::MAX;
/// So many connections of a listener may be unaccepted; a SYN that comes then is dropped.
const BACKLOG: usize = 1024;
/// `net.ipv4.ip_local_port_range` as IANA has it (RFC 6335); Linux's own begins at 32768.
const EPHEMERAL_PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;
/// Bytes of data in a segment on Ethernet (1,500 without the headers), and on the loopback interface.
const SEGMENT_BYTES: usize = 1460;
const LOOPBACK_SEGMENT_BYTES: usize = 65496;

/// A packet in a box: it is handed on often, and would be moved about.
pub(crate) type Parcel = Box<Packet>;

/// A socket of a stack. The number, which no two sockets share, tells a place's later tenant from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId {
    number: u64,
    place: usize,
}

/// How an end of a connection stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Whether something that it sent is not acknowledged, or waits to be sent.
    pub(super) owes: bool,
    /// Whether it is being set up.
    pub(super) handshake: bool,
}

/// The sockets of one host.
#[derive(Debug)]
pub(crate) struct Stack {
    address: IpAddr,
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    next_number: u64,
    connections: Connections,
    listeners: BTreeMap<u16, SocketId>,
    /// How many sockets hold each ephemeral port.
    ports: BTreeMap<u16, u32>,
    next_port: u16,
    next_sequence: u32,
    /// What leaves this host with the next [`Stack::send_all`].
    outbound: Vec<Parcel>,
    /// What goes to this host itself, and arrives with the next [`Stack::send_all`].
    own: Vec<Parcel>,
    /// Sockets that may have something to send, or may be done.
    pending: Vec<SocketId>,
    /// Whether [`Stacks`] knows that there is something to send.
    is_listed: bool,
}

impl Stack {
    pub(super) fn new(address: IpAddr) -> Self {
        Self {
            address,
            sockets: Vec::new(),
            free: Vec::new(),
            next_number: 0,
            connections: Connections::default(),
            listeners: BTreeMap::new(),
            ports: BTreeMap::new(),
            next_port: *EPHEMERAL_PORTS.start(),
            // A multiple of 65,536, as every later one: the tests tell the end of a handshake by it.
            next_sequence: 0x0100_0000,
            outbound: Vec::new(),
            own: Vec::new(),
            pending: Vec::new(),
            is_listed: false,
        }
    }

    /// How the end `local` of the connection with `peer` stands; none when there is no such connection.
    pub(super) fn standing(&self, local: SocketAddr, peer: SocketAddr) -> Option<Standing> {
        let tcb = self.tcb(self.connections.get(Ends::new(local, peer))?)?;
        let handshake = matches!(tcb.state, State::SynSent | State::SynReceived);
        let closing = matches!(tcb.state, State::FinWait1 | State::Closing | State::LastAck);
        let unfinished = handshake || closing || tcb.unacknowledged() > 0;
        (tcb.state != State::Closed).then_some(Standing { owes: unfinished, handshake })
    }

    /// Whether the program of this end has closed it, or is gone; none when there is no such connection.
    pub(super) fn is_orphan(&self, local: SocketAddr, peer: SocketAddr) -> Option<bool> {
        Some(self.tcb(self.connections.get(Ends::new(local, peer))?)?.is_orphan)
    }

    /// Both ends of every connection, in the order in which they were made.
    pub(super) fn ends(&self) -> Vec<(SocketAddr, SocketAddr)> {
        let mut all: Vec<_> = self.connections.ids().collect();
        all.sort_unstable();
        all.into_iter()
            .filter_map(|id| self.tcb(id))
            .filter(|tcb| tcb.state != State::Closed)
            .map(|tcb| (tcb.ends.local(), tcb.ends.peer()))
            .collect()
    }

    /// A new kernel: nothing is left of any socket.
    pub(super) fn forget_all(&mut self) {
        for id in self.ids() {
            self.remove(id);
        }
        self.outbound.clear();
        self.own.clear();
        self.pending.clear();
    }

    /// The end that its program has closed is forgotten, unless the peer has said its end (`tcp_fin_timeout`).
    pub(super) fn forget_orphan(&mut self, id: SocketId) {
        if self.tcb(id).is_some_and(|tcb| tcb.is_orphan && !tcb.peer_ended) {
            self.remove(id);
        }
    }

    fn ids(&self) -> Vec<SocketId> {
        let live = self.sockets.iter().enumerate();
        live.filter_map(|(place, socket)| Some(SocketId { number: socket.as_ref()?.number, place })).collect()
    }

    #[inline]
    fn add(&mut self, port: u16, kind: Kind) -> SocketId {
        let number = self.next_number;
        self.next_number += 1;
        if EPHEMERAL_PORTS.contains(&port) {
            *self.ports.entry(port).or_default() += 1;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.sockets.push(None);
            self.sockets.len() - 1
        });
        self.sockets[place] = Some(Socket { number, port, is_pending: false, kind });
        SocketId { number, place }
    }

    /// What it still owes is sent.
    fn remove(&mut self, id: SocketId) {
        self.send_due(id);
        let Some(socket) = self.socket(id) else { return };
        let port = socket.port;
        match socket.tcb().map(|tcb| tcb.ends) {
            Some(ends) => self.connections.remove(ends, id),
            None => drop(self.listeners.remove(&port)),
        }
        self.sockets[id.place] = None;
        self.free.push(id.place);
        if let Entry::Occupied(mut holders) = self.ports.entry(port) {
            *holders.get_mut() -= 1;
            if *holders.get() == 0 {
                holders.remove();
            }
        }
    }

    fn socket(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.get(id.place)?.as_ref().filter(|socket| socket.number == id.number)
    }

    fn socket_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.get_mut(id.place)?.as_mut().filter(|socket| socket.number == id.number)
    }

    fn tcb(&self, id: SocketId) -> Option<&Tcb> {
        self.socket(id).and_then(Socket::tcb)
    }

    fn tcb_mut(&mut self, id: SocketId) -> Option<&mut Tcb> {
        self.socket_mut(id).and_then(Socket::tcb_mut)
    }

    /// The socket may have something to send, or may be done.
    fn look_at(&mut self, id: SocketId) {
        if let Some(socket) = self.socket_mut(id)
            && !std::mem::replace(&mut socket.is_pending, true)
        {
            self.pending.push(id);
        }
    }

    fn initial_sequence(&mut self) -> u32 {
        let number = self.next_sequence;
        self.next_sequence = number.wrapping_add(0x1_0000);
        number
    }

    /// The address that a connection with `peer` has at this end.
    fn own_address(&self, peer: IpAddr) -> IpAddr {
        match peer {
            IpAddr::V4(peer) if peer.is_loopback() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(peer) if peer.is_loopback() => Ipv6Addr::LOCALHOST.into(),
            _ => self.address,
        }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address == self.address || address.is_loopback()
    }

    fn emit(&mut self, ends: Ends, head: Head, payload: Bytes) {
        let Head { seq, ack, flags, window } = head;
        let (src_port, dst_port) = (ends.local_port, ends.peer_port);
        let segment = TcpSegment { src_port, dst_port, seq, ack, flags, window, payload };
        let packet =
            Box::new(Packet { src: ends.local, dst: ends.peer, ttl: 64, payload: Transport::Tcp(segment) });
        if self.is_own(packet.dst) {
            self.own.push(packet);
        } else {
            self.outbound.push(packet);
        }
    }
}

/// A segment without its ports and its data.
#[derive(Debug, Clone, Copy)]
struct Head {
    seq: u32,
    ack: u32,
    flags: TcpFlags,
    window: u16,
}

impl Head {
    /// What says nothing but how far everything has come.
    fn acknowledging(tcb: &mut Tcb) -> Self {
        let flags = TcpFlags { ack: true, ..TcpFlags::default() };
        let window = tcb.window();
        tcb.announced = tcb.receive_next.wrapping_add(u32::from(window));
        Self { seq: tcb.send_next, ack: tcb.receive_next, flags, window }
    }

    fn resetting(seq: u32, ack: Option<u32>) -> Self {
        let flags = TcpFlags { rst: true, ack: ack.is_some(), ..TcpFlags::default() };
        Self { seq, ack: ack.unwrap_or(0), flags, window: 0 }
    }
}
