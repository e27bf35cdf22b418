//! A disk answers late. At the end it is as quick as before.

use std::time::Duration;

use super::{Kind, on_gateways};
use crate::plan::FaultKind;
use crate::scenario::amount::{self, nanos};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "disk-slow",
    doc: "each access to a disk takes longer; at the end it does not",
    keys: &[
        ("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list"),
        ("delay", "how much longer each access takes: `20ms`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let delay_ns = amount::delay(table, "20ms")?;
        Some((FaultKind::DiskSlow { delay_ns }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let delays = [Duration::from_millis(20), Duration::from_secs(2)];
        on_gateways(topology, &delays.map(|delay| FaultKind::DiskSlow { delay_ns: nanos(delay) }))
    },
};
