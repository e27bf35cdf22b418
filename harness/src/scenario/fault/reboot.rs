//! A machine is shut down in its order and boots again: its processes are stopped first, its disk is synced, its peers
//! hear that it goes. How long it is away is the fault's length.

use super::{Kind, each_machine};
use crate::plan::{FaultKind, Target};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "reboot",
    doc: "a machine is shut down in its order (SIGTERM, SIGKILL after 90 s, disk synced); at the end it boots",
    keys: &[("node", "the machine: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::Reboot, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| {
        each_machine(topology).map(|node| (FaultKind::Reboot, Target::Nodes(vec![node]))).collect()
    },
};
