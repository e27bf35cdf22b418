//! Whatever goes wrong: a run comes to its end without a panic, every fault heals, and the cluster is whole again.
//!
//! Plans of up to six faults are drawn from all kinds on all targets, with the workloads that the strategies draw.
//! In builds with debug assertions the network follows every segment, and ends the run with a panic when one comes
//! that nobody sent, or comes twice; so these runs show that too. The cases are the same in every run of the test;
//! `SIM_PROPERTY_CASES` asks for more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use harness::cluster::{ClusterMaker, Topology};
use harness::cluster_files::ClusterFiles;
use harness::plan::{FaultKind, Plan, Workload, WorkloadKind};
use harness::report::{View, terminal};
use harness::run::{self, Options};
use harness::strategies::Ground;
use harness::trace::event::{Digest, OpKind, OpOutcome};
use harness::trace::{Event, EventKind, NodeName, Sink};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sim::cluster::SimMaker;

/// So many plans in an ordinary run of the test.
const CASES: u32 = 100;
/// At most so many faults in one plan.
const FAULTS_MAX: usize = 6;
/// Operations of this last part of a run must all end well.
const LAST: Duration = Duration::from_secs(60);

/// What an observer of a run keeps.
#[derive(Debug, Default)]
struct Seen {
    begun: BTreeSet<String>,
    ended: BTreeSet<String>,
    idle: BTreeSet<String>,
    files: BTreeMap<NodeName, BTreeMap<std::sync::Arc<str>, Digest>>,
    running: BTreeMap<(NodeName, std::sync::Arc<str>), bool>,
    asked: BTreeSet<NodeName>,
    healthy: BTreeSet<NodeName>,
    failed_at_the_end: Vec<String>,
}

/// Looks at the events of a run.
struct Observer {
    seen: std::rc::Rc<std::cell::RefCell<Seen>>,
    last_from: harness::time::SimTime,
}

