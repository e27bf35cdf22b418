//! Somebody changes a file below the synced folder by hand. Nobody takes it back but the sync.

use super::{Kind, on_gateways};
use crate::plan::{FaultKind, HandChange};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "manual-change",
    doc: "somebody edits, removes or adds a file below the synced folder; nobody takes it back but the sync",
    keys: &[
        ("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list"),
        ("does", "`edit`, `delete` or `add`"),
        ("file", "the file, below the synced folder; drawn by the seed, if it is left out"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        if !table.has("does") {
            table.missing("does", "write `does = \"edit\"`, `\"delete\"` or `\"add\"`");
        }
        let choices = [("edit", HandChange::Edit), ("delete", HandChange::Delete), ("add", HandChange::Add)];
        let does = table.choice("does", &choices);
        let file = table.text("file").map(|path| selector::paths_below(table, vec![path]).concat());
        Some((FaultKind::ManualChange { does: does?, file }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let all = [HandChange::Edit, HandChange::Delete, HandChange::Add];
        on_gateways(topology, &all.map(|does| FaultKind::ManualChange { does, file: None }))
    },
};
