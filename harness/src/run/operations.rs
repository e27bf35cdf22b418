//! The operations of each workload, one after another: a function of the plan alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::Operation;
use crate::plan::{Plan, Workload, WorkloadKind};
use crate::trace::event::OpKind;

/// How far each workload is.
#[derive(Debug)]
pub(super) struct Operations {
    started: u64,
    workloads: Vec<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    done: u64,
    deleted: BTreeSet<Arc<str>>,
}

impl Operations {
    /// At the beginning of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        Self { started: 0, workloads: plan.workloads.iter().map(|_| Progress::default()).collect() }
    }

    /// The next operation of a workload.
    pub(super) fn next(&mut self, index: usize, workload: &Workload) -> Operation {
        let progress = &mut self.workloads[index];
        let turn = progress.done;
        progress.done += 1;
        let (what, api) = match &workload.kind {
            WorkloadKind::Calls { apis } => {
                let api = in_turn(apis, turn);
                (OpKind::Call { api: api.name.clone() }, Some(api.clone()))
            }
            WorkloadKind::Publish { apis, delete_every } => {
                let spec = in_turn(apis, turn);
                let (api, revision) = (spec.name.clone(), turn + 2);
                let due = *delete_every > 0 && (turn + 1).is_multiple_of(*delete_every);
                let what = if due && progress.deleted.insert(api.clone()) {
                    OpKind::Delete { api, revision }
                } else {
                    progress.deleted.remove(&api);
                    OpKind::Publish { api, revision }
                };
                (what, Some(spec.clone()))
            }
            WorkloadKind::Administer => (OpKind::Administer, None),
            WorkloadKind::WriteAttempts { workers, routes } => {
                let worker = in_turn(workers, turn).clone();
                let route = *in_turn(routes, turn / workers.len() as u64);
                (OpKind::Write { worker, route }, None)
            }
            WorkloadKind::HealthChecks { gateways } => {
                (OpKind::HealthCheck { gateway: in_turn(gateways, turn).clone() }, None)
            }
        };
        let op = self.started;
        self.started += 1;
        Operation { op, what, api, timeout: workload.timeout }
    }
}

/// The list's element whose turn it is. A plan is checked to have no empty list.
fn in_turn<T>(list: &[T], turn: u64) -> &T {
    &list[(turn % list.len() as u64) as usize]
}
