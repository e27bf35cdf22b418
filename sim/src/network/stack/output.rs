//! Segments out: what sockets have to send, cut to what a packet carries and the peer has room for.

use bytes::Bytes;
use turmoil_net::TcpFlags;

use super::socket::State;
use super::{Head, LOOPBACK_SEGMENT_BYTES, Parcel, SEGMENT_BYTES, SocketId, Stack};

impl Stack {
    /// Whether there may be something to send.
    pub(super) fn is_restless(&self) -> bool {
        !self.outbound.is_empty() || !self.pending.is_empty() || !self.own.is_empty()
    }

    /// Everything that can be sent now and leaves this host. What goes to the host itself arrives there and then.
    pub(super) fn send_all(&mut self) -> &mut Vec<Parcel> {
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
    ///
    /// Linux delays an acknowledgement until there is data to carry it (up to 40 ms) and puts FIN on the last
    /// segment. Among what leaves at the same moment the same is done here: it changes no time, and it halves the
    /// packets of a short connection.
    fn send(&mut self, id: SocketId) {
        let Some(socket) = self.socket_mut(id) else { return };
        socket.is_pending = false;
        let Some(tcb) = socket.tcb() else { return };
        let may_send = matches!(
            tcb.state,
            State::Established | State::CloseWait | State::FinWait1 | State::Closing | State::LastAck
        );
        if may_send {
            let most = if tcb.ends.local.is_loopback() { LOOPBACK_SEGMENT_BYTES } else { SEGMENT_BYTES };
            while let Some((payload, fin)) = self.next_piece(id, most) {
                let tcb = self.tcb_mut(id).expect("it was there");
                let head = Head::acknowledging(tcb);
                let flags = TcpFlags { psh: !payload.is_empty(), fin, ..head.flags };
                tcb.due = None;
                tcb.send_next = tcb.send_next.wrapping_add(payload.len() as u32 + u32::from(fin));
                let ends = tcb.ends;
                self.emit(ends, Head { flags, ..head }, payload);
            }
        }
        self.send_due(id);
    }

    /// Sends the acknowledgement that is due, if one is.
    pub(super) fn send_due(&mut self, id: SocketId) {
        let Some(tcb) = self.tcb_mut(id) else { return };
        if let Some(head) = tcb.due.take() {
            let ends = tcb.ends;
            self.emit(ends, head, Bytes::new());
        }
    }

    /// The data of the next segment, and whether it is the last one.
    fn next_piece(&mut self, id: SocketId, most: usize) -> Option<(Bytes, bool)> {
        let tcb = self.tcb_mut(id)?;
        let window = usize::from(tcb.send_window).saturating_sub(tcb.in_flight());
        if window == 0 {
            return None;
        }
        let payload = tcb.unsent.take(most.min(window));
        let behind = tcb.send_next.wrapping_add(payload.len() as u32);
        let fin = tcb.fin == Some(behind) && payload.len() < window;
        (fin || !payload.is_empty()).then_some((payload, fin))
    }
}
