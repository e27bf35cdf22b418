use super::*;
use crate::trace::EventKind;
use crate::trace::mark::{INCOMPLETE_SERVED, LOCK_HELD, TORN_DEPLOYED};

const NEVER: &str = "no worker deploys a torn snapshot";
const HAPPENS: &str = "worker1 deploys a torn snapshot";

fn marked(script: Script, at: u64, node: &str, mark: &str) -> Script {
    script.event(at, Some(node), EventKind::Mark { mark: mark.into() })
}

#[test]
fn a_torn_snapshot_on_a_worker_is_found_with_its_event() {
    let script = || Script::new(&[NEVER, HAPPENS]).disturb(1).deployed(2, "worker1", 2);
    assert_status(&script().verdict(NEVER), Pass);
    assert_status(&script().verdict(HAPPENS), Fail);
    for mark in [TORN_DEPLOYED, INCOMPLETE_SERVED] {
        let torn = || marked(script(), 3, "worker1", mark);
        let bad = torn().verdict(NEVER);
        assert_status(&bad, Fail);
        assert_eq!(bad.evidence.len(), 1);
        assert_eq!(bad.summary, "worker1: 1 deployment, torn 1 time; worker2 deployed nothing");
        assert_status(&torn().verdict(HAPPENS), Pass);
    }
}

#[test]
fn what_is_torn_elsewhere_or_before_the_end_of_warm_up_does_not_count() {
    let script = || Script::new(&[NEVER]).disturb(2).deployed(3, "worker1", 2);
    assert_status(&marked(script(), 4, "manager", TORN_DEPLOYED).verdict(NEVER), Pass);
    assert_status(&marked(script(), 4, "worker1", LOCK_HELD).verdict(NEVER), Pass);
    let early = marked(Script::new(&[NEVER]), 1, "worker1", TORN_DEPLOYED).disturb(2);
    assert_status(&early.deployed(3, "worker1", 2).verdict(NEVER), Pass);
}

#[test]
fn where_nothing_is_deployed_nothing_is_known() {
    for claim in [NEVER, HAPPENS] {
        assert_status(&Script::new(&[claim]).disturb(1).verdict(claim), Unknown);
    }
}
