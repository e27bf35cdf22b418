use super::*;

const NONE_LOST: &str = "no acknowledged publish is lost";

/// Everything is equal and all gateways serve revision 1.
fn start(claims: &[&str]) -> Script {
    ["manager", "worker1", "worker2"]
        .into_iter()
        .fold(Script::new(claims), |script, node| {
            script.disk(0, node, &[("api.xml", "1")]).ready(0, node).deployed(0, node, 1)
        })
        .disturb(1)
}

/// A publish of this revision that reaches the disks and the gateways of all.
fn carried(script: Script, at: u64, revision: u64) -> Script {
    let script = script.publish(at, revision, Some(200));
    ["manager", "worker1", "worker2"].into_iter().fold(script, |script, node| {
        script.file(at + 10, node, "api.xml", Some(&revision.to_string()), "wso2").deployed(
            at + 20,
            node,
            revision,
        )
    })
}

#[test]
fn what_is_served_at_the_end_is_kept() {
    assert_status(&carried(start(&[]), 10, 2).heal(500).verdict(NONE_LOST), Pass);
    let newer = carried(start(&[]), 10, 2).publish(50, 3, Some(503));
    assert_status(&newer.heal(500).verdict(NONE_LOST), Pass);
}

#[test]
fn what_no_gateway_serves_in_the_end_is_lost() {
    let lost = carried(start(&[]), 10, 2).publish(100, 3, Some(200)).heal(500).verdict(NONE_LOST);
    assert_status(&lost, Fail);
    assert!(lost.summary.contains("pizza r3"), "{lost:?}");
    // The manager has it in memory; its disk, which the workers have a copy of, has not.
    let memory = carried(start(&[]), 10, 2).publish(100, 3, Some(200)).deployed(101, "manager", 3);
    assert_status(&memory.heal(500).verdict(NONE_LOST), Fail);
}

#[test]
fn a_loss_may_be_allowed_by_number_or_by_name() {
    for (claim, status) in [
        ("at most 1 acknowledged publishes are lost", Pass),
        ("no acknowledged publish lost but at most these: pizza", Pass),
        ("no acknowledged publish lost but at most these: orders, pizza r3", Pass),
        ("no acknowledged publish lost but at most these: pizza r2", Fail),
    ] {
        let script = carried(start(&[claim]), 10, 2).publish(100, 3, Some(200)).heal(500);
        assert_status(&script.verdict(claim), status);
    }
}

#[test]
fn what_is_replaced_later_is_not_lost() {
    let script = start(&[]).publish(10, 2, Some(200));
    assert_status(&carried(script, 100, 3).heal(500).verdict(NONE_LOST), Pass);
}

#[test]
fn of_publishes_that_were_under_way_at_once_any_may_stay() {
    let publish = |revision| OpKind::Publish { api: "pizza".into(), revision };
    let overtaken = |served| {
        let script = start(&[]).begin(10, publish(2)).op(20, publish(3), Some(200));
        let script = script.end(0, 10, 30, publish(2), Some(200));
        ["worker1", "worker2"].into_iter().fold(script, |script, node| script.deployed(60, node, served))
    };
    assert_status(&overtaken(2).heal(500).verdict(NONE_LOST), Pass);
    assert_status(&overtaken(3).heal(500).verdict(NONE_LOST), Pass);
    assert_status(&overtaken(1).heal(500).verdict(NONE_LOST), Fail);
}

#[test]
fn a_deletion_is_kept_when_the_api_is_gone() {
    let delete = OpKind::Delete { api: "pizza".into(), revision: 3 };
    let deleted = || carried(start(&[]), 10, 2).op(100, delete.clone(), Some(200));
    assert_status(&deleted().heal(500).verdict(NONE_LOST), Fail);
    let gone = ["worker1", "worker2"].into_iter().fold(deleted(), |script, node| {
        let undeployed = crate::trace::EventKind::ApiUndeployed { api: "pizza".into() };
        script.event(130, Some(node), undeployed)
    });
    assert_status(&gone.heal(500).verdict(NONE_LOST), Pass);
}

