use super::*;

const EQUAL: &str = "every worker's files are equal to the manager's at the end";

fn start(claims: &[&str]) -> Script {
    let files = [("a", "1"), ("b", "1")];
    ["manager", "worker1", "worker2"]
        .into_iter()
        .fold(Script::new(claims), |script, node| script.disk(0, node, &files).ready(0, node))
        .disturb(10)
}

fn published(script: Script, at: u64, text: &str) -> Script {
    script.file(at, "manager", "a", Some(text), "wso2")
}

fn synced(script: Script, at: u64, text: &str) -> Script {
    ["worker1", "worker2"]
        .into_iter()
        .fold(script, |script, node| script.file(at, node, "a", Some(text), "rsync"))
}

#[test]
fn files_that_are_equal_at_the_end_pass_and_different_ones_fail() {
    assert_status(&start(&[]).verdict(EQUAL), Pass);
    assert_status(&synced(published(start(&[]), 20, "2"), 60, "2").verdict(EQUAL), Pass);
    let behind = published(start(&[]), 20, "2").verdict(EQUAL);
    assert_status(&behind, Fail);
    assert!(behind.summary.contains("1 file on worker1, such as a"), "{behind:?}");
    assert_status(&start(&[]).file(20, "worker2", "extra", Some("x"), "operator").verdict(EQUAL), Fail);
    assert_status(&start(&[]).file(20, "worker2", "b", None, "rsync").verdict(EQUAL), Fail);
    assert_status(&start(&[]).file(20, "manager", "b", None, "wso2").verdict(EQUAL), Fail);
    // What no event told is seen in the last state.
    assert_status(&start(&[]).disk(90, "worker1", &[("a", "1"), ("b", "x")]).verdict(EQUAL), Fail);
}

#[test]
fn a_file_that_somebody_removed_on_a_worker_is_stale_from_then_on() {
    let claim = "every worker is at most 40 s stale";
    let script = start(&[claim]).file(500, "worker1", "a", None, "operator");
    let verdict = script.file(530, "worker1", "a", Some("1"), "rsync").verdict(claim);
    assert!(verdict.summary.contains("30s") || verdict.status == Unknown, "{verdict:?}");
    assert!(verdict.status != Fail, "it is not as old as the run: {verdict:?}");
}

#[test]
fn workers_that_must_differ_at_the_end_are_looked_at_each() {
    let claim = "worker1 and worker2 differ from the manager at the end";
    let one = start(&[claim]).file(20, "worker1", "a", Some("x"), "operator");
    let verdict = one.verdict(claim);
    assert_status(&verdict, Fail);
    assert!(verdict.summary.contains("worker2 is equal to the manager"), "{verdict:?}");
    let both = start(&[claim]).file(20, "worker1", "a", Some("x"), "operator");
    let verdict = both.disk(90, "worker2", &[("a", "1")]).verdict(claim);
    assert_status(&verdict, Pass);
    assert_eq!(verdict.evidence.len(), 2);
    let script = Script::new(&[claim]).disk(0, "manager", &[]).disturb(1);
    assert_status(&script.verdict(claim), Unknown);
}

#[test]
fn files_that_were_not_seen_are_unknown() {
    let claim = "every worker is converged at the end";
    let script = Script::new(&[claim]).disk(0, "manager", &[]).disk(0, "worker1", &[]).disturb(1);
    assert_status(&script.verdict(claim), Unknown);
    assert!(Script::new(&[]).disturb(0).judge().convergence.is_empty());
}

#[test]
fn a_worker_that_always_lags_one_sync_behind_is_stale_for_one_sync() {
    let claim = "every worker is at most 60 s stale";
    // Published every 30 s, synced every 60 s with what there is: never equal for long.
    let script = (0..20).fold(start(&[claim]), |script, n| {
        let at = 20 + 60 * n;
        let script = published(published(script, at, &format!("{n}-a")), at + 30, &format!("{n}-b"));
        synced(script, at + 59, &format!("{n}-b"))
    });
    let verdict = script.verdict(claim);
    assert_status(&verdict, Pass);
    assert!(verdict.summary.contains("59s"), "{verdict:?}");
    assert_eq!(verdict.evidence.len(), 2);
}

