//! The cron job that syncs runs on a second node, too. At the end it is removed there.

use super::{Kind, on_workers};
use crate::plan::FaultKind;
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "cron-on-second-node",
    doc: "the cron job that syncs runs on a second node too; at the end it does not",
    keys: &[("node", "which worker: a name, `any worker`, `all workers`, or a list")],
    read: |table| Some((FaultKind::CronOnSecondNode, TargetSpec::Nodes(selector::nodes(table)?))),
    candidates: |topology| on_workers(topology, &[FaultKind::CronOnSecondNode]),
};
