//! The lock of a run that is gone lies around. At the end somebody removes it, if it still does.

use super::{Kind, on_syncing};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "stale-lock",
    doc: "the lock of a sync run that is gone lies around; at the end somebody removes it, if no run did",
    keys: &[("node", "the node whose cron runs the sync: `the manager`")],
    read: |table| Some((FaultKind::StaleLock, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_syncing(topology, &[FaultKind::StaleLock]),
};
