//! The lines of a worker in the list are missing, or stand there twice. At the end the list is right.

use super::{Kind, on_workers};
use crate::plan::{FaultKind, ListMistake};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "workers-list-wrong",
    doc: "a worker is missing from the list of those that are synced, or stands in it twice; at the end the list is right",
    keys: &[
        ("node", "which worker: a name, `any worker`, `all workers`, or a list"),
        ("line", "`missing` or `doubled`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        if !table.has("line") {
            table.missing("line", "write `line = \"missing\"` or `\"doubled\"`");
        }
        let line =
            table.choice("line", &[("missing", ListMistake::Missing), ("doubled", ListMistake::Doubled)])?;
        Some((FaultKind::WorkersListWrong { line }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let mistakes = [ListMistake::Missing, ListMistake::Doubled];
        on_workers(topology, &mistakes.map(|line| FaultKind::WorkersListWrong { line }))
    },
};
