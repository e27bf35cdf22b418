//! A clock runs too fast or too slow. At the end it is set right.

use super::{Kind, on_machines};
use crate::plan::FaultKind;
use crate::scenario::amount;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "clock-drift",
    doc: "a clock runs too fast or too slow; at the end it is set right",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, `the manager`, or a list"),
        ("rate", "how much faster than time: `+200ppm`, `-5%`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let rate_ppm = amount::rate_of_drift(table, "rate")?;
        Some((FaultKind::ClockDrift { rate_ppm }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        on_machines(topology, &[-100_000, 500, 100_000].map(|rate_ppm| FaultKind::ClockDrift { rate_ppm }))
    },
};
