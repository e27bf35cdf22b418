//! A stored plan alone gives the same bytes anywhere, and says when another program made it.

use std::fs;
use std::path::Path;

use tests::{Called, command};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");

fn sim(folder: &Path, arguments: &[&str]) -> Called {
    command(SIM).current_dir(folder).args(arguments).output().unwrap().into()
}

/// A run of the documented cluster, whose latency is drawn from the seed.
const UNSTEADY: &str = r#"
title = "An unsteady line delays the sync."
cluster = "CLUSTER"
expect = ["traffic is never lost"]

[phases]
disturb = "3m"
settle = "1m"

[[workload]]
kind = "calls"
rate = "2/s"
apis = 2

[[workload]]
kind = "publish"
every = "20s"
apis = 2

[[fault]]
name = "unsteady"
kind = "slow-link"
between = "manager"
and = "all workers"
from = "10s..40s"
for = "2m"
latency = "20ms"
jitter = "30ms"
"#;

fn run_in(folder: &Path) {
    let cluster = tests::root().join("scenarios/clusters/wso2-rsync");
    let text = UNSTEADY.replace("CLUSTER", cluster.to_str().unwrap());
    fs::write(folder.join("unsteady.toml"), text).unwrap();
    let ran = sim(folder, &["run", "unsteady.toml", "--seed", "5"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn only_the_plan_taken_to_another_folder_gives_the_same_trace() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run_in(here.path());
    let of_run = here.path().join("reports/unsteady/seed-5");
    let elsewhere = there.path().join("deep/er");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::copy(of_run.join("plan.json"), elsewhere.join("taken.json")).unwrap();
    // The scenario, its reports and everything else of the first folder is gone, as on another machine. The
    // cluster's folder is outside both and cannot go: no path of it is in the trace.
    let trace = fs::read(of_run.join("trace.jsonl")).unwrap();
    let report = fs::read(of_run.join("report.json")).unwrap();
    drop(here);
    let replayed = sim(&elsewhere, &["replay", "taken.json", "--out", "../again"]);
    assert_eq!((replayed.code, replayed.err.as_str()), (0, ""), "{replayed:?}");
    let again = there.path().join("deep/again");
    assert!(fs::read(again.join("trace.jsonl")).unwrap() == trace, "another trace");
    assert!(fs::read(again.join("report.json")).unwrap() == report, "another report");
    let root = tests::root();
    assert!(!String::from_utf8(trace).unwrap().contains(root.to_str().unwrap()), "a path is in the trace");
}

#[test]
fn a_plan_of_another_version_is_run_with_a_word_about_both_and_of_another_format_refused() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path());
    let path = folder.path().join("reports/unsteady/seed-5/plan.json");
    let text = fs::read_to_string(&path).unwrap();
    let this = format!("sim {}", sim::VERSION);
    assert!(text.contains(&format!("\"made_by\": \"{this}\"")), "the plan says what made it");
    fs::write(&path, text.replace(&format!("\"made_by\": \"{this}\""), "\"made_by\": \"sim 0.0.7\""))
        .unwrap();
    let plan = "reports/unsteady/seed-5/plan.json";
    let replayed = sim(folder.path(), &["replay", plan]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(replayed.err.contains("sim 0.0.7") && replayed.err.contains(&this), "{replayed:?}");
    fs::write(&path, text.replacen("\"schema_version\": 1", "\"schema_version\": 99", 1)).unwrap();
    for arguments in [&["replay", plan][..], &["shrink", plan]] {
        let refused = sim(folder.path(), arguments);
        assert_eq!((refused.code, refused.out.as_str()), (65, ""), "{refused:?}");
        let said = ["schema version 99", "reads 1", "made by sim"];
        assert!(said.iter().all(|part| refused.err.contains(part)), "{refused:?}");
    }
}

#[test]
fn plans_that_are_none_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path());
    let whole = fs::read_to_string(folder.path().join("reports/unsteady/seed-5/plan.json")).unwrap();
    let edited = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from} is not in the plan");
        whole.replacen(from, to, 1)
    };
    let cases = [
        (whole[..whole.len() / 2].to_owned(), "not JSON"),
        ("title = \"A scenario\"".to_owned(), "not JSON"),
        ("[]".to_owned(), "no `schema_version`"),
        ("{\"schema_version\": 1}".to_owned(), "not a plan"),
        (edited("\"seed\": 5", "\"seed\": \"five\""), "not a plan"),
        (edited("\"seed\": 5", "\"seed\": 1e400"), "not JSON"),
        (edited("\"lasts_ns\": 120000000000", "\"lasts_ns\": -1"), "not a plan"),
        (edited("\"settle_ends\": ", "\"settle_ends\": 9999999"), "is longer than"),
        (edited("\"every_ns\": 500000000", "\"every_ns\": 1"), "operations are more than"),
        (edited("\"latency_ns\": 20000000", "\"bandwidth_bytes_per_s\": 0"), "at least 1 byte a second"),
        (edited("\"published-1\"", "\"../published-1\""), "cannot be an API"),
        (edited("\"cluster.toml\"", "\"../cluster.toml\""), "leads out"),
    ];
    for (text, says) in cases {
        fs::write(folder.path().join("wrong.json"), text).unwrap();
        for command in ["replay", "shrink"] {
            let refused = sim(folder.path(), &[command, "wrong.json"]);
            assert_eq!(refused.code, 65, "{says}: {refused:?}");
            assert!(refused.err.contains(says) && refused.err.contains("wrong.json"), "{says}: {refused:?}");
        }
    }
}

#[test]
fn diff_tells_other_plans_apart_from_the_first_event_that_differs_and_names_a_broken_trace() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path());
    let ran = sim(folder.path(), &["run", "unsteady.toml", "--seed", "6"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (one, other) = ("reports/unsteady/seed-5/trace.jsonl", "reports/unsteady/seed-6/trace.jsonl");
    let called = sim(folder.path(), &["diff", one, other]);
    assert_eq!(called.code, 1, "{called:?}");
    for part in [
        "different plans",
        "seed: 5 in the first, 6 in the second",
        "the traces part at event",
        "\n- ",
        "\n+ ",
    ] {
        assert!(called.out.contains(part), "{part:?} is missing:\n{}", called.out);
    }
    let path = folder.path().join(other);
    let bytes = fs::read(&path).unwrap();
    // The second is cut within its second line: before anything differs.
    fs::write(&path, &bytes[..40]).unwrap();
    let called = sim(folder.path(), &["diff", one, other]);
    assert_eq!(called.code, 65, "{called:?}");
    assert!(called.err.contains("seed-6/trace.jsonl") && called.err.contains("cut short"), "{called:?}");
}
