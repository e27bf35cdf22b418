//! Sweeps of small scenarios: that what they leave out is what they say, that they go on where they ended, and that
//! they find what is planted. `SIM_REPEATS` says how many cases of each kind of fault are run that a sweep leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::explore::Known;
use harness::plan::Plan;
use harness::run::{Options, run};
use harness::scenario::Scenario;
use harness::signature::Signature;
use harness::sweep::{
    Case, Course, Ended, Line, Pairs, Repeat, Settings, Store, Sweep, SweepError, Swept, go,
};
use harness::time::SimTime;
use harness::trace::{Event, EventKind, Memory, Sink};
use sim::cluster::SimMaker;
use sim::planted::PlantedBug;
use tests::{Called, command};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");

fn plan(planted: Option<PlantedBug>) -> Plan {
    let mut plan = Scenario::builder("small", "Everything that a cluster does, for a short while.")
        .cluster(tests::root().join("scenarios/clusters/wso2-rsync"))
        .phase("warmup", "2m")
        .phase("disturb", "2m")
        .phase("heal", "2m30s")
        .phase("settle", "3m")
        .calls("1/s", 2)
        .workload("publish", [("every", "20s".into()), ("apis", 2.into()), ("delete_every", 5.into())])
        .workload("administer", [("every", "20s".into())])
        .workload("write-attempts", [("every", "20s".into())])
        .build()
        .unwrap()
        .plan(1, &SimMaker)
        .unwrap();
    plan.planted_bug = planted.map(|bug| bug.name().to_owned());
    plan
}

fn kinds(kinds: &[&str], each: Option<u32>) -> Settings {
    let kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
    Settings { each, routine: 1, kinds, ..Settings::default() }
}

fn sweep(settings: Settings) -> Sweep {
    Sweep::of(plan(None), settings, Known::default(), &SimMaker, &AtomicBool::new(false)).unwrap()
}

fn swept(sweep: &Sweep, jobs: usize) -> (Swept, Vec<Line>) {
    let (stop, jobs) = (AtomicBool::new(false), NonZeroUsize::new(jobs).unwrap());
    let course = Course { jobs, stop: &stop, progress: &|_, _, _| {}, is_over: &|| false, pairs: None };
    let mut lines = Vec::new();
    let Ended { swept, .. } = go(sweep, &mut lines, None, &SimMaker, &course);
    (swept, lines)
}

/// What happens after a moment in the run of a plan, without what the runner says of the fault; and how the run fails.
fn after(plan: &Plan, moment: SimTime) -> (Vec<Event>, BTreeSet<Signature>) {
    let memory = Memory::default();
    let sinks: Vec<Box<dyn Sink>> = vec![Box::new(memory.clone())];
    let outcome = run(plan, &SimMaker, Options { sinks, ..Options::default() }).unwrap();
    let of_fault = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::FaultBegan { .. }
                | EventKind::FaultEnded { .. }
                | EventKind::FaultHadNoEffect { .. }
                | EventKind::RunPlanned { .. }
        )
    };
    let mut events = memory.into_events();
    events.retain(|event| event.at > moment && !of_fault(&event.kind));
    // A fault's events are numbered, too.
    events.iter_mut().for_each(|event| event.id = 0);
    (events, Signature::all(&outcome.report))
}

