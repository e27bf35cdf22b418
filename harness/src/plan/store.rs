//! Writes plans and reads them back. A stored plan is input from outside: everything in it is checked.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use super::{APIS_MAX, Plan, SCHEMA_VERSION, TENANTS_MAX, WorkloadKind};
use crate::cluster::Topology;
use crate::finding::{Finding, Findings, Source};
use crate::trace::NodeName;

/// A plan may be this long, in bytes: a cluster's files are in it.
pub const FILE_BYTES_MAX: u64 = 1 << 28;
/// A plan may hold this many operations of clients: more would run for hours.
pub const OPERATIONS_MAX: u64 = 100_000_000;

impl Plan {
    /// The plan as JSON, for people and programs.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a plan is always JSON");
        text.push('\n');
        text
    }

    /// Writes the plan to a file.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn write(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        std::fs::write(path, self.to_json())
    }

    /// Reads a stored plan.
    ///
    /// # Errors
    /// A file that cannot be read, is no plan, is one of another version, or holds what no plan can hold.
    pub fn read(path: impl AsRef<Path>) -> Result<Plan, Findings> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        let refuse =
            |why: String| Findings::from_iter([Finding::error(&Source::new(shown.as_str(), ""), 0..0, why)]);
        let file =
            std::fs::File::open(path).map_err(|error| refuse(format!("cannot read {shown}: {error}")))?;
        let mut text = String::new();
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| refuse(format!("cannot read {shown}: {error}")))?;
        Plan::parse(&Source::new(shown.as_str(), text))
    }

    /// Reads the text of a stored plan.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(source: &Source) -> Result<Plan, Findings> {
        let at_error = |error: &serde_json::Error| {
            let line = source.line_span(error.line());
            line.start.saturating_add(error.column().saturating_sub(1)).min(line.end)..line.end
        };
        let one = |finding: Finding| Findings::from_iter([finding]);
        let value: serde_json::Value = serde_json::from_str(&source.text).map_err(|error| {
            one(Finding::error(source, at_error(&error), format!("this is not JSON: {error}"))
                .help("a plan is written by `sim run` and `sim explore`"))
        })?;
        match value.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                let message = format!(
                    "the plan has schema version {version}, this program reads {SCHEMA_VERSION}; it was made by {}",
                    value.get("made_by").and_then(serde_json::Value::as_str).unwrap_or("an unknown program")
                );
                let help = "make it anew from its scenario and seed, or use the program that made it";
                return Err(one(Finding::error(source, 0..0, message).help(help)));
            }
            None => {
                let message = "this is not a plan: it has no `schema_version`";
                return Err(one(Finding::error(source, 0..0, message)));
            }
        }
        let plan: Plan = serde_json::from_str(&source.text).map_err(|error| {
            one(Finding::error(source, at_error(&error), format!("this is not a plan: {error}")))
        })?;
        plan.check()
            .map_err(|why| one(Finding::error(source, 0..0, format!("this plan cannot be run: {why}"))))?;
        Ok(plan)
    }

    /// Whether the plan names only what its cluster has.
    ///
    /// # Errors
    /// The first name that is not there.
    pub fn check_names(&self, topology: &Topology) -> Result<(), String> {
        let known = |name: &NodeName| topology.nodes().any(|node| node == name);
        let missing =
            |what: &str, name: &str| Err(format!("{what} names `{name}`, and the cluster has no such node"));
        for fault in &self.faults {
            if let Some(name) = fault.target.nodes().iter().find(|name| !known(name)) {
                return missing(&format!("the fault `{}`", fault.name), name);
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
        let phases = &self.phases;
        let ends = [phases.warmup_ends, phases.disturb_ends, phases.heal_ends, phases.settle_ends];
        if !ends.is_sorted() {
            return Err("a phase ends before it begins".to_owned());
        }
        let mut operations = 0_u64;
        for workload in &self.workloads {
            if workload.every.is_zero() {
                return Err("a workload has no time between its operations".to_owned());
            }
            let empty = match &workload.kind {
                WorkloadKind::Calls { apis } | WorkloadKind::Publish { apis, .. } => apis.is_empty(),
                WorkloadKind::WriteAttempts { workers, routes } => workers.is_empty() || routes.is_empty(),
                WorkloadKind::Administer => false,
            };
            if empty {
                return Err("a workload has nothing to work on".to_owned());
            }
            let every = u64::try_from(workload.every.as_nanos()).unwrap_or(u64::MAX);
            let until = workload.until.min(phases.settle_ends);
            let span = u64::try_from(until.since(workload.first).as_nanos()).unwrap_or(u64::MAX);
            operations = operations.saturating_add(span / every);
        }
        if operations > OPERATIONS_MAX {
            return Err(format!(
                "{operations} operations are more than {OPERATIONS_MAX}: lower a rate or a phase"
            ));
        }
        if self.content.apis_in_all() > APIS_MAX || u64::from(self.content.tenants) > TENANTS_MAX {
            return Err(format!(
                "a gateway holds at most {APIS_MAX} APIs from the start, and {TENANTS_MAX} tenants"
            ));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.faults.iter().find(|fault| !names.insert(fault.name.clone())) {
            return Err(format!("two faults are called `{}`", twice.name));
        }
        if let Some(fault) = self.faults.iter().find(|fault| !fault.kind.can_act_on(&fault.target)) {
            return Err(format!("`{}`, a {}, cannot act on its target", fault.name, fault.kind.name()));
        }
        for expectation in &self.expectations {
            expectation
                .claim()
                .map_err(|error| format!("the expectation `{}`: {error}", expectation.text))?;
        }
        Ok(())
    }
}
