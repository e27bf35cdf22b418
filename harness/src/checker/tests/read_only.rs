use super::*;
use crate::trace::event::WriteRoute::{AdminService, Console, ManagementApi};

const NO_WRITE: &str = "no write is accepted by a worker";
const ONLY_SYNC: &str = "only the sync changes a worker";

fn refused(script: Script) -> Script {
    script.write(1, "worker1", ManagementApi, Some(403)).write(2, "worker2", Console, Some(404))
}

#[test]
fn refused_writes_pass_and_an_accepted_one_fails() {
    let script = || refused(Script::new(&[NO_WRITE]).disturb(0));
    let good = script().verdict(NO_WRITE);
    assert_status(&good, Pass);
    assert_eq!(good.evidence.len(), 2);
    let bad = script().write(3, "worker2", AdminService, Some(200)).verdict(NO_WRITE);
    assert_status(&bad, Fail);
    assert!(bad.summary.contains("1 accepted (admin-service)"), "{bad:?}");
}

#[test]
fn what_nobody_tried_or_nobody_answered_is_unknown() {
    assert_status(&Script::new(&[NO_WRITE]).disturb(0).verdict(NO_WRITE), Unknown);
    let one = Script::new(&[NO_WRITE]).disturb(0).write(1, "worker1", Console, Some(403));
    assert_status(&one.verdict(NO_WRITE), Unknown);
    let unanswered = Script::new(&[NO_WRITE])
        .disturb(0)
        .write(1, "worker1", Console, None)
        .write(2, "worker2", Console, None);
    assert_status(&unanswered.verdict(NO_WRITE), Unknown);
}

#[test]
fn an_honest_scenario_may_expect_a_write_to_be_accepted() {
    let claim = "a write is accepted by worker2";
    let script = || refused(Script::new(&[claim]).disturb(0));
    assert_status(&script().verdict(claim), Fail);
    assert_status(&script().write(3, "worker2", AdminService, Some(201)).verdict(claim), Pass);
    assert_status(&Script::new(&[claim]).disturb(0).verdict(claim), Unknown);
}

#[test]
fn a_change_that_the_sync_did_not_make_fails() {
    let script = |claim| {
        Script::new(claim).disk(0, "worker1", &[]).disk(0, "worker2", &[]).file(
            1,
            "worker1",
            "a",
            Some("1"),
            "wso2",
        )
    };
    let watched = || script(&[]).disturb(5).file(6, "worker1", "a", Some("2"), "rsync");
    assert_status(&watched().verdict(ONLY_SYNC), Pass);
    let bad = watched().file(7, "worker2", "a", Some("3"), "operator").verdict(ONLY_SYNC);
    assert_status(&bad, Fail);
    assert!(bad.summary.contains("worker2: 1 change by operator"), "{bad:?}");
    assert_eq!(bad.evidence.len(), 1);
    assert_status(&Script::new(&[ONLY_SYNC]).disturb(0).verdict(ONLY_SYNC), Unknown);
    // Outside the synced folder everybody may write.
    let log = crate::trace::EventKind::FileChanged {
        path: "/var/log/x".into(),
        change: crate::trace::event::FileChange::Modified,
        digest: None,
        size: 1,
        writer: "wso2".into(),
    };
    assert_status(&watched().event(8, Some("worker1"), log).verdict(ONLY_SYNC), Pass);
}

#[test]
fn an_honest_scenario_may_expect_a_change_besides_the_sync() {
    let claim = "something besides the sync changes worker2";
    let watched = || Script::new(&[claim]).disk(0, "worker1", &[]).disk(0, "worker2", &[]).disturb(5);
    assert_status(&watched().verdict(claim), Fail);
    assert_status(&watched().file(7, "worker2", "a", Some("3"), "operator").verdict(claim), Pass);
    assert_status(&Script::new(&[claim]).disturb(0).verdict(claim), Unknown);
}
