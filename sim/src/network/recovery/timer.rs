//! The sender's timers: what is sent again, and when it gives up.

use std::time::Duration;

use harness::time::SimTime;
use turmoil_net::{Packet, TcpFlags, TcpSegment, Transport};

use super::{Flow, RTO_MAX, RTO_MIN, SYN_TIMEOUT};
use crate::network::failure::Failure;
use crate::network::{Network, reset};

/// What happens at a moment that was set before.
#[derive(Debug, Clone, Copy)]
pub(in crate::network) enum Timer {
    /// The retransmission timer of this number ends.
    Timeout(u64),
    /// The sender hears that a retransmission arrived: all that is lost goes out.
    Resend,
    /// A repeated segment arrives at a peer that has it already.
    Probe,
}

impl Network {
    pub(in crate::network) fn timer(
        &mut self,
        flow: Flow,
        timer: Timer,
        now: SimTime,
        arrivals: &mut Vec<Packet>,
    ) {
        if self.host_at(flow.from.ip()).is_some_and(|host| self.is_frozen(host))
            && !matches!(timer, Timer::Probe)
        {
            // A machine that stands still does nothing; its timers are set anew when it runs again.
            return;
        }
        match timer {
            Timer::Timeout(token) => self.timeout(flow, token, now),
            Timer::Resend => self.resend(flow, usize::MAX, now),
            Timer::Probe => self.probe(flow, now, arrivals),
        }
    }

    /// A retransmission timer ends: send again, or give up.
    fn timeout(&mut self, flow: Flow, token: u64, now: SimTime) {
        let tcp = self.tcp;
        let standing = self.standing(flow);
        let Some(unsettled) = self.recovery.flows.get_mut(&flow).filter(|flow| flow.token == token) else {
            return;
        };
        // A socket that was closed in the meantime repeats nothing.
        let Some(standing) = standing else {
            self.recovery.flows.remove(&flow);
            return;
        };
        if !standing.owes {
            // Who only asks for a window that it may never need gives nothing up.
            (unsettled.timeouts, unsettled.repeating_since) = (0, None);
        } else if unsettled.handshake || std::mem::replace(&mut unsettled.probed, true) {
            unsettled.timeouts += 1;
        }
        let repeating = now - *unsettled.repeating_since.get_or_insert(now);
        let expired = if unsettled.handshake {
            let most = tcp.syn_retries + tcp.syn_linear_timeouts;
            unsettled.timeouts > most || repeating >= doubled(SYN_TIMEOUT, tcp.syn_retries)
        } else {
            repeating >= doubled(RTO_MIN, tcp.retries2)
        };
        if expired {
            return self.give_up(flow, now);
        }
        let doubles = if unsettled.handshake {
            unsettled.timeouts > tcp.syn_linear_timeouts
        } else {
            unsettled.timeouts > 0
        };
        if doubles {
            unsettled.wait = (unsettled.wait * 2).min(RTO_MAX);
        }
        let (wait, nothing_lost) = (unsettled.wait, unsettled.lost.is_empty());
        let token = self.recovery.token();
        if let Some(unsettled) = self.recovery.flows.get_mut(&flow) {
            (unsettled.token, unsettled.due) = (token, now + wait);
        }
        self.set_timer(now + wait, flow, Timer::Timeout(token));
        if nothing_lost {
            let hosts = self.hosts_at(flow.from.ip(), flow.to.ip());
            if let Some(arrival) = self.arrival(hosts, PROBE_BYTES, now) {
                self.set_timer(arrival, flow, Timer::Probe);
            }
        } else {
            self.resend(flow, 1, now);
        }
    }

    /// Sends the first so many lost segments again.
    fn resend(&mut self, flow: Flow, count: usize, now: SimTime) {
        let Some(unsettled) = self.recovery.flows.get_mut(&flow) else { return };
        let count = count.min(unsettled.lost.len());
        let packets: Vec<Packet> = unsettled.lost.drain(..count).collect();
        unsettled.under_way += packets.len() as u32;
        for packet in packets {
            self.add_to_link(packet, true, now);
        }
    }

    /// A repeated segment arrives at a peer that has it: it says again what it has, unless it knows nothing.
    fn probe(&mut self, flow: Flow, now: SimTime, arrivals: &mut Vec<Packet>) {
        if !self.recovery.flows.contains_key(&flow) || !self.is_open(flow.from.ip(), flow.to.ip(), now) {
            return;
        }
        let Some(unsettled) = self.recovery.flows.get(&flow) else { return };
        let rebooted = unsettled.peer_boot != self.boot_of(flow.to.ip());
        if rebooted || self.standing(flow.back()).is_none() {
            match unsettled.opening {
                // A client repeats its SYN, which a new kernel takes for a new one.
                Some(number) => arrivals.push(syn(flow, number)),
                None => self.add_to_link(reset(flow.to, flow.from), false, now),
            }
        } else if let Some(latest) = unsettled.latest.clone() {
            self.add_to_link(latest, false, now);
        }
    }

    fn give_up(&mut self, flow: Flow, now: SimTime) {
        let unsettled = self.recovery.flows.remove(&flow);
        let refused = unsettled.and_then(|unsettled| unsettled.refused);
        self.end(flow.from, flow.to, refused.unwrap_or(Failure::TimedOut), now);
    }
}

/// How long it takes until a timer that begins with `first` and doubles has ended `retries` + 1 times
/// (`tcp_model_timeout`): Linux counts the time, not the retransmissions.
fn doubled(first: Duration, retries: u32) -> Duration {
    let mut wait = first;
    let mut whole = wait;
    for _ in 0..retries.min(RETRIES_MAX) {
        wait = (wait * 2).min(RTO_MAX);
        whole += wait;
    }
    whole
}

/// What the kernel's settings allow (a byte).
const RETRIES_MAX: u32 = 255;

/// A segment without data, with its headers.
const PROBE_BYTES: u32 = 40;

/// A SYN of this number.
fn syn(flow: Flow, number: u32) -> Packet {
    let mut packet = reset(flow.from, flow.to);
    if let Transport::Tcp(segment) = &mut packet.payload {
        *segment = TcpSegment {
            seq: number,
            flags: TcpFlags { syn: true, ..TcpFlags::default() },
            window: u16::MAX,
            ..segment.clone()
        };
    }
    packet
}
