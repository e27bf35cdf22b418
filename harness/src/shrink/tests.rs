//! Tests of shrinking, on a cluster whose failures are known exactly: calls fail while the balancer is off.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::cluster_files::ClusterFiles;
use crate::fake::{FakeMaker, Lamps};
use crate::run;
use crate::scenario::{Builder, Scenario};
use crate::strategies::Ground;

const MAKER: FakeMaker = FakeMaker(Lamps::boxed);

fn plan_of(builder: Builder) -> Plan {
    builder.build().unwrap_or_else(|wrong| panic!("{wrong}")).plan(7, &MAKER).unwrap()
}

/// A long run in which much goes wrong, and one thing matters.
fn eventful() -> Builder {
    let slow = [("between", "manager".into()), ("from", "5m".into()), ("latency", "317ms".into())];
    let late = [
        ("name", "late".into()),
        ("node", "worker2".into()),
        ("when", "fault workers-off begins".into()),
        ("for", "1m".into()),
    ];
    Scenario::builder("eventful", "Traffic goes on.")
        .cluster_files(ClusterFiles::default())
        .phase("disturb", "30m")
        .calls("20/s", 5)
        .publish("17s", 3)
        .workload("administer", [("every", "10s".into())])
        .power_off("manager", "1m13.5s", "9m")
        .fault(
            "power-off",
            [("name", "workers-off".into()), ("node", "all workers".into()), ("from", "3m".into())],
        )
        .fault("power-off", late)
        .fault("slow-link", slow)
        .power_off("balancer", "12m7.25s", "19m")
        .expect("traffic is never lost")
        .expect("publishing is lost for at most 10 minutes")
        .expect("no acknowledged publish is lost")
}

/// Its plan.
pub(super) fn eventful_plan() -> Plan {
    plan_of(eventful())
}

fn signature_of(plan: &Plan) -> Signature {
    let report = run::run(plan, &MAKER, run::Options::default()).unwrap().report;
    Signature::all(&report).into_iter().next().expect("the plan fails")
}

fn shrunk(plan: &Plan) -> Shrunk {
    shrink(plan, &signature_of(plan), &MAKER, Options::default()).unwrap()
}

#[test]
fn what_does_not_matter_goes_and_what_is_left_is_written_with_why() {
    let plan = eventful_plan();
    let shrunk = shrunk(&plan);
    assert_eq!(shrunk.ended, Ended::Smallest);
    let names: Vec<&str> = shrunk.plan.faults.iter().map(|fault| &*fault.name).collect();
    assert_eq!(names, ["balancer-off"]);
    assert_eq!((shrunk.plan.workloads.len(), shrunk.plan.expectations.len(), shrunk.plan.seed), (1, 1, 1));
    assert!(shrunk.after.operations <= 2, "{:?}", shrunk.after);
    assert!(shrunk.statistics.runs < 300, "{:?}", shrunk.statistics);
    insta::assert_snapshot!(Found::of(&shrunk, &MAKER).text("clusters/lamps").unwrap());
}

#[test]
fn a_fault_that_comes_back_need_not_when_once_is_enough() {
    let mut plan = eventful_plan();
    for fault in &mut plan.faults {
        fault.repeats =
            Some(crate::plan::Repeats { every: std::time::Duration::from_millis(700_123), times: 7 });
    }
    let shrunk = shrunk(&plan);
    assert_eq!(shrunk.plan.faults.len(), 1);
    assert_eq!(shrunk.plan.faults[0].repeats, None);
}

#[test]
fn a_plan_that_does_not_fail_so_is_not_shrunk() {
    let plan = eventful_plan();
    let other = Signature { cause: "something else".into(), ..signature_of(&plan) };
    let error = shrink(&plan, &other, &MAKER, Options::default()).unwrap_err();
    assert!(matches!(error, ShrinkError::DoesNotFail(_)), "{error}");
    assert!(error.to_string().contains("something else"), "{error}");
}

