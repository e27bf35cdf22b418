//! Exploration as a user meets it: the same results however the work is shared out and interrupted, planted bugs found,
//! nothing new in the cluster without them, and trouble told.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use sim::planted::PlantedBug;
use tests::hunt::Ground;
use tests::{Called, command, root};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");

/// A scenario that is quickly explored.
const QUICK: &str = r#"
title = "Whatever fails, afterwards everything works."

[phases]
warmup = "70s"
disturb = "1m"
heal = "75s"
settle = "2m"

[[workload]]
kind = "calls"
rate = "1/s"
apis = 2

[[workload]]
kind = "publish"
every = "20s"
apis = ["api-1"]
"#;

/// A folder with a scenario in it.
struct Yard(tempfile::TempDir);

impl Yard {
    fn new() -> Self {
        let yard = Self(tempfile::tempdir().unwrap());
        let cluster = root().join("scenarios/clusters/wso2-rsync");
        yard.write("quick.toml", &format!("cluster = {:?}\n{QUICK}", cluster.display().to_string()));
        yard
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
    }

    fn sim(&self, words: &str) -> Called {
        command(SIM).current_dir(self.0.path()).args(words.split(' ')).output().unwrap().into()
    }

    /// Every file below a folder, by its path there.
    fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        fn collect(folder: &Path, below: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, below, files);
                } else {
                    files.insert(path.strip_prefix(below).unwrap().to_owned(), fs::read(&path).unwrap());
                }
            }
        }
        let mut files = BTreeMap::new();
        collect(&self.path(folder), &self.path(folder), &mut files);
        files
    }
}

fn same(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for (path, bytes) in one {
        assert!(*bytes == other[path], "{} differs", path.display());
    }
}

#[test]
fn the_same_seeds_give_the_same_bytes_on_one_thread_on_two_in_shards_and_after_a_stop() {
    let yard = Yard::new();
    let one = yard.sim("explore quick.toml --seeds 1..4 --jobs 1 --out one");
    assert!([0, 1].contains(&one.code), "{}", one.err);
    let two = yard.sim("explore quick.toml --seeds 1..4 --jobs 2 --out two");
    assert_eq!((one.code, one.out.replace("one/", "two/")), (two.code, two.out));
    same(&yard.files("one"), &yard.files("two"));

    for shard in ["1/2", "2/2"] {
        yard.sim(&format!("explore quick.toml --seeds 1..4 --shard {shard} --out shard-{}", &shard[..1]));
    }
    let merged = yard.sim("merge shard-2 shard-1 --out merged");
    assert_eq!(merged.code, one.code, "{}", merged.err);
    same(&yard.files("one"), &yard.files("merged"));

    // What was cut short is run again by the same command.
    let path = yard.path("two/batches.jsonl");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let again = yard.sim("explore quick.toml --seeds 1..4 --out two");
    assert!(
        again.err.contains("cut short") && again.err.contains("going on with 2 batches"),
        "{}",
        again.err
    );
    same(&yard.files("one"), &yard.files("two"));
}

#[test]
fn what_was_finished_before_ctrl_c_is_kept_and_gone_on_with() {
    let yard = Yard::new();
    let words = ["explore", "quick.toml", "--seeds", "1..1000", "--jobs", "1", "--out", "out"];
    let mut child = command(SIM)
        .current_dir(yard.0.path())
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = || fs::read(yard.path("out/batches.jsonl")).unwrap_or_default();
    while lines().iter().filter(|byte| **byte == b'\n').count() < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let stopped: Called = child.wait_with_output().unwrap().into();
    assert_eq!(stopped.code, 130, "{}", stopped.err);
    assert!(stopped.err.contains("batches were finished and are kept"), "{}", stopped.err);
    assert!(yard.path("out/report.md").exists());
    let again = yard.sim("explore quick.toml --seeds 1..2 --out out");
    assert!(again.err.contains("going on with"), "{}", again.err);
}

