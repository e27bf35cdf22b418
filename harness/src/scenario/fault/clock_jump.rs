//! A clock is set, forward or back, and stays as it is set.

use super::{Kind, on_machines};
use crate::plan::FaultKind;
use crate::scenario::amount;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "clock-jump",
    doc: "a clock is set by so much, and stays so",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, `the manager`, or a list"),
        ("by", "how much: `+90s`, `-2h`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let by_ns = amount::signed_span(table, "by", "+90s")?;
        Some((FaultKind::ClockJump { by_ns }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let seconds = [-3600, 3600, -5 * 3600, 5 * 3600];
        on_machines(topology, &seconds.map(|by_s: i64| FaultKind::ClockJump { by_ns: by_s * 1_000_000_000 }))
    },
};
