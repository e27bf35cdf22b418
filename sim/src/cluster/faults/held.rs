//! What active faults hold, so that overlapping ones do not heal each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use harness::plan::LinkChange;
use harness::trace::NodeName;

use crate::network::LinkSpec;

/// What active faults hold.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// How many faults keep a node without power.
    pub(super) unpowered: Holds<NodeName>,
    /// How many faults keep a process of a node down.
    pub(super) killed: Holds<(NodeName, Arc<str>)>,
    /// Links that are not as the cluster's files say: from, to.
    pub(super) links: BTreeMap<(NodeName, NodeName), ChangedLink>,
}

/// How many faults hold each of some things down.
#[derive(Debug)]
pub(super) struct Holds<K>(BTreeMap<K, u32>);

/// What a link was like before any fault, and the changes that act on it, in order, by fault.
#[derive(Debug)]
pub(super) struct ChangedLink {
    pub(super) original: LinkSpec,
    pub(super) changes: Vec<(Arc<str>, LinkChange)>,
}

impl<K> Default for Holds<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Holds<K> {
    /// Adds one hold; whether it is the first.
    pub(super) fn take(&mut self, key: K) -> bool {
        let count = self.0.entry(key).or_default();
        *count += 1;
        *count == 1
    }

    /// Takes one hold back; whether it was the last.
    pub(super) fn release(&mut self, key: &K) -> bool {
        match self.0.get_mut(key) {
            Some(1) => {
                self.0.remove(key);
                true
            }
            Some(count) => {
                *count -= 1;
                false
            }
            None => false,
        }
    }

    /// Whether any fault holds it.
    pub(super) fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }
}

impl ChangedLink {
    /// What the link is like with all changes; the later one wins.
    pub(super) fn spec(&self) -> LinkSpec {
        self.changes.iter().fold(self.original, |spec, (_, change)| LinkSpec {
            latency: change.latency_ns.map_or(spec.latency, Duration::from_nanos),
            jitter: change.jitter_ns.map_or(spec.jitter, Duration::from_nanos),
            bandwidth: change.bandwidth_bytes_per_s.or(spec.bandwidth),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_faults_hold_is_free_when_the_second_lets_go() {
        let mut holds = Holds::default();
        assert!(holds.take("worker1"));
        assert!(!holds.take("worker1"));
        assert!(!holds.release(&"worker1"));
        assert!(holds.contains(&"worker1"));
        assert!(holds.release(&"worker1"));
        assert!(!holds.contains(&"worker1"));
        assert!(!holds.release(&"worker1"), "nobody holds it");
    }
}
