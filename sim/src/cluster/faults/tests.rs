//! Faults on whole clusters: what each kind does, that overlapping ones heal only themselves, and that every
//! instance of every kind can be run and leaves the cluster as it promises.

use std::path::Path;

use harness::plan::{Fault, Plan, Start};
use harness::run::{self, Options};
use harness::scenario::{Scenario, fault};
use harness::time::SimTime;
use harness::trace::event::{FileChange, ProcessEnd};
use harness::trace::{Event, Memory};
use toml::Value;

use super::*;
use crate::cluster::SimMaker;
use harness::cluster::{ClusterMaker, Topology};

const MINUTE: u64 = 60;

type Keys = Vec<(&'static str, Value)>;

/// A fault of a kind on a node, in seconds after the beginning of the disturb phase.
fn one(name: &'static str, node: &'static str, from_s: u64, for_s: u64) -> Keys {
    let seconds = |seconds: u64| Value::String(format!("{seconds}s"));
    vec![("name", name.into()), ("node", node.into()), ("from", seconds(from_s)), ("for", seconds(for_s))]
}

fn with(mut keys: Keys, more: &[(&'static str, &str)]) -> Keys {
    keys.extend(more.iter().map(|(key, value)| (*key, Value::String((*value).to_owned()))));
    keys
}

/// A plan of 3 minutes of warm-up, 5 of disturbance, 1 of healing and 3 of settling; two APIs are published every 20 s.
fn plan(faults: Vec<(&str, Keys)>) -> Plan {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync");
    let mut scenario = Scenario::builder("faults", "Whatever fails.")
        .cluster(cluster)
        .phase("disturb", "5m")
        .phase("heal", "1m")
        .phase("settle", "3m")
        .publish("20s", 2);
    for (kind, keys) in faults {
        scenario = scenario.fault(kind, keys);
    }
    scenario.build().unwrap_or_else(|wrong| panic!("{wrong}")).plan(1, &SimMaker).unwrap()
}

fn events(plan: &Plan) -> Vec<Event> {
    let memory = Memory::default();
    let options = Options { sinks: vec![Box::new(memory.clone())], ..Options::default() };
    run::run(plan, &SimMaker, options).unwrap();
    memory.into_events()
}

/// Seconds after the beginning of the disturb phase.
fn second(event: &Event) -> i64 {
    i64::try_from(event.at.as_millis() / 1000).unwrap() - 3 * MINUTE as i64
}

fn on<'a>(events: &'a [Event], node: &'a str) -> impl Iterator<Item = &'a Event> {
    events.iter().filter(move |event| event.node.as_deref() == Some(node))
}

/// Each rsync to a worker that ended from `from_s` to `to_s`: when, its exit status, what it said.
fn transfers(events: &[Event], worker: &str, from_s: i64, to_s: i64) -> Vec<(i64, i32, String)> {
    let ended = events.iter().filter_map(|event| match &event.kind {
        EventKind::RsyncEnded { worker: to, exit_code, message, .. } if **to == *worker => {
            Some((second(event), *exit_code, message.to_string()))
        }
        _ => None,
    });
    ended.filter(|(second, ..)| (from_s..to_s).contains(second)).collect()
}

fn codes(events: &[Event], worker: &str, from_s: i64, to_s: i64) -> Vec<i32> {
    transfers(events, worker, from_s, to_s).into_iter().map(|(_, code, _)| code).collect()
}

/// Why faults had no effect, in order.
fn without_effect(events: &[Event]) -> Vec<String> {
    let whys = events.iter().filter_map(|event| match &event.kind {
        EventKind::FaultHadNoEffect { why, .. } => Some(why.to_string()),
        _ => None,
    });
    whys.collect()
}

/// What is below the synced folder of each gateway at the end.
fn at_the_end(events: &[Event]) -> Vec<std::collections::BTreeMap<Arc<str>, harness::trace::event::Digest>> {
    let mut last = std::collections::BTreeMap::new();
    for event in events {
        if let (EventKind::DiskState { files, .. }, Some(node)) = (&event.kind, &event.node) {
            last.insert(node.clone(), files.clone());
        }
    }
    last.into_values().collect()
}

fn converged(events: &[Event]) -> bool {
    let disks = at_the_end(events);
    disks.len() == 3 && disks.iter().all(|disk| *disk == disks[0])
}

#[test]
fn a_full_disk_ends_rsync_with_11_and_a_read_only_one_with_23_in_its_words() {
    let events = events(&plan(vec![
        ("disk-full", one("full", "worker1", 5, 130)),
        ("disk-read-only", one("ro", "worker2", 145, 110)),
    ]));
    let full = transfers(&events, "worker1", 5, 135);
    assert!(full.iter().all(|(_, code, _)| *code == 11) && full.len() == 2, "{full:?}");
    let said = &full[0].2;
    assert!(
        said.contains("rsync: [receiver] write failed on") && said.contains("No space left on device (28)"),
        "{said}"
    );
    assert!(
        said.ends_with("rsync error: error in file IO (code 11) at receiver.c(657) [receiver=3.5.0]"),
        "{said}"
    );
    let read_only = transfers(&events, "worker2", 145, 255);
    assert!(read_only.iter().all(|(_, code, _)| *code == 23) && read_only.len() == 2, "{read_only:?}");
    assert!(read_only[0].2.contains("failed: Read-only file system (30)"), "{read_only:?}");
    assert!(converged(&events));
}

#[test]
fn of_two_full_disks_the_fuller_counts_and_each_heals_only_itself() {
    let events = events(&plan(vec![
        ("disk-full", with(one("some", "worker1", 5, 230), &[("free", "1MiB")])),
        ("disk-full", one("none", "worker1", 5, 130)),
        ("disk-read-only", one("ro", "worker2", 5, 110)),
        ("disk-read-only", one("ro-too", "worker2", 30, 205)),
    ]));
    assert_eq!(codes(&events, "worker1", 5, 230), [11, 11, 0]);
    assert_eq!(codes(&events, "worker2", 5, 235), [23, 23, 23]);
    assert_eq!(without_effect(&events), ["the disk of worker2 is read-only already"]);
}

#[test]
fn a_slow_disk_makes_a_transfer_long() {
    let quick = events(&plan(vec![]));
    let slow =
        events(&plan(vec![("disk-slow", with(one("slow", "worker1", 5, 200), &[("delay", "200ms")]))]));
    let first = |events: &[Event]| transfers(events, "worker1", 5, 200)[0].0;
    assert!(first(&slow) > first(&quick) + 5, "{} after {}", first(&slow), first(&quick));
    assert!(converged(&slow));
}

#[test]
fn damage_that_keeps_size_and_time_is_missed_and_other_damage_is_repaired() {
    let path = "synapse-configs/default/registry.xml";
    let corrupted = |mtime: &str| {
        let mut keys = with(one("rot", "worker1", 5, 1), &[("mtime", mtime)]);
        keys.push(("files", Value::Array(vec![path.into()])));
        events(&plan(vec![("files-corrupted", keys)]))
    };
    let kept = corrupted("kept");
    let disks = at_the_end(&kept);
    let different: Vec<_> =
        disks[0].iter().filter(|(path, digest)| disks[1].get(*path) != Some(digest)).collect();
    assert_eq!(different.len(), 1);
    assert_eq!(&**different[0].0, path);
    let by_hand = |event: &Event| matches!(&event.kind, EventKind::FileChanged { writer, .. } if !["rsync", "wso2", "sync"].contains(&&**writer));
    assert!(!kept.iter().any(by_hand), "nobody wrote it");
    assert!(converged(&corrupted("changed")));
}

#[test]
fn files_are_drawn_by_the_name_of_the_fault_and_no_other_draw_changes() {
    let edited = |name: &'static str| {
        let events =
            events(&plan(vec![("manual-change", with(one(name, "worker1", 5, 1), &[("does", "edit")]))]));
        let changed = on(&events, "worker1").find_map(|event| match &event.kind {
            EventKind::FileChanged { path, writer, .. } if **writer == *"operator" => Some(path.clone()),
            _ => None,
        });
        changed.unwrap()
    };
    assert_eq!(edited("a"), edited("a"));
    assert!(["b", "c", "d", "e"].into_iter().any(|name| edited(name) != edited("a")));
}

#[test]
fn a_power_loss_empties_what_was_renamed_into_place_where_contents_were_not_synced() {
    let off = vec![
        ("name", "off".into()),
        ("node", "worker1".into()),
        ("when", "rsync has transferred its 4th file to worker1".into()),
        ("for", "10s".into()),
    ];
    let contents = with(one("unsynced", "worker1", 1, 250), &[("lost", "contents")]);
    let with_contents = events(&plan(vec![("unsynced-writes", contents), ("power-off", off.clone())]));
    let nothing = with(one("unsynced", "worker1", 1, 250), &[("lost", "nothing")]);
    let with_nothing = events(&plan(vec![("unsynced-writes", nothing), ("power-off", off)]));
    let empty = harness::trace::event::Digest(xxhash_rust::xxh3::xxh3_128(b""));
    let empty_after = |events: &[Event]| {
        let state = on(events, "worker1").filter_map(|event| match &event.kind {
            EventKind::DiskState { files, .. } if second(event) > 0 => Some(files.clone()),
            _ => None,
        });
        let files = state.into_iter().next().unwrap();
        // What was being received has a temporary name, and may be empty because nothing had come yet.
        let is_temporary = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
        files.iter().filter(|(path, digest)| !is_temporary(path) && **digest == empty).count()
    };
    assert!(empty_after(&with_contents) >= 3, "{}", empty_after(&with_contents));
    assert_eq!(empty_after(&with_nothing), 0);
    assert!(converged(&with_contents) && converged(&with_nothing));
}

#[test]
fn clocks_are_right_again_when_overlapping_faults_have_ended() {
    let events = events(&plan(vec![
        ("clock-skew", with(one("skew", "worker1", 5, 100), &[("by", "-2h")])),
        ("clock-drift", with(one("fast", "worker1", 20, 100), &[("rate", "+10%")])),
        ("clock-drift", with(one("slow", "worker1", 40, 30), &[("rate", "-5%")])),
    ]));
    let last =
        on(&events, "worker1").filter(|event| matches!(event.kind, EventKind::FileChanged { .. })).count();
    assert!(last > 0 && converged(&events));
    let set = on(&events, "worker1").filter_map(|event| match &event.kind {
        EventKind::Logged { process, line } if **process == *"kernel" => Some(line.to_string()),
        _ => None,
    });
    let set: Vec<String> = set.collect();
    assert_eq!(set.first().map(String::as_str), Some("the clock was set back by 2h"));
    assert!(set.contains(&"the clock runs +50000 ppm too fast".to_owned()), "{set:?}");
    assert!(set.contains(&"the clock was set back by 10s".to_owned()), "what 10 % of 100 s gained: {set:?}");
    assert!(set.contains(&"the clock was set forward by 1.5s".to_owned()), "what 5 % of 30 s lost: {set:?}");
}

#[test]
fn an_operators_change_is_told_and_undone_by_the_next_run() {
    let file = "synapse-configs/default/registry.xml";
    let change = |name, does, from| {
        ("manual-change", with(one(name, "worker1", from, 1), &[("does", does), ("file", file)]))
    };
    let events = events(&plan(vec![
        change("edit", "edit", 5),
        change("delete", "delete", 70),
        change("add", "add", 130),
    ]));
    let told: Vec<_> = on(&events, "worker1")
        .filter_map(|event| match &event.kind {
            EventKind::FileChanged { path, change, writer, .. } if path.ends_with(file) => {
                Some((*change, writer.to_string()))
            }
            _ => None,
        })
        .collect();
    let by_hand: Vec<_> =
        told.iter().filter(|(_, writer)| writer == "operator").map(|(change, _)| *change).collect();
    assert_eq!(by_hand, [FileChange::Modified, FileChange::Removed, FileChange::Modified]);
    assert!(told.iter().filter(|(_, writer)| writer == "rsync").count() >= 3, "{told:?}");
    assert!(converged(&events));
}

#[test]
fn cron_can_be_stopped_twice_and_starts_when_both_have_ended() {
    let events = events(&plan(vec![
        ("cron-stopped", one("a", "manager", 5, 100)),
        ("cron-stopped", one("b", "manager", 50, 130)),
    ]));
    let fired: Vec<i64> =
        events.iter().filter(|event| event.kind == EventKind::CronFired).map(second).collect();
    assert!(!fired.iter().any(|second| (5..240).contains(second)), "{fired:?}");
    assert!(fired.contains(&241), "{fired:?}");
    let end = on(&events, "manager").find_map(|event| match &event.kind {
        EventKind::ProcessEnded { process, why } if **process == *"cron" => Some(*why),
        _ => None,
    });
    assert_eq!(end, Some(ProcessEnd::Stopped));
    assert_eq!(without_effect(&events), ["cron does not run on manager"]);
}

#[test]
fn what_a_second_cron_pushes_is_named_after_its_node() {
    let events = events(&plan(vec![
        ("cron-on-second-node", one("twice", "worker2", 5, 200)),
        ("workers-list-wrong", with(one("missing", "worker2", 5, 200), &[("line", "missing")])),
    ]));
    let by_worker2 = on(&events, "worker1").any(|event| {
        matches!(&event.kind, EventKind::FileChanged { writer, .. } if **writer == *"rsync from worker2")
    });
    assert!(by_worker2, "its old files went to worker1");
    let pushed = on(&events, "worker2").filter(|event| event.kind == EventKind::CronFired).count();
    assert_eq!(pushed, 3);
    assert!(converged(&events));
}

#[test]
fn ssh_fails_in_its_own_words_and_rsync_says_so() {
    let events = events(&plan(vec![
        ("ssh-key-rejected", one("key", "worker1", 5, 110)),
        ("ssh-host-key-changed", one("host-key", "worker1", 118, 30)),
        ("wrong-port", with(one("port", "worker1", 150, 60), &[("process", "sshd")])),
    ]));
    let (_, code, said) = &transfers(&events, "worker1", 5, 115)[0];
    assert_eq!(*code, 255);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "wso2@worker1: Permission denied (publickey).",
            "rsync: connection unexpectedly closed (0 bytes received so far) [sender]",
            "rsync error: unexplained error (code 255) at io.c(285) [sender=3.5.0]",
        ]
    );
    let (_, code, said) = &transfers(&events, "worker1", 118, 148)[0];
    assert!(*code == 0 && said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{code} {said}");
    let (_, code, said) = &transfers(&events, "worker1", 150, 210)[0];
    assert!(
        *code == 255 && said.starts_with("ssh: connect to host worker1 port 22: Connection refused"),
        "{said}"
    );
    assert!(converged(&events));
}

#[test]
fn an_ssh_that_hangs_holds_up_all_workers_and_the_run_goes_on_when_it_answers() {
    let events = events(&plan(vec![("ssh-hangs", one("hangs", "worker1", 5, 150))]));
    let ended = transfers(&events, "worker1", 5, 300);
    assert!((155..160).contains(&ended[0].0), "{ended:?}");
    assert!(converged(&events));
}

#[test]
fn a_worker_is_missing_from_the_list_or_stands_in_it_twice() {
    let events = events(&plan(vec![
        ("workers-list-wrong", with(one("missing", "worker1", 5, 110), &[("line", "missing")])),
        ("workers-list-wrong", with(one("doubled", "worker2", 5, 110), &[("line", "doubled")])),
    ]));
    assert!(codes(&events, "worker1", 5, 115).is_empty());
    assert_eq!(codes(&events, "worker2", 5, 115), [0, 0]);
    assert_eq!(codes(&events, "worker1", 120, 180).len(), 1);
}

#[test]
fn a_killed_receiver_leaves_its_temporary_file_and_a_stopped_one_does_not() {
    let killed = |signal: &str, side: &str| {
        let keys =
            with(one("kill", "worker1", 5, 100), &[("signal", signal), ("side", side), ("at_byte", "300B")]);
        events(&plan(vec![("rsync-killed", keys)]))
    };
    let temporaries = |events: &[Event]| {
        let mut left = std::collections::BTreeSet::new();
        for event in on(events, "worker1").filter(|event| (5..100).contains(&second(event))) {
            if let EventKind::FileChanged { path, change, .. } = &event.kind
                && path.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
            {
                match change {
                    FileChange::Removed => left.remove(path),
                    _ => left.insert(path.clone()),
                };
            }
        }
        left.len()
    };
    let kill = killed("kill", "receiver");
    assert_eq!(temporaries(&kill), 1);
    assert_eq!(codes(&kill, "worker1", 5, 100), [255]);
    let term = killed("term", "receiver");
    assert_eq!(temporaries(&term), 0);
    assert_eq!(codes(&term, "worker1", 5, 100), [20]);
    let sender = killed("kill", "sender");
    assert_eq!((temporaries(&sender), codes(&sender, "worker1", 5, 100)), (0, vec![137]));
    let stopped = killed("term", "sender");
    assert_eq!((temporaries(&stopped), codes(&stopped, "worker1", 5, 100)), (0, vec![20]));
    for events in [kill, term, sender, stopped] {
        assert!(converged(&events) && without_effect(&events).is_empty());
        assert_eq!(codes(&events, "worker1", 100, 160), [0], "the next run repairs it");
    }
}

#[test]
fn a_kill_that_no_transfer_comes_to_has_no_effect() {
    let mut keys = one("kill", "worker1", 5, 100);
    keys.push(("at_file", 5_000.into()));
    assert_eq!(
        without_effect(&events(&plan(vec![("rsync-killed", keys)]))),
        ["no transfer to worker1 came so far"]
    );
}

#[test]
fn a_stale_lock_costs_one_run_and_long_runs_steal_each_others() {
    let ended = |events: &[Event]| {
        let runs = events.iter().filter_map(|event| match &event.kind {
            EventKind::SyncEnded { exit_code, .. } => Some((second(event), *exit_code)),
            _ => None,
        });
        runs.filter(|(second, _)| (5..300).contains(second)).map(|(_, code)| code).collect::<Vec<_>>()
    };
    let stale = events(&plan(vec![("stale-lock", one("stale", "manager", 5, 200))]));
    assert_eq!(ended(&stale), [1, 0, 0, 0]);
    let slow = events(&plan(vec![("sync-slow", with(one("slow", "manager", 5, 200), &[("delay", "50s")]))]));
    assert!(ended(&slow).contains(&1), "a run met the lock of the one before");
    assert!(converged(&slow) && converged(&stale));
}

#[test]
fn a_worker_without_its_flags_is_one_again_when_the_last_such_fault_ends() {
    let events = events(&plan(vec![
        ("started-without-flags", one("a", "worker1", 5, 100)),
        ("worker-promoted", one("b", "worker1", 50, 100)),
        ("started-without-flags", one("manager", "manager", 5, 10)),
    ]));
    let starts = on(&events, "worker1").filter(|event| {
        second(event) >= 0
            && matches!(&event.kind, EventKind::ProcessStarted { process } if **process == *"wso2")
    });
    assert_eq!(starts.map(second).collect::<Vec<_>>(), [5, 150]);
    assert_eq!(without_effect(&events), ["nothing on manager is started with flags"]);
    let ended = on(&events, "worker1").filter(
        |event| matches!(&event.kind, EventKind::ProcessEnded { process, .. } if **process == *"cron"),
    );
    assert_eq!(ended.map(second).last(), Some(150), "its cron goes with its office");
}

#[test]
fn what_is_healed_on_a_machine_that_stands_still_is_healed_when_it_goes_on() {
    let freeze = |name, node| ("freeze", with(one(name, node, 20, 60), &[("clock", "is-set")]));
    let events = events(&plan(vec![
        ("cron-stopped", one("stopped", "manager", 5, 30)),
        freeze("manager", "manager"),
        ("started-without-flags", one("unflagged", "worker1", 5, 30)),
        freeze("worker1", "worker1"),
    ]));
    assert!(!codes(&events, "worker2", 90, 200).is_empty(), "cron runs again");
    let started = on(&events, "worker1")
        .filter(|event| matches!(&event.kind, EventKind::ProcessStarted { process } if **process == *"wso2"));
    assert_eq!(started.map(second).collect::<Vec<_>>(), [-180, 5, 80]);
    assert!(converged(&events));
}

#[test]
fn an_emptied_worker_gets_its_sequences_back_with_the_restart_at_the_end() {
    let events = events(&plan(vec![("server-folder-emptied", one("emptied", "worker1", 5, 200))]));
    let started: Vec<i64> = on(&events, "worker1")
        .filter(|event| matches!(&event.kind, EventKind::ProcessStarted { process } if **process == *"wso2"))
        .map(second)
        .collect();
    assert_eq!(started, [-180, 5, 205]);
    assert!(converged(&events));
}

#[test]
fn a_lost_disk_comes_back_empty_or_with_the_installation() {
    let lost = |comes_back: &str| {
        events(&plan(vec![("disk-lost", with(one("lost", "worker1", 5, 30), &[("comes_back", comes_back)]))]))
    };
    let files = |events: &[Event]| {
        let state = on(events, "worker1").find_map(|event| match &event.kind {
            EventKind::DiskState { files, .. } if second(event) == 5 => Some(files.len()),
            _ => None,
        });
        state.unwrap()
    };
    let (empty, installed) = (lost("empty"), lost("installed"));
    assert_eq!(files(&empty), 0);
    assert!(files(&installed) > 0);
    assert!(converged(&empty) && converged(&installed));
}

#[test]
fn what_acts_on_nothing_is_told_and_is_no_panic() {
    let kinds: [(&str, Keys); 6] = [
        ("disk-full", one("a", "balancer", 5, 10)),
        ("disk-lost", one("b", "balancer", 5, 10)),
        ("server-folder-emptied", one("c", "balancer", 5, 10)),
        ("worker-promoted", one("d", "manager", 5, 10)),
        ("cron-on-second-node", one("e", "manager", 5, 10)),
        ("manual-change", with(one("f", "worker1", 5, 10), &[("does", "delete"), ("file", "no/such/file")])),
    ];
    let whys = without_effect(&events(&plan(kinds.to_vec())));
    assert_eq!(whys.len(), 6, "{whys:?}");
    assert!(whys[5].ends_with("no/such/file: No such file or directory"), "{whys:?}");
}

#[test]
fn every_instance_of_every_kind_is_run_and_healed_and_converges_unless_it_may_lose_data() {
    let base = plan(vec![]);
    let (topology, _): (Topology, _) = SimMaker.topology(&base.cluster).unwrap();
    let mut wrong = Vec::new();
    for (kind, target) in fault::candidates(&topology) {
        let may_lose = kind.may_lose_data(&target, &topology);
        let shown = format!("{kind:?} on {target:?}");
        let fault = Fault {
            name: "one".into(),
            kind,
            target,
            start: Start::At { at_ns: SimTime::from_secs(3 * MINUTE + 50) },
            lasts: std::time::Duration::from_secs(100),
            repeats: None,
        };
        let mut plan = base.clone();
        plan.faults = vec![fault];
        let memory = Memory::default();
        let options = Options { sinks: vec![Box::new(memory.clone())], ..Options::default() };
        run::run(&plan, &SimMaker, options).unwrap();
        if !may_lose && !converged(&memory.into_events()) {
            wrong.push(shown);
        }
    }
    assert!(wrong.is_empty(), "{} did not converge:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_nginx_that_starts_while_an_upstreams_name_is_missing_ends_until_the_hosts_file_is_mended() {
    let mut plan = plan(vec![
        ("hosts-entry", with(one("missing", "balancer", 5, 100), &[("host_name", "am.wso2.com")])),
        ("process-kill", with(one("killed", "balancer", 20, 10), &[("process", "nginx")])),
    ]);
    // The scenario's own cluster knows the workers by their addresses.
    let FaultKind::HostsEntry { host_name, .. } = &mut plan.faults[0].kind else { panic!("it is the first") };
    *host_name = "gw1.am.wso2.com".into();
    for (name, text) in &mut plan.cluster.files {
        if name.ends_with("nginx.conf") {
            *text = text.replace("server 10.0.0.21:8243", "server gw1.am.wso2.com:8243");
        } else if name == "balancer/hosts" {
            text.push_str("10.0.0.21 gw1.am.wso2.com\n");
        }
    }
    let events = events(&plan);
    let of_nginx = on(&events, "balancer").filter_map(|event| match &event.kind {
        EventKind::ProcessReady { .. } => Some((second(event), "ready".to_owned())),
        EventKind::ProcessEnded { why, .. } => Some((second(event), format!("{why:?}"))),
        _ => None,
    });
    let seen: Vec<_> = of_nginx.filter(|(second, _)| *second >= 0).collect();
    let exited = format!("{:?}", ProcessEnd::Exited);
    let expected = [(20, format!("{:?}", ProcessEnd::Killed)), (30, exited), (105, "ready".to_owned())];
    assert_eq!(seen, expected);
    assert!(on(&events, "balancer").any(|event| matches!(&event.kind,
        EventKind::Logged { line, .. } if line.contains("host not found in upstream"))));
}