/// How many cases of each kind of fault are run that a sweep leaves out.
#[expect(clippy::disallowed_methods, reason = "it decides how many runs are compared, and changes none")]
fn repeats_a_kind() -> usize {
    std::env::var("SIM_REPEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[test]
fn what_is_left_out_as_a_repeat_is_one_to_the_last_event_and_fails_as_it_does() {
    let sweep = sweep(kinds(&[], None));
    let mut repeats: BTreeMap<&str, Vec<(Case, Repeat)>> = BTreeMap::new();
    for case in sweep.cases() {
        let Some(repeat) = sweep.repeat(case) else { continue };
        // The last of each stretch is the one with the most between it and what it repeats.
        let next = Case { moment: case.moment + 1, ..case };
        if next.moment == sweep.moments().len() || sweep.repeat(next) != Some(repeat) {
            repeats.entry(sweep.faults()[case.fault].kind.name()).or_default().push((case, repeat));
        }
    }
    assert!(repeats["process-kill"].iter().any(|(_, repeat)| *repeat == Repeat::NothingToKill));
    assert_eq!(repeats.len(), 21, "{:?}", repeats.keys());
    let a_kind = repeats_a_kind();
    for of_kind in repeats.values() {
        for (case, repeat) in of_kind.iter().step_by(of_kind.len().div_ceil(a_kind)) {
            let at = sweep.moments()[case.moment].at;
            let own = sweep.plan(&[*case]);
            let other = match repeat {
                Repeat::NothingToKill => sweep.base().clone(),
                Repeat::OfMoment(moment) => sweep.plan(&[Case { moment: *moment, ..*case }]),
            };
            let wrong = || format!("{} at {at} is not what {repeat:?} gives", sweep.told(case.fault));
            let [(own, own_fails), (other, other_fails)] = [own, other].map(|plan| after(&plan, at));
            assert!(own == other, "{}", wrong());
            assert_eq!(own_fails, other_fails, "{}", wrong());
        }
    }
}

#[test]
fn the_number_of_jobs_changes_nothing_and_a_stopped_sweep_goes_on_where_it_ended() {
    let sweep = sweep(kinds(&["power-off"], Some(1)));
    let (whole, lines) = swept(&sweep, 2);
    assert_eq!(whole.left, 0);
    assert_eq!(swept(&sweep, 1), (whole.clone(), lines.clone()));
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), &sweep).unwrap();
    let stop = AtomicBool::new(false);
    let enough = |done: u64, _: u64, _: usize| stop.store(done >= 7, Ordering::Relaxed);
    let course =
        Course { jobs: NonZeroUsize::MIN, stop: &stop, progress: &enough, is_over: &|| false, pairs: None };
    let first = go(&sweep, &mut Vec::new(), Some(&mut store), &SimMaker, &course).swept;
    assert!(first.left > 0);
    drop(store);
    let (mut store, mut there) = Store::open(folder.path(), &sweep).unwrap();
    assert_eq!(there, lines[..there.len()]);
    let stop = AtomicBool::new(false);
    let course = Course { stop: &stop, progress: &|_, _, _| {}, ..course };
    let second = go(&sweep, &mut there, Some(&mut store), &SimMaker, &course).swept;
    assert_eq!((second, there), (whole, lines));
}

#[test]
fn pairs_are_drawn_within_their_window_and_budget() {
    let sweep = sweep(kinds(&["power-off"], Some(1)));
    let window = std::time::Duration::from_secs(5);
    let pairs = Pairs::of(&sweep, window);
    let stop = AtomicBool::new(false);
    let course = Course {
        jobs: NonZeroUsize::MIN,
        stop: &stop,
        progress: &|_, _, _| {},
        is_over: &|| false,
        pairs: Some((&pairs, Some(6))),
    };
    let mut lines = Vec::new();
    let swept = go(&sweep, &mut lines, None, &SimMaker, &course).swept;
    assert_eq!(swept.pairs.ran + swept.pairs.implied, 6);
    assert_eq!(swept.pairs.all, pairs.count());
    for line in lines.iter().filter(|line| line.cases.len() == 2) {
        let [one, other] = [0, 1].map(|place| sweep.moments()[line.cases[place].moment].at);
        assert!(other.since(one) <= window);
    }
}

/// How the checkers fail in a sweep of kills, in words.
fn found(bug: Option<PlantedBug>) -> BTreeSet<String> {
    // A dead server is asked about a dozen times in two minutes by a balancer that heeds its marks.
    let expectations = vec!["at most 20 requests to a dead node".to_owned()];
    let lasts = std::time::Duration::from_secs(90);
    let settings = Settings { lasts, expectations, ..kinds(&["process-kill"], Some(1)) };
    let told = |signatures: Vec<String>| signatures.into_iter().collect();
    match Sweep::of(plan(bug), settings, Known::default(), &SimMaker, &AtomicBool::new(false)) {
        // Some need no fault at all.
        Err(SweepError::Broken(found)) => told(found.iter().map(ToString::to_string).collect()),
        Err(error) => panic!("{bug:?}: {error}"),
        Ok(sweep) => {
            let (swept, _) = swept(&sweep, 2);
            told(swept.findings.list().iter().map(|finding| finding.signature.to_string()).collect())
        }
    }
}

