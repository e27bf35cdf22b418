//! Faults: how each kind acts on the simulated hosts and links, and how it is healed. A file a kind.
//!
//! Faults may overlap. What two of them hold down comes back when the last one ends: each keeps its own count
//! or its own change, and healing takes back that one only.

mod held;
mod partition;
mod power_off;
mod process_kill;
mod slow_link;

use std::sync::Arc;

use harness::plan::{Fault, FaultKind, PartitionDirection, Target};
use harness::trace::{EventKind, NodeName};

use self::held::Held;
use super::nodes::Nodes;
use crate::engine::Engine;
use crate::host::Host;

/// The faults that act at present.
#[derive(Debug, Default)]
pub(super) struct ActiveFaults {
    held: Held,
}

/// What a fault acts on.
struct Stage<'a> {
    nodes: &'a Nodes,
    engine: &'a mut Engine,
    held: &'a mut Held,
}

impl ActiveFaults {
    /// Lets a fault act.
    pub(super) fn inject(&mut self, fault: &Fault, nodes: &Nodes, engine: &mut Engine) {
        let stage = &mut Stage { nodes, engine, held: &mut self.held };
        match &fault.kind {
            FaultKind::ProcessKill => process_kill::inject(fault, stage),
            FaultKind::PowerOff => power_off::inject(fault, stage),
            FaultKind::Partition { direction } => partition::inject(fault, *direction, stage),
            FaultKind::SlowLink { change } => slow_link::inject(fault, change, stage),
        }
    }

    /// Takes a fault back.
    pub(super) fn heal(&mut self, fault: &Fault, nodes: &Nodes, engine: &mut Engine) {
        let stage = &mut Stage { nodes, engine, held: &mut self.held };
        match &fault.kind {
            FaultKind::ProcessKill => process_kill::heal(fault, stage),
            FaultKind::PowerOff => power_off::heal(fault, stage),
            FaultKind::Partition { direction } => partition::heal(fault, *direction, stage),
            FaultKind::SlowLink { .. } => slow_link::heal(fault, stage),
        }
    }
}

/// Records on a node that the fault found nothing to act on there.
fn had_no_effect(host: &Host, fault: &Fault, why: String) {
    host.record(EventKind::FaultHadNoEffect { fault: fault.name.clone(), why: why.into() });
}

/// The nodes and the process that the fault acts on.
///
/// # Panics
/// On another target: [`FaultKind::can_act_on`] refuses such a plan.
fn process_of(fault: &Fault) -> (&[NodeName], &Arc<str>) {
    match &fault.target {
        Target::Process { nodes, process } => (nodes, process),
        other => unreachable!("a plan never has {} on {other:?}", fault.kind.name()),
    }
}

/// Each direction of each link between the two groups of the fault's target that `direction` names: from, to. A
/// node has no link to itself.
///
/// # Panics
/// On another target: [`FaultKind::can_act_on`] refuses such a plan.
fn links_of(fault: &Fault, direction: PartitionDirection, nodes: &Nodes) -> Vec<(Host, Host)> {
    let Target::Between { a, b } = &fault.target else {
        unreachable!("a plan never has {} on {:?}", fault.kind.name(), fault.target)
    };
    let mut links = Vec::new();
    for one in a {
        for other in b.iter().filter(|other| *other != one) {
            let (one, other) = (nodes.host(one), nodes.host(other));
            if direction != PartitionDirection::BToA {
                links.push((one.clone(), other.clone()));
            }
            if direction != PartitionDirection::AToB {
                links.push((other.clone(), one.clone()));
            }
        }
    }
    links
}