#[test]
fn wrong_limits_and_wrong_results_are_told() {
    let yard = Yard::new();
    for (words, told) in [
        ("explore quick.toml --budget 0", "buys nothing"),
        ("explore quick.toml --shard 5/4", "there is no shard 5 of 4"),
        ("explore quick.toml --shard 0/4", "counted from 1"),
        ("explore quick.toml --seeds 4..4", "empty"),
        ("merge", "required"),
    ] {
        let called = yard.sim(words);
        assert_eq!(called.code, 64, "{words}: {}", called.err);
        assert!(called.err.contains(told), "{words}: {}", called.err);
    }
    yard.sim("explore quick.toml --seeds 1..2 --out one");
    let other = fs::read_to_string(yard.path("quick.toml")).unwrap().replace("1/s", "2/s");
    yard.write("other.toml", &other);
    fs::create_dir(yard.path("changed")).unwrap();
    yard.write("changed/quick.toml", &other);
    yard.sim("explore other.toml --seeds 1..2 --out two");
    yard.sim("explore changed/quick.toml --seeds 1..2 --out three");
    let header = fs::read_to_string(yard.path("one/batches.jsonl")).unwrap();
    fs::create_dir(yard.path("old")).unwrap();
    yard.write("old/batches.jsonl", &header.replace("\"made_by\":\"sim 0", "\"made_by\":\"sim 9"));
    fs::create_dir(yard.path("future")).unwrap();
    yard.write("future/batches.jsonl", &header.replacen("\"schema_version\":1", "\"schema_version\":9", 1));
    fs::create_dir(yard.path("torn")).unwrap();
    yard.write("torn/batches.jsonl", &header[..200]);
    fs::create_dir(yard.path("garbage")).unwrap();
    yard.write("garbage/batches.jsonl", &format!("{header}{{}}\n"));
    for (words, told) in [
        ("merge one two", "one explores quick, the other other"),
        ("merge one three", "or the files of its cluster were changed"),
        ("merge one old", "the other by sim 9.1.0"),
        ("merge one future", "schema version 9"),
        ("merge one torn", "cut short in its first line"),
        ("merge one garbage", "this is no batch of runs"),
        ("merge one nowhere", "cannot read nowhere"),
        ("explore other.toml --seeds 1..2 --out one", "results of another exploration"),
        ("explore quick.toml --known nowhere.toml", "cannot read nowhere.toml"),
        ("explore nowhere.toml", "cannot read nowhere.toml"),
    ] {
        let called = yard.sim(words);
        assert_eq!(called.code, 65, "{words}: {}", called.err);
        assert!(called.err.contains(told), "{words}: {}", called.err);
    }
}

#[test]
fn a_disk_that_fills_ends_it_with_74_and_what_is_there_is_whole() {
    let yard = Yard::new();
    fs::create_dir(yard.path("small")).unwrap();
    // Room for the header and a batch or two.
    let script = format!(
        "mount -t tmpfs -o size=48k tmpfs small || exit 99; {SIM} explore quick.toml --seeds 1..9 --jobs 1 --out small; \
         echo code $?; cat small/batches.jsonl > kept.jsonl"
    );
    let called: Called = command("unshare")
        .current_dir(yard.0.path())
        .args(["-rm", "sh", "-c", &script])
        .output()
        .unwrap_or_else(|error| panic!("unshare: {error}"))
        .into();
    if called.code == 99 || called.err.contains("unshare:") {
        let line = "skipped: no file system can be mounted here";
        assert!(std::env::var_os("SIM_REQUIRE_PEERS").is_none(), "{line}: {}", called.err);
        let _ = writeln!(std::io::stderr(), "{line}");
        return;
    }
    assert!(called.out.contains("code 74"), "{}{}", called.out, called.err);
    assert!(called.err.contains("cannot write") && called.err.contains("No space left"), "{}", called.err);
    let kept = fs::read_to_string(yard.path("kept.jsonl")).unwrap();
    assert!(kept.ends_with('\n') && kept.lines().count() < 9, "{} lines", kept.lines().count());
}

/// A bug that is found in so many batches; gives the failures that the cluster without it does not have.
fn found(bug: PlantedBug, batches: u64) -> Vec<String> {
    let ground = Ground::new(Some(bug));
    let left = AtomicU64::new(batches);
    let more = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let caught = ground.hunt(NonZeroUsize::new(2).unwrap(), more);
    let caught = caught.unwrap_or_else(|| panic!("{bug} was not found in {batches} batches"));
    let seed = (caught.run - 1) / u64::from(ground.exploration().header().runs_a_batch) + 1;
    let batch = ground.batch(seed);
    let new = batch.found.iter().filter(|found| ground.known.explains(&found.signature).is_none());
    new.map(|found| found.signature.to_string()).collect()
}

#[test]
fn a_bug_that_shows_in_many_ways_is_one_finding() {
    for bug in [PlantedBug::WorkerAcceptsWrites, PlantedBug::ManagerLosesPublish] {
        let found = found(bug, 2);
        assert_eq!(found.len(), 1, "{bug}: {found:#?}");
    }
}

#[test]
fn bugs_that_need_a_fault_at_the_right_moment_are_found() {
    for bug in [
        PlantedBug::RestartedCronFindsNoWorkers,
        PlantedBug::RestartedWorkerWritesAFile,
        PlantedBug::QuickRestartFindsPortTaken,
    ] {
        found(bug, 12);
    }
}

#[test]
fn nothing_is_found_in_the_cluster_itself_but_what_is_written_down() {
    let ground = Ground::new(None);
    for seed in 1..=2 {
        assert_eq!(ground.first_new(&ground.batch(seed)), None, "a finding: write it down, or find the bug");
    }
}
