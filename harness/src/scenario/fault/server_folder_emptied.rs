//! A worker's server was started on an emptied server folder, as the guide says, and nobody starts it again, as the guide
//! says too: it lacks the sequences that came later. At the end somebody does.

use super::{Kind, on_workers};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "server-folder-emptied",
    doc: "a worker is started with its server folder emptied, and not again, as it must be; at the end it is",
    keys: &[("node", "which worker: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::ServerFolderEmptied, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_workers(topology, &[FaultKind::ServerFolderEmptied]),
};
