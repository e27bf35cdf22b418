//! Segments out: what sockets have to send, cut to what a packet carries and the peer has room for.

use bytes::Bytes;
use turmoil_net::{Packet, TcpFlags};

use super::socket::State;
use super::{Head, LOOPBACK_SEGMENT_BYTES, SEGMENT_BYTES, SocketId, Stack};

impl Stack {
    /// Whether there may be something to send.
    pub(super) fn is_restless(&self) -> bool {
        !self.outbound.is_empty() || !self.pending.is_empty() || !self.own.is_empty()
    }

    /// Everything that can be sent now and leaves this host. What goes to the host itself arrives there and then.
    pub(super) fn send_all(&mut self) -> &mut Vec<Packet> {
        while !self.pending.is_empty() || !self.own.is_empty() {
            match self.pending.len() {
                0 => {}
                // Nearly always it is one.
                1 => {
                    let id = self.pending.pop().expect("there is one");
                    self.send(id);
                }
                _ => {
                    // In the order in which they were made, whichever was looked at first. Nothing is added here.
                    self.pending.sort_unstable();
                    (0..self.pending.len()).for_each(|at| self.send(self.pending[at]));
                    self.pending.clear();
                }
            }
            if !self.own.is_empty() {
                for mut packet in std::mem::take(&mut self.own) {
                    self.receive(&mut packet, None);
                }
            }
        }
        &mut self.outbound
    }

    /// Sends what one socket has to send and the peer's window lets through.
    fn send(&mut self, id: SocketId) {
        let Some(socket) = self.socket_mut(id) else { return };
        socket.is_pending = false;
        let Some(tcb) = socket.tcb() else { return };
        let may_send = matches!(
            tcb.state,
            State::Established | State::CloseWait | State::FinWait1 | State::Closing | State::LastAck
        );
        if !may_send {
            return;
        }
        let most = if tcb.local.ip().is_loopback() { LOOPBACK_SEGMENT_BYTES } else { SEGMENT_BYTES };
        while let Some((payload, fin)) = self.next_piece(id, most) {
            let tcb = self.tcb_mut(id).expect("it was there");
            let head = Head::acknowledging(tcb);
            let flags = TcpFlags { psh: !payload.is_empty(), fin, ..head.flags };
            tcb.send_next = tcb.send_next.wrapping_add(payload.len() as u32 + u32::from(fin));
            let ends = (tcb.local, tcb.peer);
            self.emit(ends, Head { flags, ..head }, payload);
        }
    }

    /// The data of the next segment, or the end.
    fn next_piece(&mut self, id: SocketId, most: usize) -> Option<(Bytes, bool)> {
        let tcb = self.tcb_mut(id)?;
        let window = usize::from(tcb.send_window).saturating_sub(tcb.in_flight());
        if window == 0 {
            return None;
        }
        if !tcb.unsent.is_empty() {
            return Some((tcb.unsent.take(most.min(window)), false));
        }
        tcb.fin_is_due().then(|| (Bytes::new(), true))
    }
}
