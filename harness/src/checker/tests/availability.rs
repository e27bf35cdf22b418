use super::*;
use crate::capability::Capability;
use crate::time::SimTime;
use crate::trace::EventKind;
use crate::verdict::Outage;

/// A call a second; those from `lost.0` to before `lost.1` are answered with 502.
fn calls(script: Script, from: u64, to: u64, lost: (u64, u64)) -> Script {
    (from..to).fold(script, |script, at| {
        script.call(at, Some(if (lost.0..lost.1).contains(&at) { 502 } else { 200 }))
    })
}

fn outages(script: Script) -> Vec<Outage> {
    script.judge().outages
}

#[test]
fn a_share_is_reached_or_not() {
    let claim = "traffic availability at least 90 %";
    let run = |lost: u64| calls(Script::new(&[claim]).disturb(0), 0, 100, (20, 20 + lost)).verdict(claim);
    let good = run(10);
    assert_status(&good, Pass);
    assert!(good.summary.contains("90 % of 100 calls"), "{good:?}");
    let bad = run(11);
    assert_status(&bad, Fail);
    assert!(!bad.evidence.is_empty());
    assert_status(&Script::new(&[claim]).disturb(0).verdict(claim), Unknown);
}

#[test]
fn what_happens_before_the_end_of_warm_up_is_not_judged() {
    let claim = "traffic is never lost";
    let script = calls(Script::new(&[claim]), 0, 10, (0, 10)).disturb(10);
    assert_status(&calls(script, 10, 20, (0, 0)).verdict(claim), Pass);
}

#[test]
fn never_lost_means_not_once() {
    let claim = "traffic is never lost";
    let run = |lost: u64| calls(Script::new(&[claim]).disturb(0), 0, 30, (5, 5 + lost)).verdict(claim);
    assert_status(&run(0), Pass);
    assert_status(&run(1), Fail);
}

#[test]
fn an_outage_goes_from_the_first_failure_to_the_next_good_one() {
    let script = Script::new(&[]).disturb(0).power_off(4, "balancer");
    let script = calls(script, 5, 9, (5, 9)).power_on(9, "balancer");
    let script = calls(script, 9, 20, (9, 12));
    let outage = &outages(script)[0];
    assert_eq!((outage.from, outage.to, outage.ended), (SimTime::from_secs(5), SimTime::from_secs(12), true));
    assert_eq!(outage.cause, "balancer-off (power-off on balancer)");
    assert_eq!(outage.capability, Capability::Serve);
    assert_eq!(outage.evidence.len(), 2);
}

#[test]
fn operations_are_put_into_the_order_of_their_starts() {
    let call = OpKind::Call { api: "pizza".into() };
    // The first hangs until 30 and fails; those that began after it ended long before.
    let script = calls(Script::new(&[]).disturb(0).begin(0, call.clone()), 1, 10, (0, 0));
    let outages = outages(script.end(0, 0, 30, call, None));
    assert_eq!(outages.len(), 1);
    assert_eq!((outages[0].from, outages[0].to), (SimTime::ZERO, SimTime::from_secs(1)));
    assert_eq!(outages[0].cause, "timed out");
}

#[test]
fn outages_that_follow_close_on_each_other_are_shown_as_one() {
    let script = (0..40).fold(Script::new(&[]).disturb(0), |script, at| {
        script.call(at, Some(if at < 20 && at % 2 == 0 { 502 } else { 200 }))
    });
    let outages = outages(script);
    assert_eq!(outages.len(), 1, "{outages:?}");
    assert_eq!(outages[0].to, SimTime::from_secs(19));
    assert!(outages[0].cause.contains("10 calls failed between good ones"), "{outages:?}");
}

#[test]
fn an_outage_may_be_longer_than_is_claimed() {
    let claim = "traffic outage at most 10 s";
    let run = |lost: u64| calls(Script::new(&[claim]).disturb(0), 0, 60, (5, 5 + lost)).verdict(claim);
    assert_status(&run(10), Pass);
    assert_status(&run(11), Fail);
    // One that does not end lasts to the end of the run.
    assert_status(&run(100), Fail);
}

