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

const LEFT_OUT: &str = "a server that keeps failing is left out for a while";

/// A group of these servers, each left out for 10 s after `max_fails` failures.
fn defined(script: Script, processes: u64, max_fails: u32, nodes: &[&str]) -> Script {
    let server = |node: &&str| crate::trace::event::UpstreamServer {
        node: (*node).into(),
        max_fails,
        fail_timeout_ns: 10_000_000_000,
    };
    let servers = nodes.iter().map(server).collect();
    let defined = EventKind::UpstreamDefined { upstream: "gateways".into(), processes, servers };
    script.event(1, Some("balancer"), defined)
}

fn fails(script: Script, times: &[(u64, u64)]) -> Script {
    times.iter().fold(script, |script, &(from, to)| tried(script, from, to, "worker1", None))
}

#[test]
fn a_server_that_has_failed_as_often_as_it_may_is_left_alone() {
    let two = ["worker1", "worker2"];
    let once = || defined(start(&[]), 1, 1, &two);
    assert_status(&fails(once(), &[(5, 5), (16, 16), (30, 31)]).verdict(LEFT_OUT), Pass);
    let bad = fails(once(), &[(5, 5), (8, 8)]).verdict(LEFT_OUT);
    assert_status(&bad, Fail);
    assert_eq!(bad.evidence.len(), 1);
    // Side by side: the balancer could not know.
    assert_status(&fails(once(), &[(5, 8), (6, 9), (7, 9)]).verdict(LEFT_OUT), Pass);
    // An answer in spite of it is one request too many as well.
    assert_status(&tried(fails(once(), &[(5, 5)]), 7, 7, "worker1", Some(200)).verdict(LEFT_OUT), Fail);
    // It has answered in between.
    let well = |script| tried(script, 16, 16, "worker1", Some(200));
    assert_status(&fails(well(fails(once(), &[(5, 5)])), &[(17, 17)]).verdict(LEFT_OUT), Pass);
    // Three may fail.
    let thrice = || defined(start(&[]), 1, 3, &two);
    assert_status(&fails(thrice(), &[(5, 5), (6, 6), (7, 7), (18, 18)]).verdict(LEFT_OUT), Pass);
    assert_status(&fails(thrice(), &[(5, 5), (6, 6), (7, 7), (8, 8)]).verdict(LEFT_OUT), Fail);
}

#[test]
fn each_process_of_a_balancer_may_find_out_for_itself() {
    let script = || defined(start(&[]), 2, 1, &["worker1", "worker2"]);
    assert_status(&fails(script(), &[(5, 5), (6, 6)]).verdict(LEFT_OUT), Pass);
    assert_status(&fails(script(), &[(5, 5), (6, 6), (7, 7)]).verdict(LEFT_OUT), Fail);
}

#[test]
fn nothing_is_said_where_nginx_leaves_nobody_out() {
    let script = |max_fails, nodes: &[&str]| defined(start(&[]), 1, max_fails, nodes);
    for quiet in [
        fails(script(1, &["worker1"]), &[(5, 5), (6, 6)]),
        fails(script(0, &["worker1", "worker2"]), &[(5, 5), (6, 6)]),
        fails(script(1, &["worker1", "worker1"]), &[(5, 5), (6, 6)]),
        fails(start(&[]), &[(5, 5), (6, 6)]),
    ] {
        assert!(quiet.judge().verdicts.is_empty());
    }
}

#[test]
fn what_may_excuse_a_balancer_does() {
    let script = || fails(defined(start(&[]), 1, 1, &["worker1", "worker2"]), &[(5, 5)]);
    let excuses = [
        EventKind::NoLiveUpstreams { upstream: "gateways".into() },
        EventKind::ProcessStarted { process: "nginx".into() },
        EventKind::FaultEnded { fault: "clock".into() },
        EventKind::FaultBegan {
            fault: "clock".into(),
            fault_kind: "clock".into(),
            nodes: vec!["balancer".into()],
        },
    ];
    for excuse in excuses {
        let script = script().event(6, Some("balancer"), excuse);
        assert_status(&fails(script, &[(7, 7)]).verdict(LEFT_OUT), Pass);
    }
    for error in [crate::trace::event::CLIENT_GONE, crate::trace::event::NO_DESCRIPTOR] {
        let nobodys = EventKind::UpstreamTried {
            upstream: "gateways".into(),
            peer: "worker1".into(),
            started: SimTime::from_secs(16),
            status: None,
            error: error.into(),
            retried: false,
        };
        let script = script().event(18, Some("balancer"), nobodys);
        assert_status(&fails(script, &[(19, 19)]).verdict(LEFT_OUT), Pass);
    }
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
fn a_mark_ends_at_another_moment_when_the_balancers_clock_is_set() {
    let asked = |kind: &str, node: &str| {
        let script = start(&[]).fault(2, "set", kind, node);
        let script = marked(tried(script, 5, 5, "worker1", None), 5, "worker1").fault_ends(8, "set");
        tried(script, 9, 9, "worker1", Some(200)).verdict(MARKED)
    };
    assert_status(&asked("clock-drift", "balancer"), Pass);
    assert_status(&asked("clock-drift", "worker1"), Fail);
    assert_status(&asked("slow-cpu", "balancer"), Fail);
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