#[test]
fn staleness_counts_from_the_moment_of_the_replacement() {
    let claim = "every worker is at most 60 s stale";
    let script = published(published(start(&[claim]), 20, "2"), 70, "3");
    // The worker gets 2 at 75: 1 was stale for 55 s; 2 has been stale since 70.
    let script = synced(script, 75, "2");
    assert_status(&synced(script, 130, "3").verdict(claim), Pass);
    let script = published(published(start(&[claim]), 20, "2"), 70, "3");
    let late = synced(synced(script, 75, "2"), 131, "3").verdict(claim);
    assert_status(&late, Fail);
    assert_status(&start(&[claim]).heal(100).verdict(claim), Unknown);
}

#[test]
fn a_worker_has_converged_when_it_has_what_there_was_when_the_faults_ended() {
    let claim = "every worker converged within 60 s of the end of the last fault";
    let cut = || {
        let script = published(start(&[claim]).fault(15, "cut", "partition", "worker1"), 20, "2");
        script.fault_ends(100, "cut")
    };
    let in_time = synced(cut(), 150, "2").verdict(claim);
    assert_status(&in_time, Pass);
    assert_eq!(in_time.summary, "all had within 50s");
    assert_status(&synced(cut(), 161, "2").verdict(claim), Fail);
    assert_status(&cut().heal(300).verdict(claim), Fail);
    // Steady publishing after the fault is no divergence, and an overtaken content is none either.
    let steady = synced(published(cut(), 140, "3"), 150, "2");
    assert_status(&published(steady, 155, "4").verdict(claim), Pass);
}

#[test]
fn convergence_is_unknown_when_nothing_was_published_or_a_fault_still_acts() {
    let claim = "every worker converged within 60 s of the end of the last fault";
    assert_status(&start(&[claim]).heal(100).verdict(claim), Unknown);
    let acting = published(start(&[claim]).fault(15, "cut", "partition", "worker1"), 20, "2");
    assert_status(&synced(acting, 30, "2").verdict(claim), Unknown);
}

#[test]
fn without_faults_the_end_of_the_disturb_phase_stands_for_the_last_ones_end() {
    let claim = "every worker converged within 60 s of the end of the last fault";
    let script = published(start(&[claim]), 20, "2").heal(100);
    assert_status(&synced(script, 150, "2").verdict(claim), Pass);
}

#[test]
fn no_worker_converges_while_the_manager_is_down() {
    let claim = "no worker converges while the manager is down";
    let down = || published(start(&[claim]), 20, "2").power_off(30, "manager");
    assert_status(&synced(down().power_on(90, "manager"), 120, "2").verdict(claim), Pass);
    assert_status(&synced(down(), 60, "2").power_on(90, "manager").verdict(claim), Fail);
    let equal = synced(published(start(&[claim]), 20, "2"), 25, "2").power_off(30, "manager");
    assert_status(&equal.power_on(90, "manager").verdict(claim), Unknown);
    assert_status(&start(&[claim]).verdict(claim), Unknown);
}

#[test]
fn a_report_says_since_when_a_worker_is_equal_and_where_it_is_not() {
    let judgement =
        synced(published(start(&[]), 20, "2"), 60, "2").file(70, "worker2", "x", Some("y"), "rsync").judge();
    let [one, two] = &judgement.convergence[..] else { panic!("two workers") };
    assert_eq!((one.staleness_ms_max, one.converged_at_ms), (40_000, Some(60_000)));
    assert_eq!((two.converged_at_ms, two.divergent.len()), (None, 1));
}

#[test]
fn running_workers_must_serve_the_same_revisions_at_the_end() {
    let claim = "every worker serves the same revisions at the end";
    let served = |one, two| start(&[]).deployed(20, "worker1", one).deployed(20, "worker2", two);
    assert_status(&served(2, 2).verdict(claim), Pass);
    let different = served(2, 1).verdict(claim);
    assert_status(&different, Fail);
    assert_eq!(different.summary, "pizza: revision 2 on worker1, revision 1 on worker2");
    let nothing = start(&[]).deployed(20, "worker1", 2).verdict(claim);
    assert_status(&nothing, Fail);
    assert_eq!(nothing.summary, "pizza: revision 2 on worker1, not on worker2");
    // One that is down is not asked.
    let down = served(2, 1).power_off(30, "worker2").judge();
    assert!(!down.verdicts.iter().any(|verdict| verdict.claim == claim));
}

