//! A process is killed (SIGKILL), while its machine and its kernel go on. At the end it is started again.

use super::Kind;
use crate::plan::{FaultKind, Target};
use crate::scenario::selector;
use crate::trace::NodeName;

pub(super) const KIND: Kind = Kind {
    name: "process-kill",
    doc: "a process is killed with SIGKILL; at the end it is started again",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, or a list"),
        ("process", "which: `wso2`, `nginx`, `cron`"),
    ],
    read: |table| Some((FaultKind::ProcessKill, selector::process(table, "wso2")?)),
    candidates: |topology| {
        let processes =
            topology.processes.iter().flat_map(|(node, names)| names.iter().map(move |name| (node, name)));
        let target = |(node, process): (&NodeName, &String)| Target::Process {
            nodes: vec![node.clone()],
            process: process.as_str().into(),
        };
        processes.map(|one| (FaultKind::ProcessKill, target(one))).collect()
    },
};
