//! A process is asked to end (SIGTERM), as `systemctl stop` does: it drains its connections in its own way. If it has
//! not ended 90 s later it is killed. At the end it is started again.

use super::{Kind, each_server};
use crate::plan::FaultKind;
use crate::scenario::selector;

pub(super) const KIND: Kind = Kind {
    name: "process-stop",
    doc: "a process is stopped in its own order (SIGTERM, SIGKILL after 90 s); at the end it is started again",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, or a list"),
        ("process", "which: `wso2`, `nginx`, `cron`"),
    ],
    read: |table| Some((FaultKind::ProcessStop, selector::process(table, "wso2")?)),
    candidates: |topology| each_server(topology).map(|target| (FaultKind::ProcessStop, target)).collect(),
};