#[test]
fn planted_bugs_for_which_one_fault_suffices_are_found() {
    let sound = found(None);
    let bugs = [
        (PlantedBug::BalancerKeepsSendingToDeadNodes, "balancer"),
        (PlantedBug::ManagerLosesPublish, "durability"),
        (PlantedBug::WorkerAcceptsWrites, "read-only"),
    ];
    for (bug, checker) in bugs {
        let new: Vec<String> = found(Some(bug)).difference(&sound).cloned().collect();
        assert!(new.iter().any(|one| one.starts_with(checker)), "{bug}: {new:?}; without it: {sound:?}");
    }
}

fn sim(folder: &tempfile::TempDir, arguments: &[&str]) -> Called {
    command(SIM).current_dir(folder.path()).args(arguments).output().unwrap().into()
}

const SCENARIO: &str = r#"
title = "A cluster."
cluster = "CLUSTER"
expect = []
[phases]
warmup = "2m"
disturb = "1m"
heal = "2m30s"
settle = "2m"
[[workload]]
kind = "calls"
rate = "1/s"
apis = 1
[[workload]]
kind = "publish"
every = "20s"
apis = 1
"#;

#[test]
fn sweep_ends_with_a_statement_and_refuses_what_it_cannot_go_on_with() {
    let ground = tempfile::tempdir().unwrap();
    let path = |below: &str| ground.path().join(below);
    let cluster = tests::root().join("scenarios/clusters/wso2-rsync").display().to_string();
    fs::write(path("a.toml"), SCENARIO.replace("CLUSTER", &cluster)).unwrap();
    fs::write(path("b.toml"), SCENARIO.replace("CLUSTER", &cluster)).unwrap();
    let small = ["--kinds", "slow-link", "--each", "1", "--out", "out", "--shrink-runs", "0"];
    let called = |scenario: &str, more: &[&str]| {
        let arguments: Vec<&str> =
            ["sweep", scenario].into_iter().chain(small).chain(more.iter().copied()).collect();
        sim(&ground, &arguments)
    };
    let first = called("a.toml", &[]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains("No single fault of"), "{first:?}");
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path("out/sweep.json")).unwrap()).unwrap();
    assert_eq!(report["holds"], true);
    assert!(fs::read_to_string(path("out/sweep.md")).unwrap().contains("No single fault of"));
    // Again: everything is there already.
    let again = called("a.toml", &[]);
    assert_eq!((again.code, &again.out), (0, &first.out));
    assert!(again.err.contains("gone on from"), "{again:?}");
    let other = called("b.toml", &[]);
    assert_eq!(other.code, 65, "{other:?}");
    assert!(other.err.contains("scenario a"), "{other:?}");
    assert_eq!(called("a.toml", &["--seed", "2"]).code, 65);
    assert_eq!(called("nowhere.toml", &[]).code, 65);
    fs::write(path("file"), "").unwrap();
    assert_eq!(
        sim(&ground, &["sweep", "a.toml", "--kinds", "slow-link", "--each", "1", "--out", "file"]).code,
        74
    );
    // A budget of time ends it early; the same call goes on.
    let called = |budget: &str| {
        let small = ["sweep", "a.toml", "--kinds", "slow-link", "--each", "1", "--out", "timed"];
        sim(&ground, &[&small[..], &["--budget", budget]].concat())
    };
    let early = called("1ms");
    assert_eq!(early.code, 2, "{early:?}");
    assert!(early.out.contains("Not finished") && early.err.contains("the budget is used up"), "{early:?}");
    let late = called("10m");
    assert_eq!((late.code, &late.out), (0, &first.out), "{late:?}");
    let unknown = sim(&ground, &["sweep", "a.toml", "--known", "nowhere.toml"]);
    assert!(unknown.code == 65 && unknown.err.contains("cannot read nowhere.toml"), "{unknown:?}");
    for wrong in [
        ["--order", "0"],
        ["--order", "3"],
        ["--each", "0"],
        ["--kinds", "gremlins"],
        ["--for", "long"],
        ["--budget", "0"],
        ["--budget", "0s"],
    ] {
        let called = sim(&ground, &["sweep", "a.toml", wrong[0], wrong[1]]);
        assert_eq!(called.code, 64, "{called:?}");
    }
}
