//! Ends of connections whose process has closed them or is gone.
//!
//! Linux answers data that arrives at such an end with a reset (nobody will ever read it), and forgets the end
//! after `tcp_fin_timeout`, 60 s (tcp(7)).

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use harness::time::SimTime;
use turmoil_net::TcpSegment;

use super::recovery::Flow;

/// `net.ipv4.tcp_fin_timeout`.
const FIN_TIMEOUT: Duration = Duration::from_secs(60);

type Ends = (SocketAddr, SocketAddr);

/// All orphaned ends: local address and peer, to the moment at which the kernel forgets them.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    until: BTreeMap<Ends, SimTime>,
    queue: VecDeque<(SimTime, Ends)>,
}

impl Orphans {
    pub(crate) fn add(&mut self, local: SocketAddr, peer: SocketAddr, now: SimTime) {
        let until = now + FIN_TIMEOUT;
        self.until.insert((local, peer), until);
        self.queue.push_back((until, (local, peer)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    pub(crate) fn remove(&mut self, local: SocketAddr, peer: SocketAddr) {
        if !self.until.is_empty() {
            self.until.remove(&(local, peer));
        }
    }

    pub(crate) fn forget_host(&mut self, address: IpAddr) {
        self.until.retain(|(local, _), _| local.ip() != address);
    }

    /// Whether a segment that arrives meets an orphaned end that answers with a reset. What ends the connection
    /// in good order ends the orphan too.
    pub(super) fn answers_with_reset(&mut self, flow: Flow, segment: &TcpSegment) -> bool {
        if self.until.is_empty() || segment.payload.is_empty() && !segment.flags.fin && !segment.flags.rst {
            return false;
        }
        self.until.remove(&(flow.to, flow.from)).is_some()
            && !segment.payload.is_empty()
            && !segment.flags.rst
    }

    /// The next end that the kernel forgets by now, if it still is there.
    pub(crate) fn expired(&mut self, now: SimTime) -> Option<Ends> {
        while let Some(&(until, ends)) = self.queue.front() {
            if until > now {
                return None;
            }
            self.queue.pop_front();
            if self.until.get(&ends) == Some(&until) {
                self.until.remove(&ends);
                return Some(ends);
            }
        }
        None
    }
}
