//! A process has no file descriptor left: it accepts no connection and makes none, while those that are open go on. At
//! the end there are some again.

use super::{Kind, each_server};
use crate::plan::FaultKind;
use crate::scenario::selector;

pub(super) const KIND: Kind = Kind {
    name: "out-of-descriptors",
    doc: "a process has no file descriptor left: accept and connect fail (EMFILE); at the end it has some again",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, or a list"),
        ("process", "which: `wso2`, `nginx`, `sshd`"),
    ],
    read: |table| Some((FaultKind::OutOfDescriptors, selector::process(table, "nginx")?)),
    candidates: |topology| {
        each_server(topology).map(|target| (FaultKind::OutOfDescriptors, target)).collect()
    },
};