#[test]
fn lost_while_down_means_that_nothing_works_then_and_soon_after_it_does() {
    let claim = "traffic is lost while the balancer is down, and back within 5 s of its return";
    let run = |lost: (u64, u64)| {
        let script = calls(Script::new(&[claim]).disturb(0), 0, 10, lost).power_off(10, "balancer");
        let script = calls(script, 11, 20, lost).power_on(20, "balancer");
        calls(script, 20, 40, lost).verdict(claim)
    };
    let good = run((11, 25));
    assert_status(&good, Pass);
    assert_eq!(good.summary, "all 9 calls from 10s on failed; back 5s after");
    assert_status(&run((11, 26)), Fail);
    assert_status(&run((11, 99)), Fail);
    let bad = run((12, 25));
    assert_status(&bad, Fail);
    assert!(bad.summary.contains("1 of 9 calls ended well"), "{bad:?}");
}

#[test]
fn lost_while_down_is_unknown_when_it_never_was_down_or_nobody_tried() {
    let claim = "traffic is lost while the balancer is down";
    assert_status(&calls(Script::new(&[claim]).disturb(0), 0, 10, (0, 0)).verdict(claim), Unknown);
    let script = calls(Script::new(&[claim]).disturb(0), 0, 10, (0, 0)).power_off(10, "balancer");
    assert_status(&calls(script.power_on(20, "balancer"), 20, 30, (0, 0)).verdict(claim), Unknown);
}

#[test]
fn what_waited_until_the_return_did_not_work_meanwhile() {
    let claim = "traffic is lost while the balancer is down";
    let call = OpKind::Call { api: "pizza".into() };
    let down = || Script::new(&[claim]).disturb(0).power_off(10, "balancer").call(12, None);
    let waited =
        down().begin(15, call.clone()).power_on(20, "balancer").end(1, 15, 22, call.clone(), Some(200));
    assert_status(&waited.verdict(claim), Pass);
    let worked = down().long_op(15, 18, call, Some(200)).power_on(20, "balancer");
    assert_status(&worked.verdict(claim), Fail);
}

#[test]
fn a_fault_that_did_nothing_is_no_cause() {
    let why =
        || crate::trace::EventKind::FaultHadNoEffect { fault: "balancer-off".into(), why: "off".into() };
    let script = Script::new(&[]).disturb(0).fault(1, "balancer-off", "power-off", "balancer");
    let script = script.event(1, Some("balancer"), why());
    assert_eq!(outages(calls(script, 2, 9, (3, 5)))[0].cause, "HTTP 502");
}

#[test]
fn a_capability_is_back_after_the_last_fault() {
    let claim = "traffic is back within 5 s of the end of the last fault";
    let run = |lost| {
        let script = calls(Script::new(&[claim]).disturb(0).power_off(0, "balancer"), 1, 10, (1, 10));
        calls(script.power_on(10, "balancer"), 10, 30, lost).verdict(claim)
    };
    assert_status(&run((10, 15)), Pass);
    assert_status(&run((10, 16)), Fail);
    assert_status(&run((10, 99)), Fail);
    let acting = calls(Script::new(&[claim]).disturb(0).power_off(0, "balancer"), 1, 10, (1, 10));
    assert_status(&acting.verdict(claim), Unknown);
}

#[test]
fn what_the_scenario_does_not_mention_must_work_at_the_end() {
    let claim = "traffic works at the end";
    let run = |lost| calls(Script::new(&[]).disturb(0), 0, 30, lost).verdict(claim);
    assert_status(&run((5, 10)), Pass);
    assert_status(&run((25, 30)), Fail);
    assert!(Script::new(&[]).disturb(0).judge().verdicts.is_empty(), "what was not tried is not claimed");
}

