//! Packets counted and followed: the network neither invents nor duplicates what programs send.
//!
//! Each byte of a connection's data that a socket stack puts on a link is handed to the peer's stack at most once,
//! whatever was lost, repeated and reordered in between. The counters are always kept; following each segment costs
//! memory and time, and is done in builds with debug assertions, where a segment that nobody sent, or that comes
//! a second time, is a panic.

use std::collections::BTreeMap;

use turmoil_net::{Packet, Transport};

use super::recovery::Flow;

/// How many packets there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Packets that socket stacks sent.
    pub sent: u64,
    /// Packets that the model of the kernels added: retransmissions, repeated acknowledgements, resets.
    pub added: u64,
    /// Packets that came to the end of their link.
    pub arrived: u64,
    /// Packets that were lost: on a cut link, by chance, in a full queue, at a machine that hears nothing.
    pub lost: u64,
    /// Packets that are on their way.
    pub under_way: u64,
    /// Bytes of data that socket stacks sent.
    pub data_sent: u64,
    /// Bytes of data that were handed to socket stacks.
    pub data_delivered: u64,
}

impl Census {
    /// Whether every packet is accounted for, and no data came out that had not gone in.
    pub fn is_balanced(&self) -> bool {
        self.sent + self.added == self.arrived + self.lost + self.under_way
            && self.data_delivered <= self.data_sent
    }
}

/// The count, and the segments that are followed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) census: Census,
    /// Data that was sent and not yet delivered: its place in the stream, and how long it is.
    outstanding: BTreeMap<Flow, BTreeMap<u32, usize>>,
}

impl Ledger {
    /// A socket stack sends a packet.
    pub(super) fn sent(&mut self, packet: &Packet) {
        self.census.sent += 1;
        let Transport::Tcp(segment) = &packet.payload else { return };
        self.census.data_sent += segment.payload.len() as u64;
        if cfg!(debug_assertions) {
            let flow = Flow::of(packet, segment);
            if segment.flags.syn {
                // A connection begins: what an earlier one of the same ports never got, nobody waits for.
                self.outstanding.remove(&flow);
            } else if !segment.payload.is_empty() {
                let twice =
                    self.outstanding.entry(flow).or_default().insert(segment.seq, segment.payload.len());
                assert!(twice.is_none(), "{flow:?} sent {} a second time", segment.seq);
            }
        }
    }

    /// Packets are handed to socket stacks.
    pub(super) fn delivered(&mut self, packets: &[Packet]) {
        for packet in packets {
            let Transport::Tcp(segment) = &packet.payload else { continue };
            let bytes = segment.payload.len();
            self.census.data_delivered += bytes as u64;
            if cfg!(debug_assertions) && bytes > 0 {
                let flow = Flow::of(packet, segment);
                let known = self.outstanding.get_mut(&flow).and_then(|sent| sent.remove(&segment.seq));
                assert_eq!(known, Some(bytes), "{flow:?} got at {} what was not sent, or twice", segment.seq);
            }
        }
    }
}
