//! Bytes of files below the synced folder turn to zeros. Nothing is taken back: what the sync does not see stays.

use super::{Kind, on_gateways};
use crate::plan::{DamagedFiles, FaultKind, MtimeOfDamage};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "files-corrupted",
    doc: "bytes of files change and their sizes do not; only the sync can repair them, where it sees them",
    keys: &[
        ("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list"),
        (
            "files",
            "how many files, drawn by the seed (1, if it is left out), or their paths below the synced folder",
        ),
        (
            "mtime",
            "the files' times: `kept` (if it is left out), which rsync's quick check does not see, or `changed`",
        ),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let files = match table.number_or_texts("files") {
            None => DamagedFiles::Count(1),
            Some(Ok(count)) => DamagedFiles::Count(count.value),
            Some(Err(paths)) => DamagedFiles::Named(selector::paths_below(table, paths)),
        };
        let choices = [("kept", MtimeOfDamage::Kept), ("changed", MtimeOfDamage::Changed)];
        let mtime = table.choice("mtime", &choices).unwrap_or(MtimeOfDamage::Kept);
        Some((FaultKind::FilesCorrupted { files, mtime }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let times = [MtimeOfDamage::Kept, MtimeOfDamage::Changed];
        let of = |mtime| FaultKind::FilesCorrupted { files: DamagedFiles::Count(2), mtime };
        on_gateways(topology, &times.map(of))
    },
};
