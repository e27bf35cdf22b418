//! A checker that has never failed proves nothing: each one is shown a cluster with a bug planted into it, which it
//! must catch, and the same cluster without the bug, which it must pass.

use std::path::PathBuf;

use harness::report::Report;
use harness::run::{Options, run};
use harness::scenario::{Builder, Scenario};
use harness::verdict::Status;
use sim::cluster::SimMaker;
use sim::planted::PlantedBug;

fn cluster() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync")
}

/// A short run of everything that a cluster does.
fn everyday(name: &str) -> Builder {
    Scenario::builder(name, "Everything that a cluster does, for a while.")
        .cluster(cluster())
        .phase("warmup", "2m")
        .phase("disturb", "4m")
        .phase("heal", "1m")
        .phase("settle", "3m")
        .calls("2/s", 3)
        .workload("publish", [("every", "20s".into()), ("apis", 3.into()), ("delete_every", 5.into())])
        .workload("write-attempts", [("every", "20s".into())])
}

fn judged(builder: &Builder, bug: Option<PlantedBug>) -> Report {
    let scenario = builder.clone().build().expect("it is a scenario");
    let mut plan = scenario.plan(1, &SimMaker).expect("it fits its cluster");
    plan.planted_bug = bug.map(|bug| bug.name().to_owned());
    run(&plan, &SimMaker, Options::default()).expect("it runs").report
}

/// The bug makes the checker fail, and nothing does without it.
fn is_caught(bug: PlantedBug, checker: &str, builder: &Builder) {
    let sound = judged(builder, None);
    let failed: Vec<_> =
        sound.verdicts.iter().filter(|verdict| verdict.status != Status::Pass).map(|v| &v.summary).collect();
    assert!(failed.is_empty(), "without a bug: {failed:?}");
    let planted = judged(builder, Some(bug));
    let caught: Vec<_> = planted.of(checker).filter(|verdict| verdict.status == Status::Fail).collect();
    assert!(!caught.is_empty(), "{checker} passed {bug}: {:#?}", planted.verdicts);
    assert!(caught.iter().any(|verdict| !verdict.evidence.is_empty()), "no evidence: {caught:#?}");
}

#[test]
fn read_only_catches_a_worker_that_accepts_writes() {
    is_caught(PlantedBug::WorkerAcceptsWrites, "read-only", &everyday("writes"));
}

#[test]
fn convergence_catches_a_sync_that_skips_deletes() {
    is_caught(PlantedBug::SyncSkipsDeletes, "convergence", &everyday("deletes"));
}

#[test]
fn convergence_catches_an_rsync_that_reports_success_early() {
    is_caught(PlantedBug::RsyncReportsSuccessEarly, "convergence", &everyday("early"));
}

#[test]
fn durability_catches_a_manager_that_loses_a_publish() {
    is_caught(PlantedBug::ManagerLosesPublish, "durability", &everyday("loses"));
}

#[test]
fn balancer_and_availability_catch_a_balancer_that_keeps_sending_to_a_dead_node() {
    // The balancer's own claim needs no word in the scenario: max_fails and fail_timeout stand in the trace.
    let dead_worker = everyday("dead-worker").expect("traffic is never lost").fault(
        "process-kill",
        [
            ("name", "killed".into()),
            ("node", "worker1".into()),
            ("process", "wso2".into()),
            ("from", "1m".into()),
            ("to", "3m".into()),
        ],
    );
    is_caught(PlantedBug::BalancerKeepsSendingToDeadNodes, "balancer", &dead_worker);
    is_caught(PlantedBug::BalancerKeepsSendingToDeadNodes, "availability", &dead_worker);
}

#[test]
fn health_catches_a_gateway_that_is_never_healthy_again() {
    let rebooted = everyday("rebooted")
        .workload("health-checks", [("every", "5s".into())])
        .expect("every gateway is healthy at the end")
        .expect("every gateway is healthy within 90 s of the end of the last fault")
        .fault(
            "power-off",
            [("name", "off".into()), ("node", "worker1".into()), ("from", "1m".into()), ("to", "2m".into())],
        );
    is_caught(PlantedBug::RestartedGatewayIsNeverHealthy, "health", &rebooted);
}

#[test]
fn a_bug_that_is_not_known_is_refused_by_name() {
    let mut plan = everyday("typo").build().unwrap().plan(1, &SimMaker).unwrap();
    plan.planted_bug = Some("worker-acepts-writes".to_owned());
    let refusal = run(&plan, &SimMaker, Options::default()).expect_err("there is no such bug").to_string();
    assert!(refusal.contains("worker-accepts-writes"), "{refusal}");
}
