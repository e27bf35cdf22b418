//! A worker's server is started again without its flags: it accepts writes. At the end it is started with them.

use super::{Kind, on_workers};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "started-without-flags",
    doc: "a worker's server is started without its flags and accepts writes; at the end it is started with them",
    keys: &[("node", "which worker: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::StartedWithoutFlags, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_workers(topology, &[FaultKind::StartedWithoutFlags]),
};
