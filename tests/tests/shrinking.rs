//! Failures of the simulated cluster are made small, and what is left is a scenario that fails in the same way.

use std::fs;
use std::path::{Path, PathBuf};

use harness::plan::Plan;
use harness::run::{self, Options};
use harness::scenario::Scenario;
use harness::shrink::{self, Ended, Found, Shrunk, shrink};
use harness::signature::Signature;
use harness::strategies::Ground;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sim::cluster::SimMaker;
use sim::planted::PlantedBug;
use tests::{Called, command};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");

fn cluster() -> PathBuf {
    tests::root().join("scenarios/clusters/wso2-rsync")
}

/// A busy run in which three things go wrong.
const BUSY: &str = r#"
title = "Whatever goes wrong, every worker follows the manager."
cluster = "clusters/wso2-rsync"
expect = [
    "no acknowledged publish is lost",
    "traffic is never lost",
    "every worker is at most 90 s stale",
]

[phases]
disturb = "10m"

[[workload]]
kind = "calls"
rate = "2/s"
apis = ["api-1", "api-2", "published-1"]

[[workload]]
kind = "publish"
every = "13s"
apis = 5
delete_every = 6

[[fault]]
name = "slow"
kind = "slow-link"
between = "manager"
and = "all workers"
from = "1m13s"
for = "4m"
latency = "317ms"

[[fault]]
name = "worker-killed"
kind = "process-kill"
node = "worker2"
process = "wso2"
from = "2m17s"
for = "2m"

[[fault]]
name = "manager-off"
kind = "power-off"
node = "manager"
from = "5m50.123s"
for = "2m33s"
"#;

fn signatures(plan: &Plan) -> Vec<Signature> {
    let report = run::run(plan, &SimMaker, Options::default()).unwrap().report;
    Signature::all(&report).into_iter().collect()
}

fn shrunk(plan: &Plan) -> Shrunk {
    let signature = signatures(plan).into_iter().next().expect("the plan fails");
    shrink(plan, &signature, &SimMaker, shrink::Options::default()).unwrap()
}

