//! Packets between two groups of nodes are lost, in one direction or both. At the end they pass again.

use super::{Kind, each_link};
use crate::plan::{FaultKind, PartitionDirection, Target};
use crate::scenario::selector;

pub(super) const KIND: Kind = Kind {
    name: "partition",
    doc: "packets between two groups of nodes are lost; at the end they pass again",
    keys: &[
        ("between", "one group: names or roles"),
        ("and", "the other group; all other nodes, if it is left out"),
        ("direction", "`both` (if it is left out), `a-to-b` or `b-to-a`: whose packets are lost"),
    ],
    read: |table| {
        let target = selector::between(table);
        let direction = selector::direction(table);
        Some((FaultKind::Partition { direction }, target?))
    },
    candidates: |topology| {
        let directions = [PartitionDirection::Both, PartitionDirection::AToB, PartitionDirection::BToA];
        let of = |target: &Target| {
            directions.map(|direction| (FaultKind::Partition { direction }, target.clone()))
        };
        each_link(topology).iter().flat_map(of).collect()
    },
};
