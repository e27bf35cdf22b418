//! Work takes longer on a machine: a busy neighbour, a processor that is too hot. At the end it is as fast as before.

use super::{Kind, each_machine};
use crate::plan::{FaultKind, PERCENT_MAX, Target};
use crate::scenario::amount::parse_factor_percent;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "slow-cpu",
    doc: "work takes several times as long on a machine; at the end it is as fast as before",
    keys: &[
        ("node", "the machine: a name, `any worker`, `all workers`, or a list"),
        ("factor", "how many times as long: `10`, `1.5`"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        if !table.has("factor") {
            table.missing("factor", "write `factor = 10`: how many times as long work takes");
        }
        let factor = table.number_as_text("factor")?;
        match parse_factor_percent(&factor.value, PERCENT_MAX) {
            Ok(factor_percent) => Some((FaultKind::SlowCpu { factor_percent }, TargetSpec::Nodes(nodes?))),
            Err(why) => {
                table.reader.error(factor.span, "`factor` is not a factor", why);
                None
            }
        }
    },
    candidates: |topology| {
        let of = |node| (FaultKind::SlowCpu { factor_percent: 1000 }, Target::Nodes(vec![node]));
        each_machine(topology).map(of).collect()
    },
};
