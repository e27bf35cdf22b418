//! Makes a plan of a scenario and a seed: every choice that the scenario leaves open is drawn here, each from a
//! stream of its own, so that adding or removing a fault or a workload changes no draw of the others.

use std::time::Duration;

use super::fault::FaultSpec;
use super::moment::{Begins, Lasts, SpanRange};
use super::selector::{Selector, TargetSpec};
use super::workload::{Work, WorkloadSpec};
use super::{Scenario, names};
use crate::cluster::{ClusterMaker, Topology};
use crate::expectation::Expectation;
use crate::finding::{Finding, Findings};
use crate::plan::{
    Fault, Phases, Plan, Repeats, SCHEMA_VERSION, Start, TIMES_MAX, Target, Workload, WorkloadKind,
};
use crate::rng;
use crate::table::Placed;
use crate::time::SimTime;
use crate::trace::NodeName;

pub(super) fn plan(scenario: &Scenario, seed: u64, maker: &dyn ClusterMaker) -> Result<Plan, Findings> {
    let error = |span, message: &str| {
        Findings::from_iter([Finding::error(&scenario.source, span, message.to_owned())])
    };
    let Some(files) = scenario.files.clone() else {
        return Err(error(scenario.cluster.span.clone(), "the cluster's files have not been read"));
    };
    let topology = maker.topology(&files).map_err(|wrong| scenario.relocate(&files, &wrong));
    let (topology, _) = topology?;
    names::check(scenario, &topology).into_result()?;
    let mut findings = Findings::new();
    let phases = phases(scenario);
    let mut kinds_before = std::collections::BTreeMap::<&str, usize>::new();
    let mut workloads = Vec::new();
    for spec in &scenario.workloads {
        let ordinal = kinds_before.entry(spec.kind).or_default();
        *ordinal += 1;
        workloads.push(workload(spec, *ordinal, seed, &phases, &topology));
    }
    let mut faults = Vec::new();
    for spec in &scenario.faults {
        faults.push(fault(spec, scenario, seed, &phases, &topology, &mut findings));
    }
    findings.into_result()?;
    let plan = Plan {
        schema_version: SCHEMA_VERSION,
        made_by: maker.version(),
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        seed,
        phases,
        content: scenario.content,
        workloads,
        faults,
        timing: scenario.timing.clone(),
        expectations: scenario
            .expectations
            .iter()
            .map(|(sentence, _)| Expectation { text: sentence.value.clone() })
            .collect(),
        planted_bug: None,
        cluster: files,
    };
    match plan.check() {
        Ok(()) => Ok(plan),
        Err(why) => Err(error(0..0, &why)),
    }
}

fn phases(scenario: &Scenario) -> Phases {
    let warmup_ends = SimTime::ZERO + scenario.phases.warmup;
    let disturb_ends = warmup_ends + scenario.phases.disturb;
    let heal_ends = disturb_ends + scenario.phases.heal;
    Phases { warmup_ends, disturb_ends, heal_ends, settle_ends: heal_ends + scenario.phases.settle }
}

fn workload(
    spec: &WorkloadSpec,
    ordinal: usize,
    seed: u64,
    phases: &Phases,
    topology: &Topology,
) -> Workload {
    // Where the operations fall between the runs of cron is drawn, so that seeds show all of it.
    let mut rng = rng::stream(seed, &format!("workload/{}/{ordinal}/first", spec.kind));
    let drawn = rng::span_between(&mut rng, Duration::ZERO, spec.every);
    let offset = spec.first.unwrap_or(drawn);
    let kind = match &spec.work {
        Work::Calls(apis) => WorkloadKind::Calls { apis: apis.clone() },
        Work::Publish { apis, delete_every } => {
            WorkloadKind::Publish { apis: apis.clone(), delete_every: *delete_every }
        }
        Work::Administer => WorkloadKind::Administer,
        Work::WriteAttempts { workers, routes } => WorkloadKind::WriteAttempts {
            workers: match workers.is_empty() {
                true => topology.workers.clone(),
                false => workers.iter().map(|worker| worker.value.as_str().into()).collect(),
            },
            routes: routes.clone(),
        },
        Work::HealthChecks(gateways) => WorkloadKind::HealthChecks {
            gateways: match gateways.is_empty() {
                true => topology.gateways().cloned().collect(),
                false => gateways.iter().flat_map(|gateway| topology.named(&gateway.value)).collect(),
            },
        },
    };
    let until = match spec.until {
        Some(until) => (phases.warmup_ends + until).min(phases.settle_ends),
        None if spec.ends_before_settling => phases.heal_ends,
        None => phases.settle_ends,
    };
    Workload { kind, first: phases.warmup_ends + offset, every: spec.every, until, timeout: spec.timeout }
}

