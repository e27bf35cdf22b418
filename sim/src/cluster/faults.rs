//! Faults: how each kind acts on the simulated hosts and links, and how it is healed.
//!
//! Faults may overlap. What two of them hold down comes back when the last one ends: each keeps its own count
//! or its own change, and healing takes back that one only.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness::plan::{Fault, FaultKind, LinkChange, PartitionDirection, Target};
use harness::trace::{EventKind, NodeName};

use super::nodes::Nodes;
use crate::engine::Engine;
use crate::host::Host;
use crate::network::LinkSpec;

/// What active faults hold, so that overlapping ones do not heal each other.
#[derive(Debug, Default)]
pub(super) struct ActiveFaults {
    /// How many faults keep a node without power.
    unpowered: BTreeMap<NodeName, u32>,
    /// How many faults keep a process of a node down.
    killed: BTreeMap<(NodeName, Arc<str>), u32>,
    /// What links were like before any fault, and the changes that act on them, in order.
    links: BTreeMap<(NodeName, NodeName), ChangedLink>,
}

#[derive(Debug)]
struct ChangedLink {
    original: LinkSpec,
    changes: Vec<(Arc<str>, LinkChange)>,
}

impl ActiveFaults {
    /// Lets a fault act.
    pub(super) fn inject(&mut self, fault: &Fault, nodes: &Nodes, engine: &mut Engine) {
        match (&fault.kind, &fault.target) {
            (FaultKind::ProcessKill, Target::Process { nodes: names, process }) => {
                for name in names {
                    self.kill(fault, nodes, name, process);
                }
            }
            (FaultKind::PowerOff, target) => {
                for name in target.nodes() {
                    self.power_off(fault, nodes, &name);
                }
            }
            (FaultKind::Partition { direction }, Target::Between { a, b }) => {
                for_each_link(nodes, a, b, *direction, |from, to| engine.cut(from, to));
            }
            (FaultKind::SlowLink { change }, Target::Between { a, b }) => {
                for_each_link(nodes, a, b, PartitionDirection::Both, |from, to| {
                    self.change_link(&fault.name, change, from, to, engine);
                });
            }
            (kind, target) => unreachable!("a plan never has {} on {target:?}", kind.name()),
        }
    }

    /// Takes a fault back.
    pub(super) fn heal(&mut self, fault: &Fault, nodes: &Nodes, engine: &mut Engine) {
        match (&fault.kind, &fault.target) {
            (FaultKind::ProcessKill, Target::Process { nodes: names, process }) => {
                for name in names {
                    let key = (name.clone(), process.clone());
                    if release(&mut self.killed, &key) && !self.unpowered.contains_key(name) {
                        nodes.start_service(name, process);
                    }
                }
            }
            (FaultKind::PowerOff, target) => {
                for name in target.nodes() {
                    if release(&mut self.unpowered, &name) {
                        nodes.boot(&name, |process| {
                            !self.killed.contains_key(&(name.clone(), Arc::from(process)))
                        });
                    }
                }
            }
            (FaultKind::Partition { direction }, Target::Between { a, b }) => {
                for_each_link(nodes, a, b, *direction, |from, to| engine.join(from, to));
            }
            (FaultKind::SlowLink { .. }, Target::Between { a, b }) => {
                for_each_link(nodes, a, b, PartitionDirection::Both, |from, to| {
                    self.restore_link(&fault.name, from, to, engine);
                });
            }
            (kind, target) => unreachable!("a plan never has {} on {target:?}", kind.name()),
        }
    }

    fn kill(&mut self, fault: &Fault, nodes: &Nodes, name: &NodeName, process: &Arc<str>) {
        let host = nodes.host(name);
        let running = host.processes(process);
        if running.is_empty() {
            had_no_effect(host, fault, format!("{process} does not run on {name}"));
        }
        *self.killed.entry((name.clone(), process.clone())).or_default() += 1;
        for process in running {
            process.kill();
        }
    }

    fn power_off(&mut self, fault: &Fault, nodes: &Nodes, name: &NodeName) {
        let host = nodes.host(name);
        if !host.is_powered() {
            had_no_effect(host, fault, format!("{name} has no power already"));
        }
        *self.unpowered.entry(name.clone()).or_default() += 1;
        host.power_off();
    }

    fn change_link(
        &mut self,
        fault: &Arc<str>,
        change: &LinkChange,
        from: &Host,
        to: &Host,
        engine: &mut Engine,
    ) {
        let original = engine.link(from, to);
        let link = self
            .links
            .entry((from.name().clone(), to.name().clone()))
            .or_insert(ChangedLink { original, changes: Vec::new() });
        link.changes.push((fault.clone(), change.clone()));
        engine.set_link(from, to, link.spec());
    }

    fn restore_link(&mut self, fault: &Arc<str>, from: &Host, to: &Host, engine: &mut Engine) {
        let key = (from.name().clone(), to.name().clone());
        let Some(link) = self.links.get_mut(&key) else { return };
        link.changes.retain(|(name, _)| name != fault);
        engine.set_link(from, to, link.spec());
        if link.changes.is_empty() {
            self.links.remove(&key);
        }
    }
}

impl ChangedLink {
    fn spec(&self) -> LinkSpec {
        use std::time::Duration;
        self.changes.iter().fold(self.original, |spec, (_, change)| LinkSpec {
            latency: change.latency_ns.map_or(spec.latency, Duration::from_nanos),
            jitter: change.jitter_ns.map_or(spec.jitter, Duration::from_nanos),
            bandwidth: change.bandwidth_bytes_per_s.or(spec.bandwidth),
        })
    }
}

fn had_no_effect(host: &Host, fault: &Fault, why: String) {
    host.record(EventKind::FaultHadNoEffect { fault: fault.name.clone(), why: why.into() });
}

/// Takes one hold back; whether it was the last.
fn release<K: Ord>(holds: &mut BTreeMap<K, u32>, key: &K) -> bool {
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

/// Calls `act` for each direction between the two groups that `direction` names. A node has no link to itself.
fn for_each_link(
    nodes: &Nodes,
    a: &[NodeName],
    b: &[NodeName],
    direction: PartitionDirection,
    mut act: impl FnMut(&Host, &Host),
) {
    for one in a {
        for other in b.iter().filter(|other| *other != one) {
            let (one, other) = (nodes.host(one), nodes.host(other));
            if direction != PartitionDirection::BToA {
                act(one, other);
            }
            if direction != PartitionDirection::AToB {
                act(other, one);
            }
        }
    }
}
