//! A packet was lost, or one arrives where others were lost.

use super::{
    DUPLICATES, Flow, RTO_MIN, SYN_TIMEOUT, Timer, Unsettled, acknowledgement_of, carries, distance, end_of,
    put_in_place, segment_of,
};
use std::collections::VecDeque;

use harness::time::SimTime;
use turmoil_net::{Packet, Transport};

use crate::network::Network;

impl Network {
    /// A packet that was sent at `sent` is lost. `again`: it was a retransmission.
    pub(in crate::network) fn lose(&mut self, packet: Packet, again: bool, sent: SimTime, now: SimTime) {
        let Transport::Tcp(segment) = &packet.payload else { return };
        let (flow, flags) = (Flow::of(&packet, segment), segment.flags);
        // Whoever waits for what this one acknowledges will send again, and hear it then.
        if (flags.ack || flags.rst)
            && let Some(unsettled) = self.unsettle(flow.back(), sent, now)
        {
            if unsettled.handshake && flags.ack && (flags.syn || flags.rst) {
                unsettled.opening = Some(segment.ack.wrapping_sub(1));
            }
            if !flags.rst {
                unsettled.latest = Some(acknowledgement_of(&packet));
            }
        }
        if flags.rst {
            // Nobody repeats a reset; whoever sent it has forgotten the connection.
            self.recovery.flows.remove(&flow);
        } else if carries(segment) {
            let place = segment.seq;
            let Some(unsettled) = self.unsettle(flow, sent, now) else { return };
            if again {
                unsettled.under_way = unsettled.under_way.saturating_sub(1);
            }
            if unsettled.expected.is_none_or(|expected| distance(place, expected) < 0) {
                unsettled.expected = Some(place);
            }
            unsettled.hurried = false;
            put_in_place(&mut unsettled.lost, packet);
        }
    }

    /// The state of a flow, with its timer running since `sent`; none when its sender waits for nothing.
    fn unsettle(&mut self, flow: Flow, sent: SimTime, now: SimTime) -> Option<&mut Unsettled> {
        if !self.recovery.flows.contains_key(&flow) {
            let standing = self.standing(flow)?;
            let round_trip = self.round_trip(flow);
            let wait = if standing.handshake { SYN_TIMEOUT } else { RTO_MIN + round_trip };
            let token = self.recovery.token();
            let due = (sent + wait).max(now);
            self.set_timer(due, flow, Timer::Timeout(token));
            let unsettled = Unsettled {
                lost: VecDeque::new(),
                under_way: 0,
                expected: None,
                waiting: VecDeque::new(),
                latest: None,
                opening: None,
                handshake: standing.handshake,
                probed: false,
                hurried: false,
                repeating_since: standing.handshake.then_some(sent),
                timeouts: 0,
                wait,
                token,
                due,
                acknowledged: None,
                refused: None,
                peer_boot: self.boot_of(flow.to.ip()),
            };
            self.recovery.flows.insert(flow, unsettled);
        }
        self.recovery.flows.get_mut(&flow)
    }

    /// A packet has arrived while some flows are unsettled: gives the stack what it can take, in order.
    pub(in crate::network) fn arrive_unsettled(
        &mut self,
        packet: Packet,
        again: bool,
        now: SimTime,
        arrivals: &mut Vec<Packet>,
    ) {
        let Some(segment) = segment_of(&packet) else { return arrivals.push(packet) };
        let (flow, flags) = (Flow::of(&packet, segment), segment.flags);
        if flags.rst {
            self.recovery.forget(flow);
            return arrivals.push(packet);
        }
        if flags.ack {
            self.answer(flow, &packet, now, arrivals);
        }
        let (place, end, carries) = (segment.seq, end_of(segment), carries(segment));
        let Some(unsettled) = self.recovery.flows.get_mut(&flow).filter(|_| carries) else {
            return arrivals.push(packet);
        };
        if again {
            unsettled.under_way = unsettled.under_way.saturating_sub(1);
        }
        match unsettled.expected {
            Some(expected) if distance(place, expected) > 0 => {
                // The stack would drop it; what it acknowledges counts at once.
                arrivals.push(acknowledgement_of(&packet));
                put_in_place(&mut unsettled.waiting, packet);
                self.hurry(flow, now);
            }
            Some(expected) => {
                let at_hole = place == expected;
                arrivals.push(packet);
                if at_hole {
                    unsettled.expected = Some(end);
                    take_in_order(unsettled, arrivals);
                }
                if again && !unsettled.lost.is_empty() {
                    self.resend_when_acknowledged(flow, now);
                }
            }
            None => arrivals.push(packet),
        }
    }

    /// An acknowledgement arrives at the sender of `flow.back()`.
    fn answer(&mut self, flow: Flow, packet: &Packet, now: SimTime, arrivals: &mut Vec<Packet>) {
        let asked = flow.back();
        let (Some(unsettled), Some(segment)) = (self.recovery.flows.get_mut(&asked), segment_of(packet))
        else {
            return;
        };
        if unsettled.handshake && !segment.payload.is_empty() {
            // The stack takes the end of a handshake alone.
            arrivals.push(acknowledgement_of(packet));
        }
        let before = unsettled.acknowledged.replace(segment.ack);
        let gets_on = before.is_none_or(|before| distance(segment.ack, before) > 0);
        self.recovery.heard(asked);
        if gets_on {
            self.start_over(asked, now);
        }
    }

    /// Something new was acknowledged: the sender's waits begin at the shortest again.
    fn start_over(&mut self, flow: Flow, now: SimTime) {
        let wait = RTO_MIN + self.round_trip(flow);
        let token = self.recovery.token();
        let Some(unsettled) = self.recovery.flows.get_mut(&flow) else { return };
        if unsettled.handshake || unsettled.timeouts == 0 {
            return;
        }
        (unsettled.timeouts, unsettled.probed, unsettled.repeating_since) = (0, false, None);
        (unsettled.wait, unsettled.token, unsettled.due) = (wait, token, now + wait);
        self.set_timer(now + wait, flow, Timer::Timeout(token));
    }

    /// A segment has come behind a lost one, before any timeout: that is sent again when the sender hears of it.
    fn hurry(&mut self, flow: Flow, now: SimTime) {
        let Some(unsettled) = self.recovery.flows.get_mut(&flow) else { return };
        let proved = unsettled.waiting.len() >= DUPLICATES && unsettled.timeouts == 0;
        if proved && !unsettled.lost.is_empty() && !std::mem::replace(&mut unsettled.hurried, true) {
            self.resend_when_acknowledged(flow, now);
        }
    }

    fn resend_when_acknowledged(&mut self, flow: Flow, now: SimTime) {
        if self.is_open(flow.to.ip(), flow.from.ip(), now) {
            let heard = now + self.latency(flow.to.ip(), flow.from.ip());
            self.set_timer(heard, flow, Timer::Resend);
        }
    }
}

/// Moves what is in order now from the queue to the stack.
fn take_in_order(unsettled: &mut Unsettled, arrivals: &mut Vec<Packet>) {
    while let Some(next) = unsettled.waiting.front() {
        let Some(segment) = segment_of(next) else { return };
        let Some(expected) = unsettled.expected else { return };
        if distance(segment.seq, expected) > 0 {
            return;
        }
        unsettled.expected = Some(end_of(segment));
        arrivals.extend(unsettled.waiting.pop_front());
    }
}