#[test]
fn a_failure_that_comes_without_any_fault_is_another_one() {
    // The control passes: without the fault everything is served. So what fails anyway must not be taken for it.
    let plan = eventful_plan();
    let shrunk = shrunk(&plan);
    let mut control = shrunk.plan;
    control.faults.clear();
    let report = run::run(&control, &MAKER, run::Options::default()).unwrap().report;
    assert!(Signature::all(&report).is_empty());
    assert!(shrunk.statistics.control_runs >= shrunk.statistics.steps);
}

#[test]
fn when_the_runs_are_used_up_the_smallest_so_far_is_given() {
    let plan = eventful_plan();
    let signature = signature_of(&plan);
    let options = Options { runs_max: Some(12), ..Options::default() };
    let some = shrink(&plan, &signature, &MAKER, options).unwrap();
    assert_eq!((some.ended, some.statistics.runs), (Ended::OutOfRuns, 12));
    assert!(some.after < some.before);
    assert_eq!(signature_of(&some.plan), signature);
}

#[test]
fn a_stop_from_outside_keeps_what_was_reached() {
    let plan = eventful_plan();
    let stop = AtomicBool::new(false);
    let seen = Cell::new(0);
    let progress = |statistics: &Statistics, _: &Step| {
        seen.set(seen.get() + 1);
        stop.store(statistics.steps >= 2, std::sync::atomic::Ordering::Relaxed);
    };
    let options = Options { runs_max: None, stop: Some(&stop), progress: Some(&progress) };
    let some = shrink(&plan, &signature_of(&plan), &MAKER, options).unwrap();
    assert_eq!((some.ended, some.statistics.steps), (Ended::Stopped, 2));
    assert!(seen.get() > 2);
}

#[test]
fn what_is_found_is_put_into_a_folder_and_fails_again_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = eventful_plan();
    plan.cluster.files.insert("cluster.toml".to_owned(), "# lamps\n".to_owned());
    let shrunk = shrunk(&plan);
    let found = Found::of(&shrunk, &MAKER);
    let path = found.put(&folder.path().join("found")).unwrap();
    let scenario = Scenario::load(&path).unwrap();
    assert!(scenario.cluster.value.starts_with("clusters/eventful-"), "{}", scenario.cluster.value);
    let again = scenario.plan(scenario.usual_seed(), &MAKER).unwrap();
    assert_eq!(signature_of(&again), shrunk.signature);
    // Where the same files are there already, they are named and not written again.
    let known = folder.path().join("clusters/lamps");
    plan.cluster.write(&known).unwrap();
    let path = found.named("again").put(&folder.path().join("other")).unwrap();
    assert_eq!(Scenario::load(&path).unwrap().cluster.value, "../clusters/lamps");
    assert!(!folder.path().join("other/clusters").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_fails_becomes_no_larger_fails_the_same_and_cannot_become_smaller(
        plan in Ground::of(ClusterFiles::default(), &MAKER).unwrap().faults_max(5)
            .expect("traffic is never lost").expect("publishing is never lost").plans()
    ) {
        let report = run::run(&plan, &MAKER, run::Options::default()).unwrap().report;
        let Some(signature) = Signature::all(&report).into_iter().next() else { return Ok(()) };
        let one = shrink(&plan, &signature, &MAKER, Options::default()).unwrap();
        prop_assert_eq!(one.ended, Ended::Smallest);
        prop_assert!(one.after <= one.before);
        prop_assert!(Signature::all(one.report.as_ref().unwrap()).contains(&signature));
        let other = shrink(&plan, &signature, &MAKER, Options::default()).unwrap();
        prop_assert_eq!(&one.plan, &other.plan);
        prop_assert_eq!(one.statistics, other.statistics);
        let again = shrink(&one.plan, &signature, &MAKER, Options::default()).unwrap();
        prop_assert_eq!(again.statistics.steps, 0);
        prop_assert!(Found::of(&one, &MAKER).text("clusters/x").is_ok());
    }
}
