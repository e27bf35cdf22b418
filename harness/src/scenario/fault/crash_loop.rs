//! A process crashes, is started again by its init system, and crashes again. At the end it stays up.

use std::time::Duration;

use super::{Kind, each_server};
use crate::plan::FaultKind;
use crate::scenario::selector;

/// `RestartSec` of systemd.service(5).
const RESTART: Duration = Duration::from_millis(100);

pub(super) const KIND: Kind = Kind {
    name: "crash-loop",
    doc: "a process crashes, is restarted as systemd does, and crashes again; at the end it stays up",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, or a list"),
        ("process", "which: `wso2`, `nginx`, `cron`"),
        ("up", "how long it runs each time: `20s`"),
        (
            "restart",
            "how long until it is started again: `5s`; 100 ms if it is left out, as systemd's RestartSec",
        ),
    ],
    read: |table| {
        let target = selector::process(table, "wso2");
        if !table.has("up") {
            table.missing("up", "write `up = \"20s\"`: how long the process runs before it crashes again");
        }
        let (up, restart) = (table.span_of_time("up"), table.span_of_time("restart"));
        for span in up.iter().chain(&restart).filter(|span| span.value < Duration::from_millis(1)) {
            table.reader.error(span.span.clone(), "this span is too short", "write at least `1ms`");
        }
        let restart = restart.map_or(RESTART, |span| span.value);
        Some((FaultKind::CrashLoop { up: up?.value, restart }, target?))
    },
    candidates: |topology| {
        let kind = FaultKind::CrashLoop { up: Duration::from_secs(20), restart: Duration::from_secs(5) };
        each_server(topology).map(|target| (kind.clone(), target)).collect()
    },
};
