//! A machine loses its power: nothing is sent any more, not even a goodbye. At the end it boots.

use super::{Kind, each_machine};
use crate::plan::{FaultKind, Target};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "power-off",
    doc: "a machine loses its power; at the end it boots and its servers start",
    keys: &[("node", "the machine: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::PowerOff, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| {
        each_machine(topology).map(|node| (FaultKind::PowerOff, Target::Nodes(vec![node]))).collect()
    },
};
