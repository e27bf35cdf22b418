//! A machine stands still, as a virtual machine that its hypervisor does not run: nothing answers, nothing is
//! forgotten. At the end it goes on where it stood.

use super::{Kind, each_machine};
use crate::finding::did_you_mean;
use crate::plan::{FaultKind, FrozenClock, Target};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "freeze",
    doc: "a machine stands still with all that it remembers; at the end it goes on where it stood",
    keys: &[
        ("node", "the machine: a name, `any worker`, `all workers`, or a list"),
        (
            "clock",
            "its wall clock: `stands-still` (if it is left out): it is late from then on; `is-set`: the hypervisor's \
             agent sets it right at the end",
        ),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let clock = match table.text("clock") {
            None => FrozenClock::StandsStill,
            Some(text) => match text.value.as_str() {
                "stands-still" => FrozenClock::StandsStill,
                "is-set" => FrozenClock::IsSet,
                other => {
                    let help = did_you_mean(other, &["stands-still", "is-set"]);
                    table.reader.error(text.span, format!("a clock does not behave as `{other}`"), help);
                    FrozenClock::StandsStill
                }
            },
        };
        Some((FaultKind::Freeze { clock }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let of = |node| (FaultKind::Freeze { clock: FrozenClock::IsSet }, Target::Nodes(vec![node]));
        each_machine(topology).map(of).collect()
    },
};
