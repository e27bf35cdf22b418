//! Segments in.

use bytes::Bytes;
use turmoil_net::{Packet, TcpFlags, TcpSegment, Transport};

use super::socket::{Kind, State, Tcb};
use super::{BACKLOG, Ends, FIRST_WINDOW, Head, SocketId, Stack};
use crate::network::failure::Failure;

impl Stack {
    /// A packet arrives; `why` says what a reset means, if it is not the peer's. Its data is taken out of it. False
    /// for a SYN for which its listener has no room.
    pub(super) fn receive(&mut self, packet: &mut Packet, why: Option<Failure>) -> bool {
        let Transport::Tcp(segment) = &mut packet.payload else { return true };
        let flags = segment.flags;
        if let Some(id) = self.connections.receiver(segment, packet.src) {
            if flags.rst {
                self.break_off(id, why.unwrap_or(Failure::Reset));
            } else {
                self.receive_on(id, segment);
            }
            return true;
        }
        let (local_port, peer_port) = (segment.dst_port, segment.src_port);
        let ends = Ends { local: packet.dst, peer: packet.src, local_port, peer_port };
        if flags.syn && !flags.ack {
            match self.listeners.get(&ends.local_port).copied() {
                Some(listener) if self.has_room(listener) => self.receive_syn(ends, segment),
                Some(_) => return false,
                None => self.refuse(ends, segment),
            }
        } else if !flags.rst {
            self.refuse(ends, segment);
        }
        true
    }

    /// Nobody knows what this is about (RFC 9293, 3.10.7.1).
    fn refuse(&mut self, ends: Ends, segment: &TcpSegment) {
        let flags = segment.flags;
        let length = segment.payload.len() as u32 + u32::from(flags.syn) + u32::from(flags.fin);
        let head = if flags.ack {
            Head::resetting(segment.ack, None)
        } else {
            Head::resetting(0, Some(segment.seq.wrapping_add(length)))
        };
        self.emit(ends, head, Bytes::new());
    }

    /// A connection is over: segments that still come for it meet nobody.
    fn break_off(&mut self, id: SocketId, why: Failure) {
        let Some(tcb) = self.tcb_mut(id) else { return };
        let (ends, has_owner) = (tcb.ends, !tcb.is_orphan && tcb.state != State::SynReceived);
        tcb.break_off(why);
        if has_owner {
            self.connections.remove(ends, id);
        } else {
            self.remove(id);
        }
    }

    /// Whether another connection may wait to be accepted, or to be set up.
    fn has_room(&self, listener: SocketId) -> bool {
        if self.sockets.len() - self.free.len() <= BACKLOG {
            return true;
        }
        let Some(socket) = self.socket(listener) else { return false };
        let Kind::Listener(waiting) = &socket.kind else { return false };
        let is_half_open = |tcb: &&Tcb| tcb.state == State::SynReceived && tcb.ends.local_port == socket.port;
        let half_open = self.sockets.iter().flatten().filter_map(|socket| socket.tcb()).filter(is_half_open);
        waiting.ready.len() + half_open.count() < BACKLOG
    }

    fn receive_syn(&mut self, ends: Ends, syn: &TcpSegment) {
        let seq = self.initial_sequence();
        let mut tcb = Tcb::new(ends, State::SynReceived, seq);
        tcb.send_window = syn.window;
        tcb.receive_next = syn.seq.wrapping_add(1);
        tcb.announced = tcb.receive_next.wrapping_add(u32::from(FIRST_WINDOW));
        let ack = tcb.receive_next;
        let id = self.add(ends.local_port, Kind::Connection(tcb));
        self.connections.insert(ends, id);
        let flags = TcpFlags { syn: true, ack: true, ..TcpFlags::default() };
        self.emit(ends, Head { seq, ack, flags, window: FIRST_WINDOW }, Bytes::new());
    }

