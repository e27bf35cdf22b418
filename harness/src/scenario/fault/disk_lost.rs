//! A machine stops because its disk is broken. At the end it boots with another one, on which the product was
//! installed again, with an empty server folder or with the one that comes with it.

use super::{Kind, on_gateways};
use crate::plan::{ComesBack, FaultKind};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "disk-lost",
    doc: "a machine stops with a broken disk; at the end it boots with another, and its server folder is empty",
    keys: &[
        ("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list"),
        (
            "comes_back",
            "what is in its server folder then: `empty` (if it is left out), or `installed`: the product's own sequences",
        ),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let choices = [("empty", ComesBack::Empty), ("installed", ComesBack::Installed)];
        let comes_back = table.choice("comes_back", &choices).unwrap_or(ComesBack::Empty);
        Some((FaultKind::DiskLost { comes_back }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let kinds = [ComesBack::Empty, ComesBack::Installed];
        on_gateways(topology, &kinds.map(|comes_back| FaultKind::DiskLost { comes_back }))
    },
};
