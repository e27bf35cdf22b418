//! A process stands still (SIGSTOP, or a long garbage collection), while its kernel goes on accepting connections
//! and data for it. At the end it goes on.

use super::{Kind, each_server};
use crate::plan::FaultKind;
use crate::scenario::selector;

pub(super) const KIND: Kind = Kind {
    name: "process-pause",
    doc: "a process stands still (SIGSTOP, a long GC), its kernel goes on accepting; at the end it goes on",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, or a list"),
        ("process", "which: `wso2`, `nginx`, `cron`"),
    ],
    read: |table| Some((FaultKind::ProcessPause, selector::process(table, "wso2")?)),
    candidates: |topology| each_server(topology).map(|target| (FaultKind::ProcessPause, target)).collect(),
};
