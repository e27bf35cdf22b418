//! One socket: a listener, or an end of a connection.

use std::collections::VecDeque;
use std::task::Waker;

use super::connections::Ends;
use super::queue::ByteQueue;
use super::{Head, RECEIVE_BUFFER, SEND_BUFFER, SocketId};
use crate::network::failure::Failure;

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) number: u64,
    pub(super) port: u16,
    /// Whether the stack is to look at it.
    pub(super) is_pending: bool,
    pub(super) kind: Kind,
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all sockets are connections, and a box for each would take its time"
)]
pub(super) enum Kind {
    Listener(Listener),
    Connection(Tcb),
}

#[derive(Debug, Default)]
pub(super) struct Listener {
    /// Connections that wait to be accepted.
    pub(super) ready: VecDeque<SocketId>,
    pub(super) waiter: Waiter,
}

/// The states of RFC 9293, without TIME-WAIT: the numbers of later connections never collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    LastAck,
    Closing,
    Closed,
}

/// An end of a connection (RFC 9293's transmission control block).
#[derive(Debug)]
pub(super) struct Tcb {
    pub(super) ends: Ends,
    pub(super) state: State,
    /// The number of the next byte to be sent.
    pub(super) send_next: u32,
    /// The first number that the peer has not acknowledged.
    pub(super) send_unacknowledged: u32,
    /// What the peer last announced, in bytes.
    pub(super) send_window: u16,
    pub(super) receive_next: u32,
    /// Up to which number the peer may send, as it was last told.
    pub(super) announced: u32,
    /// An acknowledgement that goes out by itself, if nothing else leaves at this moment that carries it.
    pub(super) due: Option<Head>,
    /// What is written and not sent yet.
    pub(super) unsent: ByteQueue,
    pub(super) received: ByteQueue,
    /// The number of our FIN, once the program has said that it writes no more.
    pub(super) fin: Option<u32>,
    /// Whether the peer's FIN has come.
    pub(super) peer_ended: bool,
    /// Whether it broke.
    pub(super) is_broken: bool,
    /// Why it broke, until somebody was told.
    pub(super) untold: Option<Failure>,
    /// Whether its program has closed it, or is gone.
    pub(super) is_orphan: bool,
    pub(super) connecter: Waiter,
    pub(super) reader: Waiter,
    pub(super) writer: Waiter,
}

impl Socket {
    pub(super) fn tcb(&self) -> Option<&Tcb> {
        match &self.kind {
            Kind::Connection(tcb) => Some(tcb),
            Kind::Listener(_) => None,
        }
    }

    pub(super) fn tcb_mut(&mut self) -> Option<&mut Tcb> {
        match &mut self.kind {
            Kind::Connection(tcb) => Some(tcb),
            Kind::Listener(_) => None,
        }
    }

    pub(super) fn listener_mut(&mut self) -> Option<&mut Listener> {
        match &mut self.kind {
            Kind::Listener(listener) => Some(listener),
            Kind::Connection(_) => None,
        }
    }
}

impl Tcb {
    /// An end whose SYN has this number.
    pub(super) fn new(ends: Ends, state: State, syn: u32) -> Self {
        Self {
            ends,
            state,
            send_next: syn.wrapping_add(1),
            send_unacknowledged: syn.wrapping_add(1),
            send_window: super::FIRST_WINDOW,
            receive_next: 0,
            announced: 0,
            due: None,
            unsent: ByteQueue::default(),
            received: ByteQueue::default(),
            fin: None,
            peer_ended: false,
            is_broken: false,
            untold: None,
            is_orphan: false,
            connecter: Waiter::default(),
            reader: Waiter::default(),
            writer: Waiter::default(),
        }
    }

    /// Numbers that are sent and not acknowledged.
    pub(super) fn in_flight(&self) -> usize {
        self.send_next.wrapping_sub(self.send_unacknowledged) as usize
    }

    /// Bytes of data that the peer has not acknowledged, sent or not.
    pub(super) fn unacknowledged(&self) -> usize {
        let fin_sent = self.fin.is_some_and(|fin| self.send_next == fin.wrapping_add(1));
        let fin_in_flight = fin_sent && self.send_unacknowledged != self.send_next;
        self.unsent.len() + self.in_flight() - usize::from(fin_in_flight)
    }

    /// How much more the program may write.
    pub(super) fn room_to_write(&self) -> usize {
        SEND_BUFFER.saturating_sub(self.unsent.len() + self.in_flight())
    }

    pub(super) fn room_to_receive(&self) -> usize {
        RECEIVE_BUFFER.saturating_sub(self.received.len())
    }

    /// What it announces.
    pub(super) fn window(&self) -> u16 {
        u16::try_from(self.room_to_receive()).unwrap_or(u16::MAX)
    }

    /// Whether the program has read so much that the peer must be told: it knows of room for half a buffer at most,
    /// and there is twice as much or more now (`tcp_cleanup_rbuf` in the kernel's `net/ipv4/tcp.c`).
    pub(super) fn window_has_opened(&self) -> bool {
        let known = self.announced.wrapping_sub(self.receive_next) as usize;
        let room = self.room_to_receive();
        2 * known <= RECEIVE_BUFFER && room >= 2 * known && room >= super::SEGMENT_BYTES && !self.peer_ended
    }

    /// Whether it has something to send, if the peer has room for it.
    pub(super) fn has_work(&self) -> bool {
        !self.unsent.is_empty() || self.fin_is_due()
    }

    /// Whether its program has closed it and nothing is left to be said.
    pub(super) fn is_done(&self) -> bool {
        self.is_orphan && self.state == State::Closed
    }

    /// Whether our FIN is due and not sent.
    pub(super) fn fin_is_due(&self) -> bool {
        self.fin == Some(self.send_next)
    }

    /// The program writes no more: FIN follows what is written.
    pub(super) fn end_writing(&mut self) {
        self.fin = Some(self.send_next.wrapping_add(self.unsent.len() as u32));
        self.state = match self.state {
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            other => other,
        };
    }

    /// It is over, and whoever waits for it hears so.
    pub(super) fn break_off(&mut self, why: Failure) {
        self.state = State::Closed;
        self.is_broken = true;
        self.untold = Some(why);
        self.unsent.clear();
        for waiter in [&mut self.connecter, &mut self.reader, &mut self.writer] {
            waiter.wake();
        }
    }
}

/// Who waits for something of a socket. The waker is kept once it was woken: who waited mostly waits again.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    waker: Option<Waker>,
    waits: bool,
}

impl Waiter {
    /// This one is to be woken, and nobody else.
    pub(super) fn register(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
        self.waits = true;
    }

    /// Wakes who waits, once.
    pub(super) fn wake(&mut self) {
        if std::mem::take(&mut self.waits)
            && let Some(waker) = &self.waker
        {
            waker.wake_by_ref();
        }
    }
}
