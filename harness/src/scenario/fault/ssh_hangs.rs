//! sshd accepts connections and says nothing on them. At the end it answers those that wait.

use super::{Kind, on_workers};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "ssh-hangs",
    doc: "a worker's sshd accepts connections and says nothing; at the end it answers",
    keys: &[("node", "which worker: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::SshHangs, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_workers(topology, &[FaultKind::SshHangs]),
};
