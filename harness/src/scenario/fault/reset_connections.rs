//! Every connection between two groups of nodes is reset: a firewall or a balancer between them has been restarted, and
//! has forgotten them. It happens at one moment; new connections can be made at once.

use super::{Kind, each_link};
use crate::plan::FaultKind;
use crate::scenario::selector;

pub(super) const KIND: Kind = Kind {
    name: "reset-connections",
    doc: "every connection between two groups of nodes is reset, once; new ones can be made at once",
    keys: &[
        ("between", "one group: names or roles"),
        ("and", "the other group; all other nodes, if it is left out"),
    ],
    read: |table| Some((FaultKind::ResetConnections, selector::between(table)?)),
    candidates: |topology| {
        each_link(topology).into_iter().map(|target| (FaultKind::ResetConnections, target)).collect()
    },
};
