//! sshd shows another host key than it did before. At the end it shows the one that is known.

use super::{Kind, on_workers};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "ssh-host-key-changed",
    doc: "a worker's sshd has a new host key; at the end the one that is known",
    keys: &[("node", "which worker: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::SshHostKeyChanged, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_workers(topology, &[FaultKind::SshHostKeyChanged]),
};
