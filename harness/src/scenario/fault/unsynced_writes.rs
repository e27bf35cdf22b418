//! A power loss takes something else than usual of what was not synced: rsync and the gateway do not sync what they
//! write. At the end it takes what it usually does.

use super::{Kind, on_gateways};
use crate::plan::{FaultKind, UnsyncedWrites};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "unsynced-writes",
    doc: "says what a power loss takes of writes that were not synced; at the end it takes what ext4 loses",
    keys: &[
        ("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list"),
        (
            "lost",
            "`nothing`; `contents`: names stay, new files are empty; `everything` that was done meanwhile",
        ),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let choices = [
            ("nothing", UnsyncedWrites::Nothing),
            ("contents", UnsyncedWrites::Contents),
            ("everything", UnsyncedWrites::Everything),
        ];
        if !table.has("lost") {
            table.missing("lost", "write `lost = \"contents\"`: what a power loss takes");
        }
        let lost = table.choice("lost", &choices)?;
        Some((FaultKind::UnsyncedWrites { lost }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let losses = [UnsyncedWrites::Contents, UnsyncedWrites::Everything];
        on_gateways(topology, &losses.map(|lost| FaultKind::UnsyncedWrites { lost }))
    },
};
