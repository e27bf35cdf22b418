//! Each line of the list takes the script longer, as with a cold cache or many checksums. At the end it does not.

use std::time::Duration;

use super::{Kind, on_syncing};
use crate::plan::FaultKind;
use crate::scenario::amount::{self, nanos};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "sync-slow",
    doc: "each transfer of the sync takes longer to begin, so that runs overlap; at the end it does not",
    keys: &[
        ("node", "the node whose cron runs the sync: `the manager`"),
        ("delay", "how much longer: `40s`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let delay_ns = amount::delay(table, "40s")?;
        Some((FaultKind::SyncSlow { delay_ns }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let delays = [Duration::from_secs(20), Duration::from_secs(90)];
        on_syncing(topology, &delays.map(|delay| FaultKind::SyncSlow { delay_ns: nanos(delay) }))
    },
};
