//! Workloads go, and what is left does less: fewer APIs, routes and deletions, a lower rate, an earlier end.

use std::time::Duration;

use super::{Aspect, Ended, Shrinker, Step, Subject, rounder};
use crate::plan::{Plan, Workload, WorkloadKind};

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    let mut index = 0;
    while index < shrinker.plan.workloads.len() {
        let step = Step::without(Subject::Workload(index));
        if !shrinker.attempt(step, |plan| drop(plan.workloads.remove(index)))? {
            index += 1;
        }
    }
    for index in 0..shrinker.plan.workloads.len() {
        lower_rate(shrinker, index)?;
        earlier_end(shrinker, index)?;
        no_deletions(shrinker, index)?;
        fewer_items(shrinker, index)?;
    }
    Ok(())
}

fn lower_rate(shrinker: &mut Shrinker<'_>, index: usize) -> Result<(), Ended> {
    let workload = &shrinker.plan.workloads[index];
    let active = workload.until.min(shrinker.plan.phases.settle_ends).since(workload.first);
    // A person does not read `every = "1d"` as once: the first that is not shorter than the whole time will do.
    let once = rounder::longer(active.max(workload.every), Duration::MAX).pop();
    let slower = rounder::longer(workload.every, once.unwrap_or(active));
    shrinker.first_good(&slower, |shrinker, every| {
        let step = Step::to_span(Subject::Workload(index), Aspect::Rate, *every);
        shrinker.attempt(step, |plan| plan.workloads[index].every = *every)
    })?;
    Ok(())
}

/// The workload ends as soon as its first operations are begun.
fn earlier_end(shrinker: &mut Shrinker<'_>, index: usize) -> Result<(), Ended> {
    let (workload, phases) = (&shrinker.plan.workloads[index], &shrinker.plan.phases);
    let last = workload.until.min(phases.settle_ends).since(phases.warmup_ends);
    let earlier: Vec<Duration> = rounder::shorter(last);
    shrinker.first_good(&earlier, |shrinker, end| {
        let step = Step::to_span(Subject::Workload(index), Aspect::End, *end);
        shrinker.attempt(step, |plan| plan.workloads[index].until = plan.phases.warmup_ends + *end)
    })?;
    Ok(())
}

fn no_deletions(shrinker: &mut Shrinker<'_>, index: usize) -> Result<(), Ended> {
    let WorkloadKind::Publish { delete_every: 1.., .. } = shrinker.plan.workloads[index].kind else {
        return Ok(());
    };
    let step = Step::to_words(Subject::Workload(index), Aspect::Figure("delete_every".to_owned()), "never");
    shrinker.attempt(step, |plan| {
        if let WorkloadKind::Publish { delete_every, .. } = &mut plan.workloads[index].kind {
            *delete_every = 0;
        }
    })?;
    Ok(())
}

/// One list after another of what the workload takes in turn: all but one item go, then half, then each. The last
/// go first, for the first is the one that a person expects.
fn fewer_items(shrinker: &mut Shrinker<'_>, index: usize) -> Result<(), Ended> {
    for list in 0..lists(&shrinker.plan.workloads[index]).len() {
        let mut length = lists(&shrinker.plan.workloads[index])[list].saturating_sub(1);
        while length > 0 {
            let mut end = lists(&shrinker.plan.workloads[index])[list];
            while end > 0 {
                let workload = &shrinker.plan.workloads[index];
                let (begin, have) = (end.saturating_sub(length), lists(workload)[list]);
                // At least one must stay.
                if end - begin < have {
                    let left = format!("{} of {have} {}", have - (end - begin), name(workload, list));
                    let step = Step::to_words(Subject::Workload(index), Aspect::Target, left);
                    shrinker.attempt(step, |plan| remove(plan, index, list, begin..end))?;
                }
                end = begin;
            }
            length /= 2;
        }
    }
    Ok(())
}

/// How long its lists are.
fn lists(workload: &Workload) -> Vec<usize> {
    match &workload.kind {
        WorkloadKind::Calls { apis } | WorkloadKind::Publish { apis, .. } => vec![apis.len()],
        WorkloadKind::WriteAttempts { workers, routes } => vec![workers.len(), routes.len()],
        WorkloadKind::HealthChecks { gateways } => vec![gateways.len()],
        WorkloadKind::Administer => Vec::new(),
    }
}

fn name(workload: &Workload, list: usize) -> &'static str {
    match (&workload.kind, list) {
        (WorkloadKind::WriteAttempts { .. }, 0) => "workers",
        (WorkloadKind::WriteAttempts { .. }, _) => "routes",
        (WorkloadKind::HealthChecks { .. }, _) => "gateways",
        _ => "APIs",
    }
}

fn remove(plan: &mut Plan, index: usize, list: usize, range: std::ops::Range<usize>) {
    match (&mut plan.workloads[index].kind, list) {
        (WorkloadKind::Calls { apis } | WorkloadKind::Publish { apis, .. }, _) => drop(apis.drain(range)),
        (WorkloadKind::WriteAttempts { workers, .. }, 0) => drop(workers.drain(range)),
        (WorkloadKind::WriteAttempts { routes, .. }, _) => drop(routes.drain(range)),
        (WorkloadKind::HealthChecks { gateways }, _) => drop(gateways.drain(range)),
        (WorkloadKind::Administer, _) => {}
    }
}
