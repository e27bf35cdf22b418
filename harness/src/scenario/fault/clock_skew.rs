//! A clock is wrong by so much. At the end it is set right.

use super::{Kind, on_machines};
use crate::plan::FaultKind;
use crate::scenario::amount;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "clock-skew",
    doc: "a clock is wrong by so much; at the end it is set right",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, `the manager`, or a list"),
        ("by", "how much: `+90s`, `-2h`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let by_ns = amount::signed_span(table, "by", "+90s")?;
        Some((FaultKind::ClockSkew { by_ns }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let seconds = [-90, 90, -7200, 7200];
        on_machines(topology, &seconds.map(|by_s: i64| FaultKind::ClockSkew { by_ns: by_s * 1_000_000_000 }))
    },
};