#[test]
fn what_was_tried_last_while_something_failed_tells_nothing_of_the_end() {
    let claim = "traffic works at the end";
    let failing = || calls(Script::new(&[]).disturb(0).power_off(5, "balancer"), 6, 9, (6, 9));
    let over = |script: Script| script.power_on(20, "balancer").heal(40);
    assert_status(&over(failing()).verdict(claim), Unknown);
    assert_status(&over(failing()).call(50, Some(502)).verdict(claim), Fail);
    // Nothing ended before the run did.
    assert_status(&failing().verdict(claim), Fail);
}

#[test]
fn what_was_tried_last_while_a_server_that_it_needs_was_starting_tells_nothing_of_the_end() {
    let claim = "publishing works at the end";
    let process = || "wso2".into();
    // A reboot of 10 s; the server is started at its end, and ready at `ready`.
    let rebooted = |node: &str, tried: u64, ready: u64| {
        let script = Script::new(&[]).ready(0, "manager").ready(0, "worker1").disturb(1);
        let script =
            script.publish(2, 1, Some(200)).power_off(20, node).fault_ends(30, &format!("{node}-off"));
        let script = script.event(30, Some(node), EventKind::NodeUp { boot: 1 });
        let script = script.event(30, Some(node), EventKind::ProcessStarted { process: process() });
        let failed = |script: Script| script.publish(tried, 2, Some(502));
        let is_ready =
            |script: Script| script.event(ready, Some(node), EventKind::ProcessReady { process: process() });
        if tried < ready { is_ready(failed(script)) } else { failed(is_ready(script)) }
    };
    let early = rebooted("manager", 31, 95).verdict(claim);
    assert_status(&early, Unknown);
    assert_eq!(
        early.summary,
        "the last was tried at 31s, while a server that it needs was starting, and failed"
    );
    assert_status(&rebooted("manager", 96, 95).verdict(claim), Fail);
    assert_status(&rebooted("manager", 31, 95).publish(96, 3, Some(502)).verdict(claim), Fail);
    // Nobody publishes through a worker, and a start does not last for ever.
    assert_status(&rebooted("worker1", 31, 95).verdict(claim), Fail);
    assert_status(&rebooted("manager", 211, 300).verdict(claim), Fail);
}

#[test]
fn what_is_met_last_is_why_it_does_not_work_at_the_end() {
    let script = Script::new(&[]).disturb(0).call(1, Some(502)).call(2, Some(202)).heal(10);
    let verdict = script.call(20, Some(500)).verdict("traffic works at the end");
    assert_eq!(&*verdict.cause, "HTTP 500");
}

#[test]
fn gateways_that_say_that_they_lack_what_they_have_are_why_calls_fail() {
    let skipped = || crate::trace::EventKind::Mark { mark: crate::trace::mark::SKIPPED_AT_START_UP.into() };
    let cause = |nodes: &[&str], status| {
        let script = Script::new(&[]).ready(0, "worker1").ready(0, "worker2").disturb(1).heal(10);
        let script = nodes.iter().fold(script, |script, node| script.event(12, Some(node), skipped()));
        script.call(20, Some(status)).verdict("traffic works at the end").cause.to_string()
    };
    assert_eq!(cause(&["worker1", "worker2"], 404), "artifact skipped at start-up");
    assert_eq!(cause(&["worker1"], 404), "HTTP 404");
    assert_eq!(cause(&["worker1", "worker2"], 502), "HTTP 502");
}

#[test]
fn a_deleted_api_that_is_not_found_is_no_outage() {
    let claim = "traffic is never lost";
    let delete = OpKind::Delete { api: "pizza".into(), revision: 2 };
    let run = |status| {
        let script = calls(Script::new(&[claim]).disturb(0), 0, 5, (0, 0));
        script.op(5, delete.clone(), Some(200)).call(6, Some(status)).call(9, Some(200)).verdict(claim)
    };
    assert_status(&run(404), Pass);
    assert_status(&run(502), Fail);
}

/// A good run of rsync to both workers every minute, the first at 60.
fn syncs(script: Script, times: std::ops::Range<u64>, exit_code: i32) -> Script {
    times.fold(script, |script, n| {
        script.cron(n * 60).rsync(n * 60, "worker1", exit_code).rsync(n * 60 + 2, "worker2", 0)
    })
}

