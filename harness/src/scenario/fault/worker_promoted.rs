//! A worker is made the manager: it is started without its flags, the balancer sends writes to it, and it syncs to the other
//! workers. At the end it is a worker again. The old manager may still be there, or come back.

use super::{Kind, on_workers};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "worker-promoted",
    doc: "a worker becomes the manager: writes go to it and it syncs; at the end it is a worker again",
    keys: &[("node", "which worker: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::WorkerPromoted, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_workers(topology, &[FaultKind::WorkerPromoted]),
};
