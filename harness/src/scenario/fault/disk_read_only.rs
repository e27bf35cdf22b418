//! A file system goes read-only, as ext4 does after an error. At the end it can be written again.

use super::{Kind, on_gateways};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "disk-read-only",
    doc: "a file system is read-only, writes fail with EROFS; at the end it can be written again",
    keys: &[("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list")],
    read: |table| Some((FaultKind::DiskReadOnly, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_gateways(topology, &[FaultKind::DiskReadOnly]),
};
