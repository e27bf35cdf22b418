use super::*;
use crate::time::SimTime;
use crate::trace::EventKind;

const MARKED: &str = "a server that is marked down gets no request until the mark ends";

fn tried(script: Script, started: u64, ended: u64, peer: &str, status: Option<u16>) -> Script {
    let tried = EventKind::UpstreamTried {
        upstream: "gateways".into(),
        peer: peer.into(),
        started: SimTime::from_secs(started),
        status,
        error: if status.is_some() { "".into() } else { "connection refused".into() },
        retried: status.is_none(),
    };
    script.event(ended, Some("balancer"), tried)
}

fn marked(script: Script, at: u64, peer: &str) -> Script {
    let until = SimTime::from_secs(at + 10);
    let mark = EventKind::PeerMarkedDown { upstream: "gateways".into(), peer: peer.into(), until };
    script.event(at, Some("balancer"), mark)
}

fn start(claims: &[&str]) -> Script {
    Script::new(claims).ready(0, "worker1").ready(0, "worker2").disturb(1)
}

#[test]
fn a_marked_server_is_left_alone_until_the_mark_ends() {
    let script = || marked(tried(start(&[]), 5, 5, "worker1", None), 5, "worker1");
    assert_status(&tried(script(), 15, 15, "worker1", Some(200)).verdict(MARKED), Pass);
    assert_status(&tried(script(), 7, 7, "worker2", Some(200)).verdict(MARKED), Pass);
    let bad = tried(script(), 14, 14, "worker1", None).verdict(MARKED);
    assert_status(&bad, Fail);
    assert_eq!(bad.evidence.len(), 1);
    // It was sent before the mark, and failed after it.
    assert_status(&tried(script(), 4, 8, "worker1", None).verdict(MARKED), Pass);
    // No server was left: the marks are void.
    let none =
        script().event(6, Some("balancer"), EventKind::NoLiveUpstreams { upstream: "gateways".into() });
    assert_status(&tried(none, 7, 7, "worker1", None).verdict(MARKED), Pass);
    assert!(start(&[]).judge().verdicts.is_empty(), "without a mark nothing is claimed");
}

#[test]
fn requests_to_a_dead_node_are_counted_by_when_they_began() {
    let claim = "at most 1 request to a dead node";
    let script = || tried(start(&[claim]), 3, 3, "worker1", Some(200)).power_off(5, "worker1");
    let one = || tried(script(), 6, 9, "worker1", None);
    assert_status(&one().verdict(claim), Pass);
    let two = tried(one().power_on(10, "worker1"), 9, 12, "worker1", None).verdict(claim);
    assert_status(&two, Fail);
    assert_eq!(two.summary, "2 of 3 requests were sent to a dead node");
    assert_status(&start(&[claim]).verdict(claim), Unknown);
}

#[test]
fn an_api_that_was_deleted_and_is_not_found_is_no_error() {
    let claim = "clients see no errors";
    let delete = OpKind::Delete { api: "pizza".into(), revision: 2 };
    let script = start(&[claim]).call(2, Some(200)).op(3, delete, Some(200));
    assert_status(&script.call(4, Some(404)).verdict(claim), Pass);
    assert_status(&start(&[claim]).call(4, Some(404)).verdict(claim), Fail);
}

#[test]
fn errors_of_consumers_are_counted() {
    for (claim, most) in [
        ("clients see no errors", 0),
        ("clients see at most 2 errors", 2),
        ("clients see errors in at most 5 % of calls", 5),
    ] {
        let run = |errors| {
            (0..100).fold(start(&[claim]), |script, n| {
                script.call(n + 1, Some(if n < errors { 502 } else { 200 }))
            })
        };
        assert_status(&run(most).verdict(claim), Pass);
        assert_status(&run(most + 1).verdict(claim), Fail);
        assert_status(&start(&[claim]).verdict(claim), Unknown);
    }
}
