//! The next transfer to a worker is killed half-way. The next run of cron repairs what it left.

use super::{Kind, on_workers};
use crate::plan::{FaultKind, KillAt, KillSignal, TransferSide};
use crate::scenario::amount;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "rsync-killed",
    doc: "the next transfer to a worker is killed at its file k or byte n; the next one repairs what it left",
    keys: &[
        ("node", "which worker: a name, `any worker`, `all workers`, or a list"),
        ("at_file", "when so many files stand in their places: a number"),
        ("at_byte", "when so many bytes of content were written: `64KiB`"),
        ("signal", "`kill` (SIGKILL, if it is left out) or `term` (SIGTERM)"),
        ("side", "which process: `receiver` (if it is left out) or `sender`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let at_file = table.number("at_file").map(|number| number.value);
        let at = KillAt { at_file, at_byte: amount::bytes(table, "at_byte") };
        if !table.has("at_file") && !table.has("at_byte") {
            table.missing("at_file", "say when it is killed: `at_file = 3`, or `at_byte = \"64KiB\"`");
        }
        let signals = [("kill", KillSignal::Kill), ("term", KillSignal::Term)];
        let signal = table.choice("signal", &signals).unwrap_or(KillSignal::Kill);
        let sides = [("receiver", TransferSide::Receiver), ("sender", TransferSide::Sender)];
        let side = table.choice("side", &sides).unwrap_or(TransferSide::Receiver);
        Some((FaultKind::RsyncKilled { at, signal, side }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let mut kinds = Vec::new();
        for signal in [KillSignal::Kill, KillSignal::Term] {
            for side in [TransferSide::Receiver, TransferSide::Sender] {
                for at in [
                    KillAt { at_file: Some(2), at_byte: None },
                    KillAt { at_file: None, at_byte: Some(1000) },
                ] {
                    kinds.push(FaultKind::RsyncKilled { at, signal, side });
                }
            }
        }
        on_workers(topology, &kinds)
    },
};
