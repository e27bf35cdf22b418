//! What the documented cluster cannot do without a part of it: the whole table, and that it is found honestly.

use std::fs;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::capability::Capability;
use harness::cluster_files::ClusterFiles;
use harness::plan::Plan;
use harness::run::{Options, run};
use harness::spof::{Analysis, Examination, Means, Question, examine};
use harness::verdict::Status;
use sim::cluster::SimMaker;
use tests::{Called, command};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");
const CLUSTER: &str = "scenarios/clusters/wso2-rsync";

fn question(order: usize, moments: u32) -> Question {
    let files = ClusterFiles::read(&tests::root().join(CLUSTER)).unwrap();
    Question { files, order, away: Duration::from_secs(300), moments, seed: 1, exchange: true }
}

fn examined(question: &Question, jobs: usize) -> Examination {
    let (stop, jobs) = (AtomicBool::new(false), NonZeroUsize::new(jobs).unwrap());
    examine(question, &SimMaker, &Means { jobs, stop: &stop, progress: &|_, _| {} }).unwrap()
}

/// What cuts a capability entirely (or only disturbs it), each set in one line, in order.
fn sets(analysis: &Analysis, capability: Capability, entirely: bool) -> Vec<String> {
    let cuts = analysis.cuts_of(capability).filter(|cut| cut.entirely == entirely);
    cuts.map(|cut| cut.components.join(" + ")).collect()
}

#[test]
fn an_examination_that_is_stopped_ends_there_however_many_sets_are_left() {
    let question = question(9, 1);
    let (stop, jobs) = (AtomicBool::new(false), NonZeroUsize::MIN);
    let progress = |done, _| stop.store(done > 3, Ordering::Relaxed);
    let means = Means { jobs, stop: &stop, progress: &progress };
    let examined = examine(&question, &SimMaker, &means).unwrap().analysis.examined;
    // Of each size at least one is told; to count the 20 million of the greatest ones takes minutes.
    assert!(examined.stopped >= 9 && examined.sets < 5, "{examined:?}");
}

#[test]
fn of_the_documented_cluster_the_manager_and_the_balancer_cut_what_they_do_and_nothing_else() {
    let Examination { analysis, panics, .. } = examined(&question(1, 3), 2);
    assert!(panics.is_empty() && analysis.not_there.is_empty() && analysis.lost_anyway == 0);
    let cut = |capability| sets(&analysis, capability, true);
    let disturbed = |capability| sets(&analysis, capability, false);
    // worker2 and what belongs to it is examined as worker1 is.
    // What the manager's disk no longer has, the next run of the sync deletes everywhere.
    let way_in = [
        "balancer",
        "balancer/nginx",
        "balancer/address",
        "manager/disk",
        "clients/hosts entry am.wso2.com",
        "link balancer-clients",
    ];
    assert_eq!(cut(Capability::Serve), way_in);
    // Consumers give up before nginx notices that a machine is silent: every other call is lost.
    assert_eq!(disturbed(Capability::Serve), ["worker1", "worker1/disk", "link worker1-balancer"]);
    let way_to_the_manager = [
        "manager",
        "balancer",
        "manager/wso2",
        "balancer/nginx",
        "balancer/address",
        "manager/disk",
        "clients/hosts entry mgt.am.wso2.com",
        "link manager-balancer",
        "link balancer-clients",
    ];
    for capability in [Capability::Publish, Capability::Administer] {
        assert_eq!(cut(capability), way_to_the_manager, "{capability}");
        assert!(disturbed(capability).is_empty(), "{capability}");
    }
    // A worker whose machine is silent holds the script up for the others.
    let sync = [
        "manager",
        "worker1",
        "manager/cron",
        "worker1/sshd",
        "manager/disk",
        "worker1/disk",
        "manager/cron job",
        "manager/lock of the script",
        "worker1/ssh key",
        "manager/hosts entry worker1",
        "link manager-worker1",
    ];
    assert_eq!(cut(Capability::Sync), sync);
    assert!(disturbed(Capability::Sync).is_empty());
    // What the disk had not written back goes with the power, what was in the queue with the process.
    let lost: Vec<_> = analysis.losses.iter().map(|loss| loss.components.join(" + ")).collect();
    assert_eq!(lost[..2], ["manager", "manager/wso2"]);
    let oldest: Vec<_> = analysis.losses.iter().map(|loss| loss.oldest_ms / 1000).collect();
    assert!(oldest[0] <= 35 && oldest[1] <= 5, "{oldest:?}");
    // Nothing comes back before what was away does, but a lock that was left behind: the run that meets it clears it.
    let by_itself = analysis.cuts.iter().filter(|cut| cut.back_by_itself);
    let kinds = by_itself.map(|cut| {
        let part = analysis.components.iter().find(|part| part.name == cut.components[0]);
        part.map(|part| part.what.clone()).unwrap_or_default()
    });
    assert!(kinds.clone().all(|what| what == "lock"), "{:?}", kinds.collect::<Vec<_>>());
}