#[test]
fn what_cannot_be_told_is_unknown() {
    assert_status(&start(&[NONE_LOST]).heal(500).verdict(NONE_LOST), Unknown);
    // Too late in the run to have been carried.
    let late = carried(start(&[]), 10, 2).publish(490, 3, Some(200)).heal(500);
    assert_status(&late.verdict(NONE_LOST), Unknown);
    // A later one may have happened, and replaced it.
    let perhaps = carried(start(&[]), 10, 2).publish(100, 3, Some(200)).publish(110, 4, None);
    assert_status(&perhaps.heal(500).verdict(NONE_LOST), Unknown);
    // No gateway runs at the end.
    let dark = ["worker1", "worker2", "manager"]
        .into_iter()
        .fold(carried(start(&[]), 10, 2), |script, node| script.power_off(200, node));
    assert_status(&dark.heal(500).verdict(NONE_LOST), Unknown);
}

#[test]
fn a_refused_publish_is_no_promise() {
    let script = start(&[NONE_LOST]).publish(10, 2, Some(503)).publish(20, 3, None);
    assert_status(&script.heal(500).verdict(NONE_LOST), Unknown);
}

/// Why revision 3 is lost, which was acknowledged in second 100 and written in second 105, when the manager's disk is back
/// at revision 2 after a power loss.
fn cause_of_loss(power_loss: u64, before: impl FnOnce(Script) -> Script) -> String {
    let script = carried(start(&[]), 10, 2).publish(100, 3, Some(200)).file(
        105,
        "manager",
        "api.xml",
        Some("3"),
        "wso2",
    );
    let script = before(script).power_off(power_loss, "manager");
    let lost = script.disk(power_loss, "manager", &[("api.xml", "2")]).heal(500).verdict(NONE_LOST);
    assert_status(&lost, Fail);
    lost.cause.to_string()
}

#[test]
fn a_power_loss_that_takes_what_was_long_written_back_is_told_from_the_usual_one() {
    let same = |script| script;
    assert_eq!(cause_of_loss(120, same), "the manager lost power before its disk had it");
    assert_eq!(cause_of_loss(200, same), "the manager lost power, and with it what its disk had long had");
    let less = |script: Script| script.fault(90, "less", "unsynced-writes", "manager");
    assert_eq!(cause_of_loss(200, less), "the manager lost power while its disk kept less than it should");
    // On another machine it explains nothing.
    let other = |script: Script| script.fault(90, "less", "unsynced-writes", "worker1");
    assert_eq!(cause_of_loss(200, other), "the manager lost power, and with it what its disk had long had");
}

#[test]
fn what_is_lost_for_no_reason_is_told_rather_than_what_is_lost_for_one() {
    let queue = |script: Script| {
        let mark = crate::trace::EventKind::Mark { mark: crate::trace::mark::LOST_IN_QUEUE.into() };
        script.event(200, Some("manager"), mark)
    };
    // The queue took something in second 200, and not what had been written a minute and a half before.
    assert_eq!(cause_of_loss(200, queue), "the manager lost power, and with it what its disk had long had");
}

#[test]
fn what_befalls_the_manager_while_its_answer_is_on_its_way_explains_the_loss() {
    let publish = || OpKind::Publish { api: "pizza".into(), revision: 3 };
    let mark = crate::trace::EventKind::Mark { mark: crate::trace::mark::LOST_IN_QUEUE.into() };
    let script = carried(start(&[]), 10, 2).begin(100, publish()).event(101, Some("manager"), mark);
    let lost = script.end(1, 100, 102, publish(), Some(200)).heal(500).verdict(NONE_LOST);
    assert_eq!(&*lost.cause, crate::trace::mark::LOST_IN_QUEUE);
}
