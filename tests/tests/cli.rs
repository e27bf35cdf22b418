//! The command as a user meets it: exit codes, diagnostics, and what is written, or is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::{Called, command};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");

/// A copy of the documented cluster and a small scenario for it, in a folder of its own.
struct Ground(tempfile::TempDir);

const SMALL: &str = r#"
title = "A healthy cluster serves."
cluster = "cluster"
expect = ["traffic availability at least 99 %"]

[phases]
disturb = "1m"
heal = "10s"
settle = "1m"

[[workload]]
kind = "calls"
rate = "1/s"
apis = 2
"#;

impl Ground {
    fn new() -> Self {
        let ground = Self(tempfile::tempdir().unwrap());
        copy(&tests::root().join("scenarios/clusters/wso2-rsync"), &ground.path("cluster"));
        ground.write("small.toml", SMALL);
        ground
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
    }

    /// Replaces a part of a file, which must be there.
    fn edit(&self, below: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(below)).unwrap();
        assert!(text.contains(from), "{below} has no {from:?}:\n{text}");
        self.write(below, &text.replacen(from, to, 1));
    }

    fn sim(&self, arguments: &[&str]) -> Called {
        command(SIM).current_dir(self.0.path()).args(arguments).output().unwrap().into()
    }

    /// Everything below the reports' folder, with its bytes.
    fn reports(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path("reports")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        found.sort();
        found
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_run_whose_verdicts_pass_ends_with_0_and_writes_its_report() {
    let ground = Ground::new();
    let called = ground.sim(&["run", "small.toml"]);
    assert_eq!(called.code, 0, "{called:?}");
    assert!(called.out.contains("PASS") && called.out.contains("sim replay reports/small/plan.json"));
    let names: Vec<_> =
        ground.reports().iter().map(|(path, _)| path.file_name().unwrap().to_owned()).collect();
    let expected = ["junit.xml", "plan.json", "report.html", "report.json", "report.md", "trace.jsonl"];
    assert_eq!(names, expected);
}

#[test]
fn a_failed_verdict_ends_with_1_and_an_unknown_one_with_2() {
    let ground = Ground::new();
    ground.edit("small.toml", "traffic availability at least 99 %", "no write is accepted by a worker");
    let called = ground.sim(&["run", "small.toml"]);
    assert_eq!(called.code, 2, "nobody tries to write: {called:?}");
    assert!(called.out.contains("UNKNOWN"), "{called:?}");
    let down = "\n[[fault]]\nname = \"off\"\nkind = \"power-off\"\nnode = \"balancer\"\nfrom = \"10s\"\nfor = \"20s\"\n";
    ground.write("failing.toml", &(SMALL.to_owned() + down));
    let called = ground.sim(&["run", "failing.toml"]);
    assert_eq!(called.code, 1, "{called:?}");
    assert!(called.out.contains("FAIL"), "{called:?}");
    let both = ground.sim(&["run", "failing.toml", "small.toml"]);
    assert_eq!(both.code, 1, "the worst counts: {both:?}");
}

#[test]
fn wrong_usage_ends_with_64() {
    let ground = Ground::new();
    let cases: [&[&str]; 8] = [
        &[],
        &["run"],
        &["fly"],
        &["run", "small.toml", "--seeds", "9..3"],
        &["run", "small.toml", "--jobs", "0"],
        &["run", "small.toml", "--format", "pdf"],
        &["run", "small.toml", "--accept", "--seed", "3"],
        &["run", "small.toml", "./small.toml"],
    ];
    for arguments in cases {
        let called = ground.sim(arguments);
        assert_eq!(called.code, 64, "{arguments:?}: {called:?}");
        assert!(!called.err.is_empty() && called.out.is_empty(), "{arguments:?}: {called:?}");
    }
    assert!(ground.reports().is_empty());
    for arguments in [["--help"], ["--version"]] {
        let called = ground.sim(&arguments);
        assert_eq!((called.code, called.err.as_str()), (0, ""), "{arguments:?}");
    }
}

/// One wrong edit: the file, what is replaced, by what, and what the diagnostic must say.
type Mistake = (&'static str, &'static str, &'static str, &'static [&'static str]);

const MISTAKES: &[Mistake] = &[
    ("small.toml", "title = ", "title ", &["small.toml:2"]),
    ("small.toml", "rate = ", "rat = ", &["small.toml:13", "rat"]),
    ("small.toml", "\"cluster\"", "\"nowhere\"", &["nowhere"]),
    ("small.toml", "99 %", "a lot", &["small.toml:4", "a lot"]),
    (
        "small.toml",
        "apis = 2",
        "apis = 2\n[[fault]]\nname = \"x\"\nkind = \"power-off\"\nnode = \"worker9\"",
        &["worker9", "worker1"],
    ),
    (
        "small.toml",
        "apis = 2",
        "apis = 2\n[[fault]]\nname = \"x\"\nkind = \"power-off\"\nnode = \"worker1\"\nfrom = \"30s\"\nto = \"20s\"",
        &["small.toml:2"],
    ),
    (
        "cluster/manager/workers-list.txt",
        "",
        "root@10.9.9.9:/opt/wso2am/repository/deployment/server\n",
        &["workers-list.txt:1", "10.9.9.9"],
    ),
    (
        "cluster/balancer/nginx.conf",
        "proxy_read_timeout",
        "proxy_read_timeot",
        &["nginx.conf:", "proxy_read_timeot", "proxy_read_timeout"],
    ),
    ("cluster/cluster.toml", "10.0.0.22", "10.0.0.21", &["cluster.toml:", "10.0.0.21"]),
    ("cluster/manager/rsync-command", "--delete", "--delete --fuzzy", &["rsync-command:", "--fuzzy"]),
];

#[test]
fn a_wrong_file_ends_with_65_says_where_and_leaves_what_is_there() {
    for (file, from, to, says) in MISTAKES {
        let ground = Ground::new();
        fs::create_dir_all(ground.path("reports/small")).unwrap();
        ground.write("reports/small/report.md", "from before");
        ground.edit(file, from, to);
        let before = ground.reports();
        for command in ["run", "check"] {
            let called = ground.sim(&[command, "small.toml"]);
            assert_eq!(called.code, 65, "{command} with {to:?} in {file}: {called:?}");
            for part in *says {
                assert!(
                    called.err.contains(part),
                    "{part:?} is missing with {to:?} in {file}:\n{}",
                    called.err
                );
            }
            assert_eq!(called.out, "", "{command} with {to:?} in {file}");
        }
        assert!(ground.reports() == before, "something was written with {to:?} in {file}");
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let ground = Ground::new();
    ground.edit("small.toml", "rate = ", "rat = ");
    ground.edit("small.toml", "99 %", "a lot");
    ground.edit("cluster/balancer/nginx.conf", "proxy_read_timeout", "proxy_read_timeot");
    let called = ground.sim(&["check", "small.toml"]);
    for part in ["rat", "a lot", "proxy_read_timeot"] {
        assert!(called.err.contains(part), "{part:?} is missing:\n{}", called.err);
    }
}

#[test]
fn a_port_that_two_servers_claim_on_one_address_is_refused() {
    let ground = Ground::new();
    // The manager's http transport on the port of its https transport.
    ground.edit("cluster/manager/deployment.toml", "9763", "9443");
    let called = ground.sim(&["run", "small.toml"]);
    assert_eq!(called.code, 65, "{called:?}");
    assert!(called.err.contains("9443") && called.err.contains("deployment.toml"), "{called:?}");
}

#[test]
fn a_missing_file_ends_with_65() {
    let ground = Ground::new();
    for arguments in [
        &["run", "nowhere.toml"][..],
        &["check", "nowhere.toml"],
        &["replay", "nowhere.json"],
        &["judge", "nowhere.jsonl"],
        &["diff", "nowhere.jsonl", "small.toml"],
        &["run", "--all"],
        &["run", "cluster"],
    ] {
        let called = ground.sim(arguments);
        assert_eq!(called.code, 65, "{arguments:?}: {called:?}");
        assert!(!called.err.is_empty());
    }
}

#[test]
fn a_folder_that_cannot_be_written_ends_with_74_and_the_verdicts_are_printed() {
    let ground = Ground::new();
    ground.write("reports", "a file in the way");
    let called = ground.sim(&["run", "small.toml"]);
    assert_eq!(called.code, 74, "{called:?}");
    assert!(called.out.contains("PASS"), "{called:?}");
    assert!(called.err.contains("reports/small"), "{called:?}");
}

#[test]
fn a_stored_plan_is_replayed_and_its_trace_judged_with_the_same_result() {
    let ground = Ground::new();
    let ran = ground.sim(&["run", "small.toml"]);
    // What matters to a run is in the plan.
    fs::remove_dir_all(ground.path("cluster")).unwrap();
    fs::remove_file(ground.path("small.toml")).unwrap();
    let replayed = ground.sim(&["replay", "reports/small/plan.json", "--out", "again"]);
    assert_eq!(replayed.code, ran.code, "{replayed:?}");
    assert!(replayed.out.contains("same trace"), "{replayed:?}");
    for file in ["trace.jsonl", "report.md", "report.json", "plan.json"] {
        let read = |folder: &str| fs::read(ground.path(folder).join(file)).unwrap();
        assert!(read("again") == read("reports/small"), "{file} differs");
    }
    let judged = ground.sim(&["judge", "reports/small/trace.jsonl"]);
    assert_eq!(judged.code, ran.code, "{judged:?}");
    let result =
        |text: &str| text.lines().filter(|line| line.contains("PASS")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(result(&judged.out), result(&ran.out));
}

#[test]
fn files_that_were_cut_short_end_with_65_and_say_so() {
    let ground = Ground::new();
    ground.sim(&["run", "small.toml"]);
    for (file, command) in [("plan.json", "replay"), ("trace.jsonl", "judge")] {
        let path = ground.path("reports/small").join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() / 2);
        fs::write(&path, bytes).unwrap();
        let called = ground.sim(&[command, path.to_str().unwrap()]);
        assert_eq!(called.code, 65, "{called:?}");
        assert!(called.err.contains(file), "{called:?}");
    }
}

#[test]
fn diff_says_where_two_traces_part_and_ends_with_1() {
    let ground = Ground::new();
    ground.sim(&["run", "small.toml"]);
    ground.edit("small.toml", "1/s", "2/s");
    ground.sim(&["run", "small.toml", "--out", "other"]);
    let (one, other) = ("reports/small/trace.jsonl", "other/small/trace.jsonl");
    let called = ground.sim(&["diff", one, other]);
    assert_eq!(called.code, 1, "{called:?}");
    assert!(called.out.contains("the traces part at event"), "{called:?}");
    let called = ground.sim(&["diff", one, one]);
    assert_eq!((called.code, called.out.as_str()), (0, "the traces are the same\n"));
}

#[test]
fn seeds_have_folders_of_their_own_and_leave_the_baseline_alone() {
    let ground = Ground::new();
    ground.sim(&["run", "small.toml"]);
    let baseline = fs::read(ground.path("reports/small/report.json")).unwrap();
    let called = ground.sim(&["run", "small.toml", "--seeds", "5..=7", "--jobs", "2", "--format", "json"]);
    assert_eq!(called.code, 0, "{called:?}");
    assert!(called.out.contains("seed 5") && called.out.contains("3 runs: 3 passed"), "{called:?}");
    for seed in 5..=7 {
        let folder = ground.path(&format!("reports/small/seed-{seed}"));
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["plan.json", "report.json"]);
    }
    assert_eq!(fs::read(ground.path("reports/small/report.json")).unwrap(), baseline);
}

#[test]
fn results_go_to_standard_output_and_nothing_else_does() {
    let ground = Ground::new();
    let called = ground.sim(&["run", "small.toml", "-v"]);
    assert!(called.out.starts_with("small, seed 1\n"), "{called:?}");
    assert!(!called.out.contains('\u{1b}') && !called.err.contains('\u{1b}'), "no colours in a pipe");
    assert!(called.err.contains("INFO"), "{called:?}");
    let quiet = ground.sim(&["run", "small.toml"]);
    assert_eq!((quiet.out, quiet.err.as_str()), (called.out, ""));
}

#[test]
fn a_reader_that_goes_away_is_no_trouble() {
    let ground = Ground::new();
    let mut child = command(SIM)
        .current_dir(ground.0.path())
        .args(["list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let called: Called = child.wait_with_output().unwrap().into();
    assert_eq!(
        (called.code, called.err.as_str()),
        (65, "sim: cannot list the folder scenarios: No such file or directory (os error 2)\n")
    );
}

#[test]
fn what_can_be_written_in_a_scenario_is_listed_with_a_line_each() {
    let called: Called = command(SIM).arg("list").output().unwrap().into();
    assert_eq!(called.code, 0, "{called:?}");
    for part in ["scenarios/manager-down.toml", "power-off", "write-attempts", "availability", "read-only"] {
        assert!(called.out.contains(part), "{part:?} is missing:\n{}", called.out);
    }
    let faults: Called = command(SIM).args(["list", "faults"]).output().unwrap().into();
    assert!(faults.out.contains("partition") && !faults.out.contains("write-attempts"));
}

#[test]
fn ctrl_c_keeps_what_was_finished_says_so_and_ends_with_130() {
    let ground = Ground::new();
    let child = command(SIM)
        .current_dir(ground.0.path())
        .args(["run", "small.toml", "--seeds", "1..1000000", "--format", "json", "--jobs", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A real process is waited for here: nothing is simulated.
    #[allow(clippy::disallowed_methods)]
    for _ in 0..600 {
        if ground.path("reports/small/seed-3").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let called: Called = child.wait_with_output().unwrap().into();
    assert_eq!(called.code, 130, "{called:?}");
    assert!(called.err.contains("runs were finished and are kept"), "{called:?}");
    assert!(ground.path("reports/small/seed-1/report.json").exists());
    let half: Vec<_> = (ground.reports().into_iter())
        .filter(|(path, _)| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')))
        .collect();
    assert!(half.is_empty(), "half a file is left: {half:?}");
}
