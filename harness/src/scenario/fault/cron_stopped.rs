//! Somebody stops cron. At the end it is started.

use super::{Kind, on_syncing};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "cron-stopped",
    doc: "somebody stops cron, and nothing is synced; at the end it is started",
    keys: &[("node", "the node whose cron runs the sync: `the manager`")],
    read: |table| Some((FaultKind::CronStopped, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_syncing(topology, &[FaultKind::CronStopped]),
};