    fn receive_on(&mut self, id: SocketId, segment: &mut TcpSegment) {
        let Some(tcb) = self.tcb_mut(id) else { return };
        let flags = segment.flags;
        match tcb.state {
            State::SynSent if flags.syn && flags.ack => {
                tcb.state = State::Established;
                tcb.receive_next = segment.seq.wrapping_add(1);
                tcb.send_window = segment.window;
                tcb.connecter.wake();
                let (ends, head) = (tcb.ends, Head::acknowledging(tcb));
                self.emit(ends, head, Bytes::new());
            }
            State::SynReceived if flags.ack && !flags.syn => {
                if segment.ack == tcb.send_next {
                    tcb.state = State::Established;
                    tcb.send_window = segment.window;
                    let port = tcb.ends.local_port;
                    self.offer(id, port);
                }
            }
            // Nothing else belongs here: the network repeats what was lost.
            State::SynSent | State::SynReceived | State::Closed => {}
            _ => self.receive_in_order(id, segment),
        }
    }

    /// A connection can be accepted.
    fn offer(&mut self, id: SocketId, port: u16) {
        let Some(&listener) = self.listeners.get(&port) else { return };
        let listener = self.socket_mut(listener).and_then(|socket| socket.listener_mut());
        let Some(listener) = listener else { return };
        listener.ready.push_back(id);
        listener.waiter.wake();
    }

    /// Acknowledgement, data and FIN of a connection that is open, or half of it.
    fn receive_in_order(&mut self, id: SocketId, segment: &mut TcpSegment) {
        let Some(tcb) = self.tcb_mut(id) else { return };
        if tcb.is_orphan && !segment.payload.is_empty() {
            // Nobody will ever read it: Linux resets (`tcp_rcv_state_process`).
            let ends = tcb.ends;
            self.reset_with(id, ends, Head::resetting(segment.ack, None));
            return;
        }
        if segment.flags.ack {
            acknowledge(tcb, segment.ack, segment.window);
        }
        let news = take_data(tcb, segment) | take_end(tcb, segment);
        let (has_work, is_done) = (tcb.has_work(), tcb.is_done());
        if news {
            tcb.reader.wake();
            tcb.due = Some(Head::acknowledging(tcb));
        }
        if is_done && !has_work {
            self.remove(id);
        } else if news || has_work {
            self.look_at(id);
        }
    }
}

/// What the peer says that it has got, and has room for.
fn acknowledge(tcb: &mut Tcb, ack: u32, window: u16) {
    let acknowledged = ack.wrapping_sub(tcb.send_unacknowledged) as usize;
    if acknowledged > 0 && acknowledged <= tcb.in_flight() {
        tcb.send_unacknowledged = ack;
        if tcb.fin.is_some_and(|fin| ack == fin.wrapping_add(1)) {
            tcb.state = match tcb.state {
                State::FinWait1 => State::FinWait2,
                State::Closing | State::LastAck => State::Closed,
                other => other,
            };
        }
    }
    tcb.send_window = window;
    tcb.writer.wake();
}

/// Takes the data that is in order and fits. Whether there was some.
fn take_data(tcb: &mut Tcb, segment: &mut TcpSegment) -> bool {
    let in_order = segment.seq == tcb.receive_next && !tcb.peer_ended;
    let count = segment.payload.len().min(tcb.room_to_receive());
    if !in_order || count == 0 {
        return false;
    }
    tcb.receive_next = tcb.receive_next.wrapping_add(count as u32);
    let payload = &mut segment.payload;
    let whole = count == payload.len();
    tcb.received.push(if whole { std::mem::take(payload) } else { payload.slice(..count) });
    if whole {
        // Its FIN, if it carries one, comes right behind.
        segment.seq = tcb.receive_next;
    }
    true
}

/// Takes the peer's end, if everything before has come. Whether it was there.
fn take_end(tcb: &mut Tcb, segment: &TcpSegment) -> bool {
    let place = segment.seq.wrapping_add(segment.payload.len() as u32);
    if !segment.flags.fin || tcb.peer_ended || place != tcb.receive_next {
        return false;
    }
    tcb.peer_ended = true;
    tcb.receive_next = tcb.receive_next.wrapping_add(1);
    tcb.state = match tcb.state {
        State::Established => State::CloseWait,
        State::FinWait1 => State::Closing,
        State::FinWait2 => State::Closed,
        other => other,
    };
    true
}