#[test]
fn what_is_alike_is_examined_once_and_what_is_examined_all_the_same_gives_the_same() {
    let once = examined(&question(1, 1), 2).analysis;
    let each = examined(&Question { exchange: false, ..question(1, 1) }, 2).analysis;
    assert_eq!(once.alike.len(), 1);
    assert!(once.examined.alike > 0 && once.examined.sets < each.examined.sets);
    let expanded = |analysis: &Analysis| {
        let mut sets: Vec<_> = (analysis.cuts.iter())
            .flat_map(|cut| {
                let all = std::iter::once(&cut.components).chain(&cut.also);
                all.map(|set| (cut.capability, cut.entirely, set.clone())).collect::<Vec<_>>()
            })
            .collect();
        sets.sort();
        sets
    };
    let (once, mut each) = (expanded(&once), expanded(&each));
    // The one difference is the one that is told of them: the sync goes to worker1 first, and a silent worker2
    // holds up nobody. A worker that is down itself is not behind.
    let waits = (Capability::Sync, true, vec!["worker2".to_owned()]);
    if !each.contains(&waits) {
        each.push(waits);
        each.sort();
    }
    assert_eq!(once, each);
}

#[test]
fn the_number_of_jobs_changes_nothing_and_a_cited_plan_shows_its_cut_again() {
    let short = Question { away: Duration::from_secs(120), ..question(1, 1) };
    let (one, two) = (examined(&short, 1), examined(&short, 2));
    assert_eq!(one.analysis, two.analysis);
    assert_eq!(one.plans, two.plans);
    let cut = one.analysis.cuts_of(Capability::Serve).next().unwrap();
    let plan = Plan::parse(&harness::finding::Source::new("plan", one.plans[&cut.plan].to_json())).unwrap();
    let report = run(&plan, &SimMaker, Options::default()).unwrap().report;
    let served = report.verdicts.iter().find(|verdict| verdict.claim == "traffic is never lost").unwrap();
    assert_eq!(served.status, Status::Fail);
}

#[test]
#[ignore = "takes minutes: the nightly run does it"]
fn pairs_of_the_documented_cluster_cut_what_no_part_of_them_cuts() {
    let Examination { analysis, panics, .. } = examined(&question(2, 1), 2);
    assert!(panics.is_empty() && analysis.examined.implied > 0);
    let pairs = sets(&analysis, Capability::Serve, true).into_iter().filter(|set| set.contains(" + "));
    let pairs: Vec<String> = pairs.collect();
    for pair in ["worker1 + worker2", "worker1/wso2 + worker2/wso2"] {
        assert!(pairs.contains(&pair.to_owned()), "{pairs:?}");
    }
    assert!(pairs.iter().all(|pair| pair.contains("worker1") && pair.contains("worker2")), "{pairs:?}");
    let management = |capability| sets(&analysis, capability, true).iter().any(|set| set.contains(" + "));
    assert!(!management(Capability::Publish) && !management(Capability::Administer));
}

fn sim(folder: &tempfile::TempDir, arguments: &[&str]) -> Called {
    command(SIM).current_dir(folder.path()).args(arguments).output().unwrap().into()
}

fn cluster() -> String {
    tests::root().join(CLUSTER).display().to_string()
}

#[test]
fn spof_writes_what_it_found_and_its_gates_decide_how_it_ends() {
    let ground = tempfile::tempdir().unwrap();
    let small = ["--order", "1", "--moments", "1", "--away", "2m", "--out", "out"];
    let called = |gate: &str| {
        let cluster = cluster();
        let arguments: Vec<&str> =
            ["spof", &cluster].into_iter().chain(small).chain(["--expect", gate]).collect();
        sim(&ground, &arguments)
    };
    let held = called("manager cuts only publish, sync and administer");
    assert_eq!(held.code, 0, "{held:?}");
    let failed = called("no single point of failure for serve");
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.out.contains("FAIL") && failed.out.contains("balancer cuts serve for 2m"), "{failed:?}");
    assert_eq!(called("wroker1 cuts nothing").code, 2);
    let path = |below: &str| ground.path().join("out").join(below);
    let stored: Analysis = serde_json::from_str(&fs::read_to_string(path("spof.json")).unwrap()).unwrap();
    assert!(fs::read_to_string(path("spof.md")).unwrap().contains("## serve"));
    let replay = format!("out/plans/{}", stored.cuts[0].plan);
    assert!(failed.out.contains(&replay), "{failed:?}");
    assert_eq!(sim(&ground, &["replay", &replay]).code, 1);
}

#[test]
fn spof_refuses_what_it_cannot_examine() {
    let ground = tempfile::tempdir().unwrap();
    let nowhere = sim(&ground, &["spof", "nowhere"]);
    assert_eq!(nowhere.code, 65);
    assert!(nowhere.err.contains("nowhere"), "{nowhere:?}");
    let cluster = cluster();
    for wrong in [
        ["--order", "0"],
        ["--moments", "0"],
        ["--away", "0s"],
        ["--away", "5 parsecs"],
        ["--expect", "no failure"],
    ] {
        let called = sim(&ground, &["spof", &cluster, wrong[0], wrong[1]]);
        assert_eq!(called.code, 64, "{called:?}");
    }
    fs::write(ground.path().join("file"), "").unwrap();
    let small = ["--order", "1", "--moments", "1", "--away", "1s", "--out", "file"];
    let arguments: Vec<&str> = ["spof", &cluster].into_iter().chain(small).collect();
    let full = sim(&ground, &arguments);
    assert_eq!(full.code, 74, "{full:?}");
    assert!(full.out.contains("serve"), "{full:?}");
}
