//! sshd refuses the key of whoever logs in. At the end it accepts it.

use super::{Kind, on_workers};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "ssh-key-rejected",
    doc: "a worker's sshd refuses the key, ssh exits with 255; at the end it accepts it",
    keys: &[("node", "which worker: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::SshKeyRejected, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_workers(topology, &[FaultKind::SshKeyRejected]),
};