#[test]
fn a_worker_that_falls_behind_is_shrunk_to_the_fault_that_makes_it_and_to_one_worker() {
    let folder = tempfile::tempdir().unwrap();
    copy(&cluster(), &folder.path().join("clusters/wso2-rsync"));
    let file = folder.path().join("busy.toml");
    fs::write(&file, BUSY).unwrap();
    let plan = Scenario::load(&file).unwrap().plan(9, &SimMaker).unwrap();
    let shrunk = shrunk(&plan);
    assert_eq!(shrunk.ended, Ended::Smallest);
    let names: Vec<&str> = shrunk.plan.faults.iter().map(|fault| &*fault.name).collect();
    assert_eq!((names, shrunk.plan.workloads.len()), (vec!["manager-off"], 1));
    assert_eq!(shrunk.after.nodes, shrunk.before.nodes - 1, "{:?}", shrunk.refusals);
    let path = Found::of(&shrunk, &SimMaker).put(&folder.path().join("found")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    for part in ["# Essential: without it every verdict passes.", "manager stays: it publishes", "# not "] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    // The smaller cluster's files stand beside it, and what is loaded from there fails in the same way.
    let scenario = Scenario::load(&path).unwrap();
    let again = scenario.plan(scenario.usual_seed(), &SimMaker).unwrap();
    assert!(signatures(&again).contains(&shrunk.signature));
}

#[test]
fn a_planted_bug_is_shrunk_to_what_shows_it() {
    // No fault is needed for it: one attempt to write is enough.
    let ground = Ground::load(cluster(), &SimMaker).unwrap().expect("no write is accepted by a worker");
    let mut runner = TestRunner::deterministic();
    let mut plan = ground.plans().new_tree(&mut runner).unwrap().current();
    let with_attempts = Scenario::builder("x", "x")
        .cluster(cluster())
        .phase("disturb", "5m")
        .workload("write-attempts", [("every", "20s".into())])
        .calls("1/s", 2);
    plan.workloads = with_attempts.build().unwrap().plan(1, &SimMaker).unwrap().workloads;
    plan.planted_bug = Some(PlantedBug::WorkerAcceptsWrites.name().to_owned());
    let shrunk = shrunk(&plan);
    assert_eq!((shrunk.plan.faults.len(), shrunk.plan.workloads.len()), (0, 1), "{:?}", shrunk.plan);
    assert_eq!(shrunk.after.operations, 1);
}

#[test]
fn a_property_that_fails_leaves_the_smallest_scenario_and_shows_it() {
    // No cluster keeps this promise: whatever stops the sync for two minutes breaks it.
    let ground = Ground::load(cluster(), &SimMaker).unwrap().expect("every worker is at most 61 s stale");
    let folder = tempfile::tempdir().unwrap();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    let mut runner = TestRunner::new_with_rng(config, TestRunner::deterministic().new_rng());
    let failed =
        runner.run(&ground.plans(), |plan| ground.holds(&plan, &SimMaker, folder.path())).unwrap_err();
    let said = failed.to_string();
    let files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    assert_eq!(files.len(), 1, "proptest does not shrink what is shrunk already: {files:?}");
    assert!(said.contains("at most 61 s stale") && said.contains(files[0].to_str().unwrap()), "{said}");
    let scenario = Scenario::load(&files[0]).unwrap();
    let plan = scenario.plan(scenario.usual_seed(), &SimMaker).unwrap();
    assert!(!signatures(&plan).is_empty());
}

fn sim(folder: &Path, arguments: &[&str]) -> Called {
    command(SIM).current_dir(folder).args(arguments).output().unwrap().into()
}

#[test]
fn the_command_shrinks_a_plan_and_keeps_the_scenario_where_it_is_a_test_from_now_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |below: &str| folder.path().join(below);
    copy(&cluster(), &path("scenarios/clusters/wso2-rsync"));
    fs::write(path("scenarios/busy.toml"), BUSY).unwrap();
    let ran = sim(folder.path(), &["run", "busy", "--seed", "9"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let plan = "reports/busy/seed-9/plan.json";
    let called = sim(folder.path(), &["shrink", plan, "--runs", "20"]);
    assert_eq!(called.code, 0, "{called:?}");
    assert!(called.err.contains("more might go"), "{called:?}");
    assert!(called.out.contains("reports/busy/seed-9/shrunk/busy-"), "{called:?}");
    let called = sim(folder.path(), &["shrink", plan, "--keep", "--name", "late-worker"]);
    assert_eq!((called.code, called.err.as_str()), (0, ""), "{called:?}");
    assert!(called.out.contains("faults               3 -> 1"), "{called:?}");
    assert!(called.out.contains("scenarios/found/late-worker.toml"), "{called:?}");
    let kept = sim(folder.path(), &["run", "scenarios/found/late-worker.toml"]);
    assert_eq!(kept.code, 1, "it fails when it is run again: {kept:?}");
    // What is not there to shrink is said, and nothing is written.
    let called = sim(folder.path(), &["shrink", plan, "--failure", "no such thing"]);
    assert_eq!(called.code, 65, "{called:?}");
    assert!(called.err.contains("there are:") && called.err.contains("convergence"), "{called:?}");
    fs::write(
        path("quiet.toml"),
        BUSY.split("[[fault]]").next().unwrap().replace("\"clusters", "\"scenarios/clusters"),
    )
    .unwrap();
    assert_eq!(sim(folder.path(), &["run", "quiet.toml"]).code, 0);
    let called = sim(folder.path(), &["shrink", "reports/quiet/plan.json"]);
    assert_eq!(called.code, 65, "{called:?}");
    assert!(called.err.contains("nothing to shrink"), "{called:?}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