impl Sink for Observer {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        let seen = &mut *self.seen.borrow_mut();
        let node = || event.node.clone().unwrap_or_default();
        match &event.kind {
            EventKind::FaultBegan { fault, .. } => drop(seen.begun.insert(fault.to_string())),
            EventKind::FaultEnded { fault } => drop(seen.ended.insert(fault.to_string())),
            EventKind::FaultHadNoEffect { fault, .. } => drop(seen.idle.insert(fault.to_string())),
            EventKind::DiskState { files, .. } => drop(seen.files.insert(node(), files.clone())),
            EventKind::ProcessReady { process } => {
                seen.running.insert((node(), process.clone()), true);
            }
            EventKind::ProcessEnded { process, .. } => {
                if let Some(runs) = seen.running.get_mut(&(node(), process.clone())) {
                    *runs = false;
                }
            }
            // One that was filled while it started knows no API, and says so.
            EventKind::UpstreamTried { peer, status: Some(200..=499), .. } if event.at >= self.last_from => {
                seen.asked.insert(peer.clone());
            }
            EventKind::OpEnded { what: OpKind::HealthCheck { gateway }, started, outcome, error, status, .. }
                if *started >= self.last_from =>
            {
                match outcome {
                    OpOutcome::Ok => drop(seen.healthy.insert(gateway.clone())),
                    _ => seen.failed_at_the_end.push(format!("{gateway} is not healthy: {status:?} {error}")),
                }
            }
            EventKind::OpEnded { what, started, outcome, error, status, .. }
                // What the drawn workload has deleted is not found. A worker that the sync filled while it started knows no
                // API (404), or not even its main sequence (202), until somebody restarts it: failure story 14.
                if *started >= self.last_from
                    && *outcome != OpOutcome::Ok
                    && !matches!(status, Some(202 | 404))
                    && what.capability().is_some() =>
            {
                seen.failed_at_the_end.push(format!("{} {what:?}: {status:?} {error}", event.at));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a fault sets a wall clock back, when it begins or when it heals.
fn sets_a_clock_back(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::ClockSkew { .. } | FaultKind::ClockJump { .. } | FaultKind::ClockDrift { .. })
}

/// Calls, visits to the console and health checks beside what is drawn, so that every server is asked at the end.
fn with_witnesses(mut plan: Plan, gateways: &[NodeName]) -> Plan {
    let phases = plan.phases.clone();
    let mut add = |kind, every_ms| {
        plan.workloads.push(Workload {
            kind,
            first: phases.warmup_ends,
            every: Duration::from_millis(every_ms),
            until: phases.settle_ends,
            timeout: Duration::from_secs(30),
        });
    };
    let api = harness::plan::ApiSpec { name: "witness".into(), version: "1.0.0".into() };
    add(WorkloadKind::Calls { apis: vec![api] }, 1000);
    add(WorkloadKind::Administer, 5000);
    add(WorkloadKind::HealthChecks { gateways: gateways.to_vec() }, 2000);
    plan
}

/// What is wrong with a plan's run, if anything is.
fn trouble(plan: &Plan, topology: &Topology) -> Option<String> {
    let seen = std::rc::Rc::<std::cell::RefCell<Seen>>::default();
    let ends = plan.phases.settle_ends;
    let last_from = harness::time::SimTime::from_nanos(ends.as_nanos() - LAST.as_nanos() as u64);
    let observer = Observer { seen: std::rc::Rc::clone(&seen), last_from };
    let options = Options { sinks: vec![Box::new(observer)], ..Options::default() };
    let outcome = match run::run(plan, &SimMaker, options) {
        Ok(outcome) => outcome,
        Err(error) => return Some(format!("it was refused: {error}")),
    };
    let seen = seen.take();
    if seen.begun != seen.ended {
        return Some(format!("not healed: {:?}", seen.begun.difference(&seen.ended)));
    }
    if let Some(((node, process), _)) = seen.running.iter().find(|(_, runs)| !**runs) {
        return Some(format!("{process} does not run on {node} at the end"));
    }
    // What is lost for good cannot be whole again; that it runs and heals is all that is asked then.
    if plan.faults.iter().any(|fault| fault.kind.may_lose_data(&fault.target, topology)) {
        return None;
    }
    let gateways: Vec<&str> = seen.files.keys().map(|node| &**node).collect();
    // nginx counts `fail_timeout` by the wall clock: one that was set back leaves a marked worker out until it has caught
    // up with the mark.
    let marks_may_last = plan.faults.iter().any(|fault| sets_a_clock_back(&fault.kind));
    if !marks_may_last
        && let Some(silent) = gateways.iter().find(|node| !seen.asked.iter().any(|asked| **asked == ***node))
    {
        return Some(format!("{silent} has answered nobody in the last minute"));
    }
    if let Some(node) = gateways.iter().find(|node| !seen.healthy.iter().any(|healthy| **healthy == ***node))
    {
        return Some(format!("{node} did not call itself healthy in the last minute"));
    }
    if !seen.failed_at_the_end.is_empty() {
        return Some(format!("failed in the last minute: {:#?}", seen.failed_at_the_end));
    }
    let manager = seen.files.iter().find(|(node, _)| ***node == *"manager").map(|(_, files)| files);
    if let Some((node, _)) = seen.files.iter().find(|(_, files)| Some(*files) != manager) {
        return Some(format!(
            "{node} is not equal to the manager at the end\n{}",
            terminal(&outcome.report, &View::default())
        ));
    }
    None
}

#[test]
fn whatever_goes_wrong_heals_and_everything_is_whole_again() {
    let cluster = tests::root().join("scenarios/clusters/wso2-rsync");
    let lengths = [120, 180, 180, 420].map(Duration::from_secs);
    let files = ClusterFiles::read(&cluster).expect("the documented cluster");
    let (topology, _) = SimMaker.topology(&files).expect("its files are right");
    let gateways: Vec<NodeName> = topology.gateways().cloned().collect();
    let ground = Ground::load(cluster, &SimMaker).expect("the documented cluster");
    let plans = ground.phases(lengths).faults_max(FAULTS_MAX).plans();
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut kinds = BTreeSet::new();
    for number in 0..cases() {
        let drawn = plans.new_tree(&mut runner).expect("nothing is rejected").current();
        let plan = with_witnesses(drawn, &gateways);
        kinds.extend(plan.faults.iter().map(|fault| fault.kind.name()));
        if let Some(why) = trouble(&plan, &topology) {
            // The fewest faults with which it still fails.
            let (plan, why) = fewest(plan, why, &topology);
            panic!("case {number}: {why}\n{:#?}", plan.faults);
        }
    }
    assert!(kinds.len() > 8, "few kinds of faults were drawn: {kinds:?}");
}

/// Leaves out one fault after the other, as long as something is wrong without it.
fn fewest(mut plan: Plan, mut why: String, topology: &Topology) -> (Plan, String) {
    let mut index = 0;
    while index < plan.faults.len() {
        let mut fewer = plan.clone();
        fewer.faults.remove(index);
        match trouble(&fewer, topology) {
            Some(still) => (plan, why) = (fewer, still),
            None => index += 1,
        }
    }
    (plan, why)
}

/// How many plans are run. The environment is this test's business, not a run's.
#[expect(clippy::disallowed_methods, reason = "it decides how long a test takes, and changes no run")]
fn cases() -> u32 {
    std::env::var("SIM_PROPERTY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES)
}
