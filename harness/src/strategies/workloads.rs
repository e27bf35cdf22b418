//! Workloads: what consumers, publishers, administrators and intruders do, as often as is plausible.

use std::time::Duration;

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::cluster::Topology;
use crate::plan::{ApiSpec, Phases, Workload, WorkloadKind};
use crate::scenario::workload::kind_of;
use crate::time::SimTime;
use crate::trace::event::WriteRoute;

/// One workload of each kind, or none; at least one in all. The APIs that are published are called, too.
pub fn workloads(topology: &Topology, phases: &Phases) -> impl Strategy<Value = Vec<Workload>> + use<> {
    let (phases, workers) = (phases.clone(), topology.workers.clone());
    // Every how many milliseconds, and where the first operation falls, in thousandths of that.
    let often = |least: u64, most: u64| (least..=most, 0_u64..1000);
    let calls = weighted(0.8, (often(200, 10_000), 1_usize..=4));
    let publish =
        weighted(0.9, (often(5_000, 90_000), 1_usize..=3, prop_oneof![1 => Just(0_u64), 1 => 2_u64..=9]));
    let administer = weighted(0.3, often(5_000, 60_000));
    let routes = subsequence(WriteRoute::ALL.to_vec(), 1..=WriteRoute::ALL.len());
    let writes = weighted(0.3, (often(5_000, 60_000), routes));
    (calls, publish, administer, writes)
        .prop_filter("there is something to do", |(calls, publish, administer, writes)| {
            calls.is_some() || publish.is_some() || administer.is_some() || writes.is_some()
        })
        .prop_map(move |(calls, publish, administer, writes)| {
            let mut workloads = Vec::new();
            let published = publish.as_ref().map_or(0, |(_, apis, _)| *apis);
            if let Some((often, apis)) = calls {
                let apis = apis_of("api", apis).into_iter().chain(apis_of("published", published)).collect();
                workloads.push(workload(WorkloadKind::Calls { apis }, often, &phases));
            }
            if let Some((often, apis, delete_every)) = publish {
                let kind = WorkloadKind::Publish { apis: apis_of("published", apis), delete_every };
                workloads.push(workload(kind, often, &phases));
            }
            if let Some(often) = administer {
                workloads.push(workload(WorkloadKind::Administer, often, &phases));
            }
            if let Some((often, routes)) = writes
                && !workers.is_empty()
            {
                let kind = WorkloadKind::WriteAttempts { workers: workers.clone(), routes };
                workloads.push(workload(kind, often, &phases));
            }
            workloads
        })
}

fn apis_of(prefix: &str, count: usize) -> Vec<ApiSpec> {
    let named = |number| ApiSpec { name: format!("{prefix}-{number}").into(), version: "1.0.0".into() };
    (1..=count).map(named).collect()
}

fn workload(kind: WorkloadKind, (every_ms, first): (u64, u64), phases: &Phases) -> Workload {
    let entry = kind_of(&kind);
    let until: SimTime = if entry.ends_before_settling { phases.heal_ends } else { phases.settle_ends };
    Workload {
        first: phases.warmup_ends + Duration::from_millis(every_ms * first / 1000),
        every: Duration::from_millis(every_ms),
        until,
        timeout: entry.timeout,
        kind,
    }
}
