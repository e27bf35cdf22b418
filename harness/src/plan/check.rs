//! Whether a plan can be run. A plan is input from outside: nothing that is read from a file may make a run panic,
//! or go on for ever.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::time::Duration;

use super::{APIS_MAX, ApiSpec, Fault, Plan, Start, TENANTS_MAX, Target, Workload, WorkloadKind};
use crate::cluster::Topology;
use crate::scenario::amount::parse_api;
use crate::time::{SimTime, show_span};
use crate::trace::{EventKind, NodeName};

/// A plan may hold this many operations of clients: more would run for hours.
pub const OPERATIONS_MAX: u64 = 100_000_000;
/// No run is longer than this: four phases of a year.
pub const RUN_MAX: Duration = Duration::from_secs(4 * 366 * 86_400);

impl Plan {
    /// Whether the plan names only what its cluster has.
    ///
    /// # Errors
    /// The first name that is not there.
    pub fn check_names(&self, topology: &Topology) -> Result<(), String> {
        let known = |name: &NodeName| topology.nodes().any(|node| node == name);
        let missing =
            |what: &str, name: &str| Err(format!("{what} names `{name}`, and the cluster has no such node"));
        for fault in &self.faults {
            let nodes = fault.target.nodes();
            if let Some(name) = nodes.iter().find(|name| !known(name)) {
                return missing(&format!("the fault `{}`", fault.name), name);
            }
            if let Target::Process { process, .. } = &fault.target {
                let runs = |node: &NodeName| {
                    let of_node = topology.processes.iter().find(|(name, _)| name == node);
                    of_node.is_none_or(|(_, known)| known.iter().any(|name| **name == **process))
                };
                if let Some(node) = nodes.iter().find(|node| !runs(node)) {
                    return Err(format!(
                        "the fault `{}` names the process `{process}`, and {node} runs none of that name",
                        fault.name
                    ));
                }
            }
        }
        for workload in &self.workloads {
            if let WorkloadKind::WriteAttempts { workers, .. } = &workload.kind
                && let Some(name) = workers.iter().find(|name| !topology.workers.contains(name))
            {
                return missing("a workload", name);
            }
        }
        Ok(())
    }

    /// Whether the plan can be run at all, whatever its cluster is.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self) -> Result<(), String> {
        self.check_phases()?;
        self.check_workloads()?;
        if self.content.apis_in_all() > APIS_MAX || u64::from(self.content.tenants) > TENANTS_MAX {
            return Err(format!(
                "a gateway holds at most {APIS_MAX} APIs from the start, and {TENANTS_MAX} tenants"
            ));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.faults.iter().find(|fault| !names.insert(fault.name.clone())) {
            return Err(format!("two faults are called `{}`", twice.name));
        }
        for fault in &self.faults {
            check_fault(fault).map_err(|why| format!("`{}`, a {}, {why}", fault.name, fault.kind.name()))?;
        }
        for expectation in &self.expectations {
            expectation
                .claim()
                .map_err(|error| format!("the expectation `{}`: {error}", expectation.text))?;
        }
        let stays_inside =
            |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        match self.cluster.files.keys().find(|path| path.is_empty() || !stays_inside(path)) {
            Some(path) => Err(format!("the cluster's file `{path}` leads out of the cluster's folder")),
            None => Ok(()),
        }
    }

    fn check_phases(&self) -> Result<(), String> {
        let phases = &self.phases;
        let ends = [phases.warmup_ends, phases.disturb_ends, phases.heal_ends, phases.settle_ends];
        if !ends.is_sorted() {
            return Err("a phase ends before it begins".to_owned());
        }
        let whole = phases.settle_ends.since(SimTime::ZERO);
        if whole > RUN_MAX {
            return Err(format!("a run of {} is longer than {}", show_span(whole), show_span(RUN_MAX)));
        }
        Ok(())
    }

    fn check_workloads(&self) -> Result<(), String> {
        let mut operations = 0_u64;
        let mut published = BTreeSet::new();
        for workload in &self.workloads {
            check_workload(workload)?;
            operations = operations.saturating_add(workload.operations(&self.phases));
            if let WorkloadKind::Publish { apis, .. } = &workload.kind
                && let Some(twice) = apis.iter().find(|api| !published.insert(api.name.clone()))
            {
                return Err(format!("the API `{}` is published twice", twice.name));
            }
        }
        if operations > OPERATIONS_MAX {
            return Err(format!(
                "{operations} operations are more than {OPERATIONS_MAX}: lower a rate or a phase"
            ));
        }
        Ok(())
    }
}

fn check_workload(workload: &Workload) -> Result<(), String> {
    if workload.every.is_zero() {
        return Err("a workload has no time between its operations".to_owned());
    }
    if workload.timeout.is_zero() {
        return Err("a workload's clients give up at once".to_owned());
    }
    let empty = match &workload.kind {
        WorkloadKind::Calls { apis } | WorkloadKind::Publish { apis, .. } => apis.is_empty(),
        WorkloadKind::WriteAttempts { workers, routes } => workers.is_empty() || routes.is_empty(),
        WorkloadKind::HealthChecks { gateways } => gateways.is_empty(),
        WorkloadKind::Administer => false,
    };
    if empty {
        return Err("a workload has nothing to work on".to_owned());
    }
    let named = |api: &&ApiSpec| parse_api(&format!("{}:{}", api.name, api.version)).as_ref() != Ok(api);
    if let WorkloadKind::Calls { apis } | WorkloadKind::Publish { apis, .. } = &workload.kind
        && let Some(wrong) = apis.iter().find(named)
    {
        return Err(format!("`{}:{}` cannot be an API", wrong.name, wrong.version));
    }
    Ok(())
}

/// What is wrong, as the end of a sentence.
fn check_fault(fault: &Fault) -> Result<(), String> {
    if !fault.kind.can_act_on(&fault.target) {
        return Err("cannot act on its target".to_owned());
    }
    let mut seen = BTreeSet::new();
    let nodes = fault.target.nodes();
    if let Some(twice) = nodes.iter().find(|node| !seen.insert((*node).clone())) {
        return Err(format!("acts on `{twice}` twice"));
    }
    if let Start::On { event, nth, .. } = &fault.start {
        if !EventKind::NAMES.contains(&event.as_str()) {
            return Err(format!("waits for `{event}`, and no event is called so"));
        }
        if *nth == 0 {
            return Err("waits for an event number 0; they are counted from 1".to_owned());
        }
    }
    // What the kind has of its own is wrong where a scenario that says the same is wrong.
    crate::scenario::said_again(fault)
}