fn fault(
    spec: &FaultSpec,
    scenario: &Scenario,
    seed: u64,
    phases: &Phases,
    topology: &Topology,
    findings: &mut Findings,
) -> Fault {
    let name = spec.name.value.as_str();
    let draw = |what: &str, range: SpanRange| {
        let mut rng = rng::stream(seed, &format!("fault/{name}/{what}"));
        rng::span_between(&mut rng, range.least, range.most)
    };
    let (start, from) = match &spec.begins {
        Begins::After(range) => {
            let from = draw("from", *range);
            (Start::At { at_ns: phases.warmup_ends + from }, Some(from))
        }
        Begins::On(trigger) => {
            let start = Start::On {
                event: trigger.event.clone(),
                with: trigger.with.clone(),
                node: trigger.node.as_ref().map(|node| node.value.as_str().into()),
                nth: trigger.nth,
            };
            (start, None)
        }
    };
    let disturb = scenario.phases.disturb;
    let lasts = match spec.lasts {
        Lasts::For(range) => draw("for", range),
        Lasts::Until(range) => draw("to", range).saturating_sub(from.unwrap_or_default()),
        // What begins on an event is healed at the end of the phase, whenever it began.
        Lasts::ToTheEnd => disturb.saturating_sub(from.unwrap_or_default()),
    };
    let target = target(spec, scenario, seed, topology, findings);
    let repeats = spec
        .repeats
        .map(|spec| Repeats { every: draw("every", spec.every), times: spec.times.unwrap_or(TIMES_MAX) });
    Fault { name: name.into(), kind: spec.kind.clone(), target, start, lasts, repeats }
}

fn target(
    spec: &FaultSpec,
    scenario: &Scenario,
    seed: u64,
    topology: &Topology,
    findings: &mut Findings,
) -> Target {
    let mut chooser = Chooser { topology, seed, fault: &spec.name.value, drawn: 0 };
    match &spec.target {
        TargetSpec::Nodes(nodes) => Target::Nodes(chooser.choose(nodes, &[])),
        TargetSpec::Process { nodes, process } => {
            Target::Process { nodes: chooser.choose(nodes, &[]), process: process.value.as_str().into() }
        }
        TargetSpec::Between { a, b } => {
            let a_nodes = chooser.choose(a, &[]);
            let b_nodes = match b.is_empty() {
                true => topology.nodes().filter(|node| !a_nodes.contains(node)).cloned().collect(),
                false => chooser.choose(b, &a_nodes),
            };
            if let Some(both) = a_nodes.iter().find(|node| b_nodes.contains(node)) {
                let span = b.last().or(a.last()).map_or(0..0, |selector| selector.span.clone());
                let message = format!("{both} stands on both sides of `{}`", spec.name.value);
                findings.push(
                    Finding::error(&scenario.source, span, message)
                        .help("a node has no link to itself: name it on one side"),
                );
            }
            Target::Between { a: a_nodes, b: b_nodes }
        }
    }
}

struct Chooser<'a> {
    topology: &'a Topology,
    seed: u64,
    fault: &'a str,
    drawn: u64,
}

impl Chooser<'_> {
    /// The nodes of these selectors, each once. What is drawn is none that is chosen already, or in `not`,
    /// as long as there is another.
    fn choose(&mut self, selectors: &[Placed<Selector>], not: &[NodeName]) -> Vec<NodeName> {
        let mut chosen: Vec<NodeName> = Vec::new();
        for selector in selectors {
            let nodes = match &selector.value {
                Selector::Node(name) => self.topology.named(name),
                Selector::All(role) => self.topology.of_role(*role).to_vec(),
                Selector::Any(role) => {
                    let all = self.topology.of_role(*role);
                    let free: Vec<NodeName> = all
                        .iter()
                        .filter(|node| !chosen.contains(node) && !not.contains(node))
                        .cloned()
                        .collect();
                    let among = if free.is_empty() { all } else { &free };
                    let mut rng =
                        rng::stream(self.seed, &format!("fault/{}/target/{}", self.fault, self.drawn));
                    self.drawn += 1;
                    let index = rng::below(&mut rng, among.len() as u64);
                    among.get(index as usize).cloned().into_iter().collect()
                }
            };
            for node in nodes {
                if !chosen.contains(&node) {
                    chosen.push(node);
                }
            }
        }
        chosen
    }
}
