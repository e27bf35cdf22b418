//! Writes a plan as a scenario file that a person can read: the way back from [`Scenario::plan`].
//!
//! Reading the file and planning it with the seed that it names gives the same plan again; what cannot be said in
//! a scenario so that it does is an error, never another plan. Remarks become comments beside what they are about.

mod fault;
#[cfg(test)]
mod tests;
mod text;
mod workload;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::ClusterMaker;
use crate::finding::{Findings, Source};
use crate::plan::{Content, Fault, Phases, Plan, Start, Timing};
use crate::scenario::{DEFAULT_SEED, Scenario};
use text::{Lines, quoted, span};

/// What a remark is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The whole scenario.
    Top,
    /// An expectation, by its place in the plan.
    Expectation(usize),
    /// What stands on the gateways beside the APIs of workloads.
    Content,
    /// How far the timing departs from the cluster's files.
    Timing,
    /// The phases.
    Phases,
    /// A workload, by its place in the plan.
    Workload(usize),
    /// A fault, by its place in the plan.
    Fault(usize),
}

/// Remarks, by what they are about and the key that they stand beside; an empty key is the whole.
pub type Remarks = BTreeMap<(Place, String), String>;

/// Why a plan cannot be said as a scenario.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A part of it would come out differently.
    #[error("this plan cannot be written as a scenario: {0} would not be the same")]
    Differs(String),
    /// What would be written is wrong in a scenario.
    #[error("this plan cannot be written as a scenario:\n{0}")]
    Wrong(Findings),
}

/// The scenario file that gives this plan. `cluster` is the folder of its cluster's files, as the file names it.
///
/// Where the plan was made of does not matter: the file's own name will be the scenario's, and a planted bug is not
/// part of any scenario.
///
/// # Errors
/// A plan that no scenario gives.
pub fn write(
    plan: &Plan,
    cluster: &str,
    remarks: &Remarks,
    maker: &dyn ClusterMaker,
) -> Result<String, WriteError> {
    let mut plan = plan.clone();
    plan.cut_off_faults();
    let text = written(&plan, cluster, remarks);
    let (mut scenario, findings) = Scenario::parse(&Source::new("scenario.toml", text.as_str()));
    findings.into_result().map_err(WriteError::Wrong)?;
    scenario.files = Some(plan.cluster.clone());
    let again = scenario.plan(scenario.usual_seed(), maker).map_err(WriteError::Wrong)?;
    match difference(&plan, &again) {
        None => Ok(text),
        Some(what) => Err(WriteError::Differs(what)),
    }
}

fn written(plan: &Plan, cluster: &str, remarks: &Remarks) -> String {
    let mut lines = Lines::new(remarks);
    lines.whole(&Place::Top);
    lines.key(&Place::Top, "title", &quoted(&plan.title));
    lines.key(&Place::Top, "cluster", &quoted(cluster));
    if plan.seed != DEFAULT_SEED {
        lines.key(&Place::Top, "seed", &plan.seed.to_string());
    }
    lines.push("expect = [");
    for (index, expectation) in plan.expectations.iter().enumerate() {
        lines.item(&Place::Expectation(index), &quoted(&expectation.text));
    }
    lines.push("]");
    lines.table(&Place::Phases, "[phases]");
    for (name, length) in ["warmup", "disturb", "heal", "settle"].into_iter().zip(plan.phases.lengths()) {
        lines.key(&Place::Phases, name, &quoted(&span(length)));
    }
    if !plan.content.is_none() {
        let Content { apis, tenants, apis_per_tenant } = plan.content;
        lines.table(&Place::Content, "[content]");
        for (name, number) in [("apis", apis), ("tenants", tenants), ("apis_per_tenant", apis_per_tenant)] {
            // A number that is left out is nothing, but each tenant has some APIs then.
            if number > 0 || (name == "apis_per_tenant" && tenants > 0) {
                lines.key(&Place::Content, name, &number.to_string());
            }
        }
    }
    if !plan.timing.is_default() {
        let Timing { latency_ns, packet_jitter, wake_up_jitter } = &plan.timing;
        lines.table(&Place::Timing, "[timing]");
        let latency = latency_ns.map(Duration::from_nanos);
        let jitters = [("packet_jitter", *packet_jitter), ("wake_up_jitter", *wake_up_jitter)];
        let jitters = jitters.into_iter().filter(|(_, jitter)| !jitter.is_zero());
        for (name, length) in latency.map(|latency| ("latency", latency)).into_iter().chain(jitters) {
            lines.key(&Place::Timing, name, &quoted(&span(length)));
        }
    }
    for (index, workload) in plan.workloads.iter().enumerate() {
        let place = Place::Workload(index);
        lines.table(&place, "[[workload]]");
        for (key, value) in workload::keys(workload, &plan.phases) {
            lines.key(&place, &key, &value);
        }
    }
    for (index, fault) in plan.faults.iter().enumerate() {
        let place = Place::Fault(index);
        lines.table(&place, "[[fault]]");
        for (key, value) in fault::keys(fault, &plan.phases) {
            lines.key(&place, &key, &value);
        }
    }
    lines.into_text()
}

