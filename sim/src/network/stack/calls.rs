//! What programs call. Errors carry Linux's numbers.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use turmoil_net::TcpFlags;

use super::queue::ByteQueue;
use super::socket::{Kind, Listener, State, Tcb, Waiter};
use super::{EPHEMERAL_PORTS, Ends, FIRST_WINDOW, Head, SocketId, Stack};
use crate::network::failure::Failure;

const EPIPE: i32 = 32;
const EADDRINUSE: i32 = 98;
const EADDRNOTAVAIL: i32 = 99;
const ENOTCONN: i32 = 107;
const ECONNREFUSED: i32 = 111;

fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl Stack {
    /// bind(2) on every address with `SO_REUSEADDR`, as every server sets it, and listen(2). Only who listens is in the
    /// way: what is left of the connections of a server that has ended is not.
    pub(in crate::network) fn listen(&mut self, port: u16) -> io::Result<SocketId> {
        if self.listeners.contains_key(&port) {
            return Err(error(EADDRINUSE));
        }
        let id = self.add(port, Kind::Listener(Listener::default()));
        self.listeners.insert(port, id);
        Ok(id)
    }

    /// accept(2): the next connection.
    pub(in crate::network) fn poll_accept(&mut self, id: SocketId, cx: &mut Context<'_>) -> Poll<Accepted> {
        let listener = self.socket_mut(id).and_then(|socket| socket.listener_mut());
        let listener = listener.expect("a listener is there until it is closed");
        if let Some(child) = listener.ready.pop_front() {
            // One that has gone meanwhile is nobody's business.
            let Some(tcb) = self.tcb(child) else { return self.poll_accept(id, cx) };
            return Poll::Ready(Accepted { socket: child, local: tcb.ends.local(), peer: tcb.ends.peer() });
        }
        listener.waiter.register(cx.waker());
        Poll::Pending
    }

    /// Whether accept(2) would give a connection.
    pub(in crate::network) fn poll_acceptable(&mut self, id: SocketId, cx: &mut Context<'_>) -> Poll<()> {
        let listener = self.socket_mut(id).and_then(|socket| socket.listener_mut());
        let listener = listener.expect("a listener is there until it is closed");
        if listener.ready.is_empty() {
            listener.waiter.register(cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// connect(2) begins: the SYN is sent.
    pub(in crate::network) fn connect(&mut self, peer: SocketAddr) -> io::Result<(SocketId, SocketAddr)> {
        let port = self.free_port().ok_or_else(|| error(EADDRNOTAVAIL))?;
        let local = SocketAddr::new(self.own_address(peer.ip()), port);
        let seq = self.initial_sequence();
        let ends = Ends::new(local, peer);
        let tcb = Tcb::new(ends, State::SynSent, seq);
        let id = self.add(port, Kind::Connection(tcb));
        self.connections.insert(ends, id);
        let flags = TcpFlags { syn: true, ..TcpFlags::default() };
        self.emit(ends, Head { seq, ack: 0, flags, window: FIRST_WINDOW }, Bytes::new());
        Ok((id, local))
    }

    /// The next port that no socket holds.
    fn free_port(&mut self) -> Option<u16> {
        for _ in EPHEMERAL_PORTS {
            let port = self.next_port;
            self.next_port = if port == *EPHEMERAL_PORTS.end() { *EPHEMERAL_PORTS.start() } else { port + 1 };
            if !self.ports.contains_key(&port) {
                return Some(port);
            }
        }
        None
    }

    /// connect(2) ends.
    pub(in crate::network) fn poll_connect(
        &mut self,
        id: SocketId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(tcb) = self.tcb_mut(id) else { return Poll::Ready(Err(error(ECONNREFUSED))) };
        match tcb.state {
            State::SynSent | State::SynReceived => {
                tcb.connecter.register(cx.waker());
                Poll::Pending
            }
            _ if tcb.is_broken => Poll::Ready(Err(match tcb.untold.take() {
                None | Some(Failure::Reset) => error(ECONNREFUSED),
                Some(failure) => failure.to_error(),
            })),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// read(2): lets `take` have what has come; none at the end.
    pub(in crate::network) fn poll_read<T>(
        &mut self,
        id: SocketId,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut ByteQueue) -> T,
    ) -> Poll<io::Result<Option<T>>> {
        let Some(tcb) = self.tcb_mut(id) else { return Poll::Ready(Err(error(ENOTCONN))) };
        if !tcb.received.is_empty() {
            let taken = take(&mut tcb.received);
            if !tcb.is_broken && tcb.window_has_opened() {
                tcb.due = Some(Head::acknowledging(tcb));
                self.look_at(id);
            }
            return Poll::Ready(Ok(Some(taken)));
        }
        if tcb.peer_ended {
            return Poll::Ready(Ok(None));
        }
        if tcb.is_broken {
            return Poll::Ready(tcb.untold.take().map_or(Ok(None), |failure| Err(failure.to_error())));
        }
        tcb.reader.register(cx.waker());
        Poll::Pending
    }

    /// Whether read(2) has nothing to give but the end or an error, without asking for it.
    pub(in crate::network) fn has_ended(&self, id: SocketId) -> bool {
        self.tcb(id).is_none_or(|tcb| tcb.received.is_empty() && (tcb.peer_ended || tcb.is_broken))
    }

    /// write(2) of so many bytes: `piece` gives as many of them as there is room for. How many that are.
    pub(in crate::network) fn poll_write(
        &mut self,
        id: SocketId,
        cx: &mut Context<'_>,
        count: usize,
        piece: impl FnOnce(usize) -> Bytes,
    ) -> Poll<io::Result<usize>> {
        let Some(tcb) = self.tcb_mut(id) else { return Poll::Ready(Err(error(ENOTCONN))) };
        if tcb.is_broken {
            return Poll::Ready(Err(match tcb.untold.take() {
                // A reset that follows the peer's end is reported as a pipe without a reader.
                None => error(EPIPE),
                Some(Failure::Reset) if tcb.peer_ended => error(EPIPE),
                Some(failure) => failure.to_error(),
            }));
        }
        if tcb.fin.is_some() {
            return Poll::Ready(Err(error(EPIPE)));
        }
        let count = ready!(Self::room_for(tcb, count, cx));
        tcb.unsent.push(piece(count));
        self.look_at(id);
        Poll::Ready(Ok(count))
    }

    fn room_for(tcb: &mut Tcb, count: usize, cx: &mut Context<'_>) -> Poll<usize> {
        match tcb.room_to_write() {
            0 => {
                tcb.writer.register(cx.waker());
                Poll::Pending
            }
            room => Poll::Ready(count.min(room)),
        }
    }

    /// shutdown(2) of the writing side.
    pub(in crate::network) fn shutdown(&mut self, id: SocketId) -> io::Result<()> {
        let tcb = self.tcb_mut(id).filter(|tcb| !tcb.is_broken).ok_or_else(|| error(ENOTCONN))?;
        if tcb.fin.is_none() {
            tcb.end_writing();
            self.look_at(id);
        }
        Ok(())
    }

    /// close(2), or the end of the program: FIN, or a reset when something is unread. Whether the peer may send
    /// more to the end that is left, which is an orphan now.
    pub(crate) fn close(&mut self, id: SocketId) -> bool {
        let Some(tcb) = self.tcb_mut(id) else {
            self.close_listener(id);
            return false;
        };
        if tcb.is_broken || matches!(tcb.state, State::Closed | State::SynSent | State::SynReceived) {
            self.remove(id);
            return false;
        }
        if !tcb.received.is_empty() {
            self.reset(id);
            return false;
        }
        tcb.is_orphan = true;
        // Nobody waits any more.
        (tcb.reader, tcb.writer) = (Waiter::default(), Waiter::default());
        let more_may_come = !tcb.peer_ended;
        if tcb.fin.is_none() {
            tcb.end_writing();
        }
        self.look_at(id);
        more_may_come
    }

    /// Resets whatever nobody has accepted.
    fn close_listener(&mut self, id: SocketId) {
        let Some(socket) = self.socket_mut(id) else { return };
        let port = socket.port;
        let mut children: Vec<SocketId> =
            socket.listener_mut().map(|listener| listener.ready.drain(..).collect()).unwrap_or_default();
        let is_half_open = |tcb: &Tcb| tcb.ends.local_port == port && tcb.state == State::SynReceived;
        let mut half_open = self.ids();
        half_open.retain(|&id| self.tcb(id).is_some_and(is_half_open));
        half_open.sort_unstable();
        children.extend(half_open);
        for child in children {
            self.reset(child);
        }
        self.remove(id);
    }

    /// Ends a connection with a reset.
    fn reset(&mut self, id: SocketId) {
        let Some(tcb) = self.tcb(id) else { return };
        let head = Head::resetting(tcb.send_next, Some(tcb.receive_next));
        self.reset_with(id, tcb.ends, head);
    }

    /// Ends a connection with this reset, behind what it still owes.
    pub(super) fn reset_with(&mut self, id: SocketId, ends: Ends, head: Head) {
        self.send_due(id);
        self.emit(ends, head, Bytes::new());
        self.remove(id);
    }
}

/// A connection that was accepted.
#[derive(Debug, Clone, Copy)]
pub(in crate::network) struct Accepted {
    pub(in crate::network) socket: SocketId,
    pub(in crate::network) local: SocketAddr,
    pub(in crate::network) peer: SocketAddr,
}