#[test]
fn sync_is_lost_from_a_failed_run_to_the_end_of_the_next_good_one() {
    let script = syncs(syncs(Script::new(&[]), 1..4, 0).disturb(200), 4..6, 0);
    let outages = outages(syncs(syncs(script, 6..8, 255), 8..10, 0));
    assert_eq!(outages.len(), 1, "{outages:?}");
    assert_eq!((outages[0].from, outages[0].to), (SimTime::from_secs(360), SimTime::from_secs(481)));
    assert_eq!(outages[0].cause, "worker1: rsync ended with 255");
}

#[test]
fn runs_that_come_close_together_do_not_make_the_next_one_due_sooner() {
    let script =
        syncs(Script::new(&[]), 1..4, 0).disturb(200).rsync(201, "worker1", 0).rsync(203, "worker1", 0);
    assert!(outages(syncs(script, 4..9, 0)).is_empty());
}

#[test]
fn a_second_node_with_cron_does_not_make_runs_due_sooner() {
    let fired = |script: Script, at| script.event(at, Some("worker1"), EventKind::CronFired);
    let script = fired(syncs(Script::new(&[]), 1..4, 0).disturb(200), 201);
    assert!(outages(syncs(script, 4..9, 0)).is_empty());
}

#[test]
fn a_cron_that_wakes_up_late_and_a_clock_that_jumped_make_no_run_due_sooner() {
    let mut script = Script::new(&[]).disturb(0);
    // About a minute apart, but for one after a jump.
    for at in [60, 119, 180, 241, 278, 336, 397, 456, 518] {
        script = script.cron(at).rsync(at, "worker1", 0).rsync(at + 2, "worker2", 0);
    }
    assert!(outages(script.heal(560)).is_empty());
}

#[test]
fn an_outage_of_any_number_of_rows_is_kept_as_one() {
    let script = (0..10_000).fold(Script::new(&[]).disturb(0), |script, at| {
        script.call(at, Some(if at % 2 == 0 { 502 } else { 200 }))
    });
    let judgement = script.judge();
    assert_eq!(judgement.outages.len(), 1);
    assert!(judgement.outages[0].cause.contains("5000 calls failed"), "{:?}", judgement.outages);
    assert!(!judgement.metrics.contains_key("serve_outages_not_listed"));
    assert_eq!(judgement.metrics["serve_outage_ms_total"], 5_000_000);
}

#[test]
fn sync_is_lost_when_no_run_comes() {
    let claim = "sync is lost while the manager is down, and back within 2 minutes of its return";
    let before = || syncs(syncs(Script::new(&[claim]).ready(0, "manager"), 1..4, 0).disturb(200), 4..6, 0);
    let run = before().power_off(310, "manager").power_on(500, "manager");
    let script = syncs(run, 10..14, 0);
    assert_status(&script.verdict(claim), Pass);
    // A run that goes on all the same is no loss.
    let run = syncs(before().power_off(310, "manager"), 6..8, 0).power_on(500, "manager");
    assert_status(&syncs(run, 10..14, 0).verdict(claim), Fail);
    let late = before().power_off(310, "manager").power_on(500, "manager");
    assert_status(&syncs(late, 11..14, 0).verdict(claim), Fail);
}

#[test]
fn a_server_that_ends_for_want_of_a_descriptor_is_told_so() {
    let crashed = crate::trace::EventKind::ProcessEnded {
        process: "wso2".into(),
        why: crate::trace::event::ProcessEnd::Crashed,
    };
    let cause = |kind: &str| {
        let script = Script::new(&[]).ready(0, "worker1").disturb(1).fault(5, "f", kind, "worker1");
        let script = script.event(6, Some("worker1"), crashed.clone()).fault_ends(9, "f").heal(10);
        script.call(500, Some(200)).verdict("every server serves at the end").cause.to_string()
    };
    assert_eq!(cause("out-of-descriptors"), "it ended for want of a file descriptor");
    assert_eq!(cause("slow-cpu"), "it does not run");
}