/// Whether what a fault is and acts on is understood as itself when a scenario says it.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(crate) fn said_again(fault: &Fault) -> Result<(), String> {
    let phases = Phases::of_lengths([Duration::ZERO, Duration::from_secs(1), Duration::ZERO, Duration::ZERO]);
    // When it begins is not what is asked here.
    let start = Start::At { at_ns: phases.warmup_ends };
    let fault = Fault { name: "fault".into(), start, lasts: Duration::ZERO, ..fault.clone() };
    let mut text = "title = 't'\ncluster = 'c'\n[phases]\ndisturb = '1s'\n[[fault]]\n".to_owned();
    for (key, value) in fault::keys(&fault, &phases) {
        text.push_str(&format!("{key} = {value}\n"));
    }
    let (scenario, findings) = Scenario::parse(&Source::new("", text));
    if let Some(wrong) = findings.iter().next() {
        return Err(format!("is wrong: {wrong}; {}", wrong.help));
    }
    match scenario.faults.first() {
        Some(again) if again.kind == fault.kind => Ok(()),
        _ => Err("cannot be said in a scenario".to_owned()),
    }
}

/// The first part in which two plans differ, of those that a scenario says.
fn difference(plan: &Plan, again: &Plan) -> Option<String> {
    let phases = |phases: &Phases| phases.lengths();
    if plan.title != again.title {
        return Some("the title".to_owned());
    }
    if plan.seed != again.seed {
        return Some("the seed".to_owned());
    }
    if phases(&plan.phases) != phases(&again.phases) {
        return Some("the lengths of the phases".to_owned());
    }
    if plan.content != again.content {
        return Some("the content".to_owned());
    }
    if plan.timing != again.timing {
        return Some("the timing".to_owned());
    }
    if plan.expectations != again.expectations {
        return Some("the expectations".to_owned());
    }
    if plan.workloads.len() != again.workloads.len() || plan.faults.len() != again.faults.len() {
        return Some("the number of workloads and faults".to_owned());
    }
    let workload = plan.workloads.iter().zip(&again.workloads).position(|(one, other)| one != other);
    if let Some(index) = workload {
        return Some(format!("workload {}", index + 1));
    }
    let fault = plan.faults.iter().zip(&again.faults).find(|(one, other)| one != other);
    if let Some((fault, _)) = fault {
        return Some(format!("the fault `{}`", fault.name));
    }
    // Everything else that a plan may hold, whoever adds it: what has no words here is an error, not left out.
    let told = Plan {
        schema_version: again.schema_version,
        made_by: again.made_by.clone(),
        scenario: again.scenario.clone(),
        planted_bug: again.planted_bug.clone(),
        phases: again.phases.clone(),
        cluster: again.cluster.clone(),
        ..plan.clone()
    };
    (told != *again).then(|| "what a scenario has no words for".to_owned())
}
