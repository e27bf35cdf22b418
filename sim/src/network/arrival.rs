//! What comes to the end of its link: whether it gets through, what a firewall makes of it, and who gets it.

use harness::time::SimTime;
use turmoil_net::{Packet, TcpSegment, Transport};

use super::failure::Failure;
use super::firewall::FirewallAction;
use super::recovery::Flow;
use super::{Happening, HostIndex, Network, Travelling, reset};

/// The length of an ICMP message that quotes a packet's headers (RFC 792), at most.
const ICMP_BYTES: u32 = 576;

impl Network {
    /// Lets the next thing happen: packets that arrive by it go into the socket stacks.
    pub(crate) fn step(&mut self, now: SimTime) {
        let Some(happening) = self.agenda.pop() else { return };
        self.forget_orphans(now);
        match happening {
            Happening::Arrival(travelling) => self.is_at_the_end(travelling, now),
            Happening::Overflow(Travelling { packet, sent, again, .. }) => {
                self.ledger.census.under_way -= 1;
                self.ledger.census.lost += 1;
                self.lose(*packet, again, sent, now);
            }
            Happening::Refusal(flow, why) => self.refused(flow, why, now),
            Happening::End { local, peer, why } => {
                if let Some(host) = self.host_at(local.ip()) {
                    self.deliver(host, &mut reset(peer, local), why, now);
                }
            }
            Happening::Timer(flow, timer) => {
                let mut arrivals = Vec::new();
                self.timer(flow, timer, now, &mut arrivals);
                self.deliver_all(arrivals, now);
            }
        }
    }

    /// A packet is at the end of its link.
    fn is_at_the_end(&mut self, travelling: Travelling, now: SimTime) {
        let Travelling { mut packet, hosts, sent, again } = travelling;
        self.note_use(hosts, now);
        self.note_arrival(&packet, hosts, now);
        self.ledger.census.under_way -= 1;
        let got_through =
            hosts.filter(|&hosts| self.is_open_between(hosts, now) && !self.is_doomed(&packet, hosts));
        match got_through {
            Some((_, to)) if self.meets_nothing(to, &packet) => {
                self.ledger.census.arrived += 1;
                self.ledger.delivered(std::slice::from_ref(&*packet));
                self.deliver(to, &mut packet, Failure::Reset, now);
            }
            Some(_) => {
                self.ledger.census.arrived += 1;
                let mut arrivals = Vec::new();
                self.filter(*packet, again, sent, now, &mut arrivals);
                self.ledger.delivered(&arrivals);
                self.deliver_all(arrivals, now);
            }
            None => {
                self.ledger.census.lost += 1;
                self.lose(*packet, again, sent, now);
            }
        }
    }

    /// Whether neither a firewall nor what was lost before stands between an arriving packet and its host's stack.
    fn meets_nothing(&self, to: HostIndex, packet: &Packet) -> bool {
        let Transport::Tcp(segment) = &packet.payload else { return true };
        self.wires[to.place()].firewall.action(segment.dst_port).is_none()
            && !self.recovery.concerns(packet, segment)
    }

    /// Hands packets to the socket stacks of their hosts.
    fn deliver_all(&mut self, packets: Vec<Packet>, now: SimTime) {
        for mut packet in packets {
            if let Some(host) = self.host_at(packet.dst) {
                self.deliver(host, &mut packet, Failure::Reset, now);
            }
        }
    }

    /// Hands a packet to a host's socket stack; `why` says what a reset means.
    fn deliver(&mut self, host: HostIndex, packet: &mut Packet, why: Failure, now: SimTime) {
        if !self.stacks.receive(host, packet, why) {
            self.drop_syn(packet.clone(), now);
        }
    }

    /// A packet is at its host: does the firewall let it in?
    fn filter(
        &mut self,
        packet: Packet,
        again: bool,
        sent: SimTime,
        now: SimTime,
        arrivals: &mut Vec<Packet>,
    ) {
        let action = match (self.host_at(packet.dst), &packet.payload) {
            (Some(to), Transport::Tcp(segment)) => {
                self.wires[to.place()].firewall.action(segment.dst_port).map(|action| (action, segment))
            }
            _ => None,
        };
        let Some((action, segment)) = action else { return self.arrive(packet, again, now, arrivals) };
        let (flow, is_reset) = (Flow::of(&packet, segment), segment.flags.rst);
        if action == FirewallAction::Reset && !is_reset {
            // The connection ends for its sender; this end never hears of the packet.
            return self.add_to_link(reset(flow.to, flow.from), false, now);
        }
        if let Some(why) = action.message() {
            let (back, bytes) = (flow.back(), ICMP_BYTES.min(packet.size() + 28));
            if let Some(at) = self.arrival(self.hosts_at(back.from.ip(), back.to.ip()), bytes, now) {
                self.schedule(at, Happening::Refusal(flow, why));
            }
        }
        self.lose(packet, again, sent, now);
    }

    /// An ICMP message is at the sender of a flow, unless it is lost as packets are.
    fn refused(&mut self, flow: Flow, why: Failure, now: SimTime) {
        if self.is_open(flow.to.ip(), flow.from.ip(), now) && self.recovery.hear_refusal(flow, why) {
            self.recovery.forget(flow);
            self.end(flow.from, flow.to, why, now);
        }
    }

    fn arrive(&mut self, packet: Packet, again: bool, now: SimTime, arrivals: &mut Vec<Packet>) {
        let Transport::Tcp(segment) = &packet.payload else { return arrivals.push(packet) };
        if self.is_for_nobody(Flow::of(&packet, segment), segment) {
            // Whatever is lost before it: the answer is a reset.
            arrivals.push(packet);
        } else {
            self.arrive_unsettled(packet, again, now, arrivals);
        }
    }

    /// Whether a segment comes for a connection that its addressee does not know any more, or carries data for a
    /// program that is gone.
    fn is_for_nobody(&self, flow: Flow, segment: &TcpSegment) -> bool {
        let Some(host) = self.host_at(flow.to.ip()) else { return false };
        match self.stacks.is_orphan(host, flow.to, flow.from) {
            Some(orphan) => orphan && !segment.payload.is_empty(),
            None => !segment.flags.syn && !segment.flags.rst,
        }
    }

    /// A SYN came to a listener whose queue is full: it is lost, as Linux has it.
    fn drop_syn(&mut self, syn: Packet, now: SimTime) {
        let travelled = self.latency(syn.src, syn.dst);
        let sent = SimTime::from_nanos(now.as_nanos().saturating_sub(travelled.as_nanos() as u64));
        self.lose(syn, false, sent, now);
    }
}
