use std::collections::{BTreeMap, BTreeSet};

use super::cases::{Case, Sweep};
use super::*;
use crate::cluster_files::ClusterFiles;
use crate::fake::FakeMaker;
use crate::plan::{FaultKind, PartitionDirection, Target};
use crate::scenario::Scenario;
use crate::signature::Signature;
use crate::time::SimTime;

/// Two faults at three moments, put together by hand.
pub(super) fn sweep(name: &str) -> Sweep {
    let scenario = Scenario::builder(name, "A sweep.")
        .cluster_files(ClusterFiles::default())
        .phase("warmup", "1m")
        .phase("disturb", "3m")
        .phase("heal", "1m")
        .phase("settle", "1m")
        .calls("1/s", 1)
        .build()
        .unwrap();
    let base = scenario.plan(1, &FakeMaker::for_plans()).unwrap();
    let faults = vec![
        (FaultKind::PowerOff, Target::Nodes(vec!["manager".into()])),
        (
            FaultKind::Partition { direction: PartitionDirection::Both },
            Target::Between { a: vec!["manager".into()], b: vec!["worker1".into()] },
        ),
    ];
    let moment = |second, what: &str| Moment { at: SimTime::from_secs(second), what: vec![what.into()] };
    let moments =
        vec![moment(70, "manager: cron_fired"), moment(71, "manager: sync_started"), moment(72, "a: b")];
    Sweep::by_hand(base, faults, moments)
}

fn lost(cause: &str) -> Signature {
    Signature {
        checker: "durability".into(),
        capability: None,
        claim: "no acknowledged publish is lost".into(),
        cause: cause.into(),
    }
}

/// All cases run; the power loss at the second moment loses a publish.
fn lines(sweep: &Sweep) -> Vec<Line> {
    (sweep.to_run())
        .map(|case| {
            let fails = case == Case { moment: 1, fault: 0 };
            Line { cases: vec![case], fails: fails.then(|| lost("in the queue")).into_iter().collect() }
        })
        .collect()
}

#[test]
fn a_sweep_in_which_all_held_says_so_and_counts_what_it_did_not_run() {
    let sweep = sweep("s").repeating(Case { moment: 1, fault: 1 }, Repeat::OfMoment(0));
    let all_held: Vec<Line> =
        sweep.to_run().map(|case| Line { cases: vec![case], fails: BTreeSet::new() }).collect();
    let swept = Swept::of(&sweep, &all_held);
    assert!(swept.holds());
    assert_eq!((swept.ran, swept.of_earlier_moments, swept.left), (5, 1, 0));
    insta::assert_snapshot!(terminal(&sweep, &swept, &Places::new()));
}

#[test]
fn what_breaks_is_grouped_by_its_cause_and_says_how_to_see_it() {
    let sweep = sweep("s");
    let swept = Swept::of(&sweep, &lines(&sweep));
    assert!(!swept.holds());
    let places = BTreeMap::from([(
        lost("in the queue"),
        ("out/plans/1.json".to_owned(), Some("out/shrunk/s-1.toml".to_owned())),
    )]);
    insta::assert_snapshot!(terminal(&sweep, &swept, &places));
    insta::assert_snapshot!(markdown(&sweep, &swept, &places));
    insta::assert_snapshot!(json(&sweep, &swept, &places));
}

#[test]
fn what_is_known_is_told_apart_from_what_is_new() {
    let text = "[[weakness]]\nname = 'queue'\ncauses = ['in the queue']\nwhy = 'It waits.'\n";
    let known = crate::explore::Known::parse(&crate::finding::Source::new("x.known.toml", text)).unwrap();
    let sweep = sweep("s").knowing(known);
    let mut lines = lines(&sweep);
    let swept = Swept::of(&sweep, &lines);
    assert!(swept.holds());
    assert_eq!((swept.broken, swept.broken_as_known), (0, 1));
    insta::assert_snapshot!(statement(&sweep, &swept));
    lines[0].fails.insert(lost("for no reason"));
    let swept = Swept::of(&sweep, &lines);
    assert!(!swept.holds());
    assert_eq!((swept.broken, swept.broken_as_known), (1, 1));
    insta::assert_snapshot!(terminal(&sweep, &swept, &Places::new()));
}

#[test]
fn what_a_fault_denies_by_definition_is_told_apart_unless_another_fault_breaks_it_too() {
    let sweep = sweep("s").denied_by(0);
    let mut lines = lines(&sweep);
    let swept = Swept::of(&sweep, &lines);
    assert!(swept.holds());
    assert_eq!((swept.broken, swept.broken_by_definition), (0, 1));
    insta::assert_snapshot!(terminal(&sweep, &swept, &Places::new()));
    let other = lines.iter_mut().rfind(|line| line.cases[0].fault == 1).unwrap();
    other.fails.insert(lost("in the queue"));
    let case = other.cases.clone();
    let swept = Swept::of(&sweep, &lines);
    assert!(!swept.holds());
    assert_eq!((swept.broken, swept.broken_by_definition), (2, 0));
    assert_eq!(swept.findings.list()[0].first, case);
}

#[test]
fn a_panic_and_what_was_asked_for_are_never_by_definition() {
    let sweep = sweep("s").denied_by(0).asking("no acknowledged publish is lost");
    let cases = [Case { moment: 1, fault: 0 }];
    let panicked = Signature::of_panic(&crate::jobs::Panicked("at x".into()));
    assert!(!sweep.is_by_definition(&cases, &panicked));
    assert!(!sweep.is_by_definition(&cases, &lost("in the queue")));
    let other = Signature { claim: "every server serves at the end".into(), ..lost("in the queue") };
    assert!(sweep.is_by_definition(&cases, &other));
}

#[test]
fn a_case_that_repeats_one_that_failed_counts_as_failed() {
    let sweep = sweep("s").repeating(Case { moment: 2, fault: 0 }, Repeat::OfMoment(1));
    let swept = Swept::of(&sweep, &lines(&sweep));
    assert_eq!((swept.broken, swept.findings.list()[0].cases), (2, 2));
}

#[test]
fn a_sweep_that_is_not_finished_states_nothing() {
    let sweep = sweep("s");
    let swept = Swept::of(&sweep, &lines(&sweep)[..2]);
    assert!(!swept.holds() && statement(&sweep, &swept).starts_with("Not finished: 4 of 6"));
}

#[test]
fn what_only_pairs_break_is_told_apart() {
    let sweep = sweep("s");
    let mut lines = lines(&sweep);
    let pair = vec![Case { moment: 0, fault: 0 }, Case { moment: 2, fault: 1 }];
    let fails = BTreeSet::from([lost("in the queue"), lost("twice")]);
    lines.push(Line { cases: pair, fails });
    let swept = Swept::of(&sweep, &lines);
    let alone: Vec<_> = swept.pair_findings.list().iter().map(|finding| &finding.signature.cause).collect();
    assert_eq!(alone.iter().map(|cause| &***cause).collect::<Vec<_>>(), ["twice"]);
}
