//! What active faults hold, so that overlapping ones do not heal each other.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use harness::plan::{JitterShape, LinkChange};
use harness::time::SimTime;
use harness::trace::NodeName;

use crate::config::HostsFile;
use crate::disk::{Ino, UnsyncedLoss};
use crate::engine::Errand;
use crate::network::{self, Flap, LinkSpec};

/// What each of some faults, by name, wants of one thing, in the order in which they began.
pub(in crate::cluster) type ByFault<T> = Vec<(Arc<str>, T)>;

/// What active faults hold.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// How many faults keep a node without power.
    pub(super) unpowered: Holds<NodeName>,
    /// Which faults have begun to shut down which node.
    pub(super) going_down: BTreeSet<(Arc<str>, NodeName)>,
    /// How many faults keep a process of a node down.
    pub(super) killed: Holds<(NodeName, Arc<str>)>,
    /// How many faults have paused a process of a node.
    pub(super) paused: Holds<(NodeName, Arc<str>)>,
    /// How many faults leave a process of a node without file descriptors.
    pub(super) without_descriptors: Holds<(NodeName, Arc<str>)>,
    /// How many faults make a node stand still.
    pub(super) frozen: Holds<NodeName>,
    /// Whether a fault that has ended asked for the clock to be set when the node goes on.
    pub(super) clock_to_be_set: BTreeSet<NodeName>,
    /// Services that are to be started as soon as their node goes on.
    pub(super) to_be_started: BTreeSet<(NodeName, Arc<str>)>,
    /// How much disks hold without any fault, and what faults limit that to.
    pub(super) capacities: BTreeMap<NodeName, (u64, ByFault<u64>)>,
    /// How many faults make a disk read-only.
    pub(super) read_only: Holds<NodeName>,
    /// How much longer faults make each access to a disk take.
    pub(super) disk_delays: BTreeMap<NodeName, ByFault<Duration>>,
    /// What a power loss takes of what was not synced, by fault, the last one last.
    pub(super) unsynced: BTreeMap<NodeName, ByFault<UnsyncedLoss>>,
    /// How much too fast clocks run by a fault, in parts per million, and since when.
    pub(super) drifts: BTreeMap<NodeName, ByFault<(i64, SimTime)>>,
    /// How many faults make sshd reject keys.
    pub(super) rejected: Holds<NodeName>,
    /// How many faults give sshd another host key.
    pub(super) host_key: Holds<NodeName>,
    /// How many faults make sshd hang.
    pub(super) hanging: Holds<NodeName>,
    /// Locks that faults have left, by their inodes.
    pub(super) locks: BTreeMap<NodeName, ByFault<Ino>>,
    /// Links that are not as the cluster's files say: from, to.
    pub(super) links: BTreeMap<(NodeName, NodeName), ChangedLink>,
    /// Links that flap, by fault: from, to, how.
    pub(super) flaps: BTreeMap<Arc<str>, Vec<(NodeName, NodeName, Flap)>>,
    /// Hosts files that are not as the cluster's files say.
    pub(super) names: BTreeMap<NodeName, ChangedNames>,
    /// How much slower work is on each node, in hundredths, by fault.
    pub(super) slowness: BTreeMap<NodeName, BTreeMap<Arc<str>, u32>>,
    /// Who lets processes crash again and again, by fault.
    pub(super) crashers: BTreeMap<Arc<str>, Vec<Errand>>,
}

/// How many faults hold each of some things down. Clones count together: whoever goes on by itself looks at one.
#[derive(Debug)]
pub(in crate::cluster) struct Holds<K>(Rc<RefCell<BTreeMap<K, u32>>>);

/// What a hosts file said before any fault, and what faults say instead, in order: fault, name, address.
#[derive(Debug)]
pub(super) struct ChangedNames {
    pub(super) original: HostsFile,
    pub(super) changes: Vec<(Arc<str>, String, Option<IpAddr>)>,
}

/// What a link was like before any fault, and the changes that act on it, in order, by fault.
#[derive(Debug)]
pub(super) struct ChangedLink {
    pub(super) original: LinkSpec,
    pub(super) changes: Vec<(Arc<str>, Change)>,
}

impl<K> Default for Holds<K> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<K> Clone for Holds<K> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<K: Ord> Holds<K> {
    /// Adds one hold; whether it is the first.
    pub(in crate::cluster) fn take(&self, key: K) -> bool {
        let mut holds = self.0.borrow_mut();
        let count = holds.entry(key).or_default();
        *count += 1;
        *count == 1
    }

    /// Takes one hold back; whether it was the last.
    pub(in crate::cluster) fn release(&self, key: &K) -> bool {
        let mut holds = self.0.borrow_mut();
        match holds.get_mut(key) {
            Some(1) => {
                holds.remove(key);
                true
            }
            Some(count) => {
                *count -= 1;
                false
            }
            None => false,
        }
    }

    /// What is held.
    pub(super) fn keys(&self) -> Vec<K>
    where
        K: Clone,
    {
        self.0.borrow().keys().cloned().collect()
    }

    /// Whether any fault holds it.
    pub(in crate::cluster) fn contains(&self, key: &K) -> bool {
        self.0.borrow().contains_key(key)
    }
}

impl ChangedNames {
    /// What the hosts file says with all changes; the later one wins.
    pub(super) fn file(&self) -> HostsFile {
        let changed = |file: HostsFile, (_, name, address): &(Arc<str>, String, Option<IpAddr>)| {
            file.with_name_at(name, *address)
        };
        self.changes.iter().fold(self.original.clone(), changed)
    }
}

/// What a fault does to a link.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// It is late, unsteady or narrow.
    Slow(LinkChange),
    /// It loses so many of a million packets.
    Lossy(u32),
}

impl ChangedLink {
    /// What the link is like with all changes; the later one wins.
    pub(super) fn spec(&self) -> LinkSpec {
        self.changes.iter().fold(self.original, |spec, (_, change)| match change {
            Change::Lossy(loss_ppm) => LinkSpec { loss_ppm: *loss_ppm, ..spec },
            Change::Slow(change) => LinkSpec {
                latency: change.latency_ns.map_or(spec.latency, Duration::from_nanos),
                jitter: change.jitter_ns.map_or(spec.jitter, Duration::from_nanos),
                jitter_shape: change.jitter_shape.map_or(spec.jitter_shape, shape_of),
                bandwidth: change.bandwidth_bytes_per_s.or(spec.bandwidth),
                queue_bytes: change.queue_bytes.or(spec.queue_bytes),
                loss_ppm: spec.loss_ppm,
            },
        })
    }
}

fn shape_of(shape: JitterShape) -> network::JitterShape {
    match shape {
        JitterShape::Even => network::JitterShape::Even,
        JitterShape::Normal => network::JitterShape::Normal,
        JitterShape::Exponential => network::JitterShape::Exponential,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_faults_hold_is_free_when_the_second_lets_go() {
        let holds = Holds::default();
        assert!(holds.take("worker1"));
        assert!(!holds.take("worker1"));
        assert!(!holds.release(&"worker1"));
        assert!(holds.contains(&"worker1"));
        assert!(holds.release(&"worker1"));
        assert!(!holds.contains(&"worker1"));
        assert!(!holds.release(&"worker1"), "nobody holds it");
    }
}
