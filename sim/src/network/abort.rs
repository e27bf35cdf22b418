//! Connections that are broken from outside: a firewall or a balancer between the hosts has forgotten them and
//! answers both ends with a reset.

use harness::time::SimTime;

use super::failure::Failure;
use super::{HostIndex, Network};

impl Network {
    /// Both ends of every connection between two hosts, those that nobody has accepted among them, get a reset now.
    /// How many connections there were. An end on a machine that hears nothing gets none: it meets its peer's
    /// answer when it sends again.
    pub(crate) fn reset_between(&mut self, a: HostIndex, b: HostIndex, now: SimTime) -> usize {
        let (one, other) = (self.wires[a.place()].address, self.wires[b.place()].address);
        let of_one = self.stacks.ends(a).into_iter().filter(|(_, peer)| peer.ip() == other);
        let of_other = self.stacks.ends(b).into_iter().filter(|(_, peer)| peer.ip() == one);
        let ends: Vec<_> = of_one.chain(of_other).collect();
        let mut connections: Vec<_> =
            ends.iter().map(|&(local, peer)| (local.min(peer), local.max(peer))).collect();
        connections.sort_unstable();
        connections.dedup();
        for (local, peer) in ends {
            let hears = self.host_at(local.ip()).is_some_and(|host| self.hears(host));
            if hears {
                self.recovery.forget_sender(local, peer);
                self.end(local, peer, Failure::Reset, now);
            }
        }
        connections.len()
    }
}