#[test]
fn a_file_that_is_put_back_again_and_again_is_told_from_one_that_the_sync_takes_for_right() {
    let again = crate::trace::EventKind::Mark { mark: crate::trace::mark::RESTORE_LOOP.into() };
    let restored = |at| {
        let script = synced(published(start(&[]), 20, "2"), 60, "2").rsync(60, "worker1", 0);
        script.file(at, "worker1", "a", Some("1"), "wso2").event(at, Some("worker1"), again.clone())
    };
    let cause = |script: Script| script.verdict(EQUAL).cause.to_string();
    let told = "a file has another content, changed by wso2";
    assert_eq!(cause(restored(75)), format!("{told}: artifact restored again"));
    let left_alone = restored(75).rsync(120, "worker1", 0);
    assert_eq!(cause(left_alone), format!("{told}: though the sync says that it succeeded"));
    // The manager ended in the middle of it.
    let killed = |script: Script| {
        let why = crate::trace::event::ProcessEnd::Killed;
        script.event(
            21,
            Some("manager"),
            crate::trace::EventKind::ProcessEnded { process: "wso2".into(), why },
        )
    };
    let half = synced(killed(published(start(&[]), 20, "2")), 60, "2").rsync(60, "worker1", 0);
    let half = half.file(75, "worker1", "a", Some("1"), "wso2").event(75, Some("worker1"), again.clone());
    assert_eq!(cause(half), format!("{told}: the manager left half of it"));
}

#[test]
fn a_file_that_the_managers_disk_lost_with_the_power_is_told_from_any_other_that_is_put_back() {
    let again = crate::trace::EventKind::Mark { mark: crate::trace::mark::RESTORE_LOOP.into() };
    let restored_at = |script: Script, at: u64, text: &str| {
        let script = synced(script, at, text).rsync(at, "worker1", 0);
        let script = script.file(at + 15, "worker1", "a", Some("1"), "wso2");
        script.event(at + 15, Some("worker1"), again.clone()).verdict(EQUAL).cause.to_string()
    };
    let restored = |script, text| restored_at(script, 60, text);
    let told = "a file has another content, changed by wso2";
    // Another file is written after it, so that nobody was in the middle of writing it.
    let off = || {
        published(start(&[]), 20, "2").file(21, "manager", "b", Some("1"), "wso2").power_off(30, "manager")
    };
    let emptied = || off().disk(30, "manager", &[("a", ""), ("b", "1")]).power_on(40, "manager");
    assert_eq!(restored(emptied(), ""), format!("{told}: the manager's disk lost it with the power"));
    // What somebody writes after that is lost no more, and what was not lost is no loss.
    assert_eq!(restored(published(emptied(), 50, "3"), "3"), format!("{told}: artifact restored again"));
    // It must have been written back long before.
    let late =
        published(start(&[]), 20, "2").file(21, "manager", "b", Some("1"), "wso2").power_off(61, "manager");
    let late = late.disk(61, "manager", &[("a", ""), ("b", "1")]).power_on(65, "manager");
    assert_eq!(restored_at(late, 70, ""), format!("{told}: artifact restored again"));
    let kept = off().disk(30, "manager", &[("a", "2"), ("b", "1")]).power_on(40, "manager");
    assert_eq!(restored(kept, "2"), format!("{told}: artifact restored again"));
}

#[test]
fn a_torn_set_says_nothing_of_the_end_when_something_was_published_shortly_before() {
    use crate::trace::{EventKind, mark};
    let fails = |published_at| {
        let script = published(start(&[]).heal(100), published_at, "2");
        let torn = EventKind::Mark { mark: mark::TORN_FOR_LONG.into() };
        let judgement = script.event(900, Some("worker1"), torn).judge();
        let claim = "no gateway serves a torn snapshot in the end";
        judgement.verdicts.iter().any(|verdict| verdict.claim == claim && verdict.status == Fail)
    };
    assert!(fails(740));
    assert!(!fails(741));
}

#[test]
fn a_torn_set_is_told_with_what_explains_it() {
    use crate::trace::{EventKind, mark};
    let claim = "no gateway serves a torn snapshot in the end";
    let said = |text: &str| EventKind::Mark { mark: text.into() };
    let torn = |script: Script| {
        let script = script.heal(100).event(900, Some("worker1"), said(mark::TORN_FOR_LONG));
        script.verdict(claim).cause.to_string()
    };
    assert_eq!(torn(start(&[])), mark::TORN_FOR_LONG);
    let lost = start(&[]).event(20, Some("manager"), said(mark::LOST_IN_QUEUE));
    assert_eq!(torn(lost), "the manager lost a part of the API");
    let skipped = start(&[]).event(20, Some("worker1"), said(mark::SKIPPED_AT_START_UP));
    assert_eq!(torn(skipped), mark::SKIPPED_AT_START_UP);
}
