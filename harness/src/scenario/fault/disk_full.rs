//! A disk is full: what fits is written, then ENOSPC. At the end it has the room that it had.

use super::{Kind, on_gateways};
use crate::plan::FaultKind;
use crate::scenario::amount;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "disk-full",
    doc: "a disk has no more room, writes fail with ENOSPC; at the end it has what it had",
    keys: &[
        ("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list"),
        ("free", "what can still be written, in whole blocks: `64KiB`; nothing, if it is left out"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let free_bytes = amount::bytes(table, "free").unwrap_or(0);
        Some((FaultKind::DiskFull { free_bytes }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        on_gateways(topology, &[0, 16 << 10].map(|free_bytes| FaultKind::DiskFull { free_bytes }))
    },
};
