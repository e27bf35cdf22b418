//! What a sync costs: the modelled rsync against the real one on the same two local folders, in one run.
//!
//! 5,000 files of 4 KiB in 50 folders, of which 50 have changed. Both run the documented options, without a remote
//! shell. CPU time of user and system together, the real program's with that of its children; a mean of many runs
//! that take turns, so that what disturbs one disturbs the other.
//!
//! - `transfer`: the modelled processes on disks that are simulated already, which is what a simulated cluster
//!   pays for each sync. Aim: less than the real rsync.
//! - `sim rsync`: the same with reading both folders into simulated disks before and making the result real after.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use sim::disk::Disk;
use sim::rsync::real_tree::load;
use sim::rsync::{Job, LocalRun, command, run_local};

/// As the command's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FILES: usize = 5_000;
const FILES_A_FOLDER: usize = 100;
const FILE_BYTES: usize = 4096;
const OPTIONS: [&str; 2] = ["--delete", "-ar"];

fn main() {
    // For a profiler: the transfer, or the whole command, alone and many times.
    let alone = std::env::args().nth(1).filter(|arg| !arg.starts_with('-'));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trees = Trees::make(folder.path());
    match alone.as_deref() {
        Some("transfer") => return (0..200).for_each(|round| _ = trees.transfer(round, 50)),
        Some("command") => return (0..20).for_each(|round| _ = trees.command(round, 50)),
        _ => {}
    }
    let has_peer = Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has_peer {
        println!("rsync is not installed: only the model is measured, without a ratio");
    }
    for changed in [50, 0] {
        println!("{FILES} files of {FILE_BYTES} bytes, {changed} changed, rsync {}", OPTIONS.join(" "));
        let rounds = 40;
        let (mut real, mut transfer, mut whole) = (0.0, 0.0, 0.0);
        for round in 0..rounds {
            trees.change(round, changed);
            if has_peer {
                real += trees.real();
            }
            whole += trees.command(round, changed);
            transfer += trees.transfer(round, changed);
        }
        let show = |what: &str, seconds: f64| {
            let ratio =
                if has_peer { format!("  {:.2} of the real rsync", seconds / real) } else { String::new() };
            println!("  {what:<14} {:>8.2} ms CPU{ratio}", seconds / f64::from(rounds) * 1e3);
        };
        if has_peer {
            println!("  real rsync     {:>8.2} ms CPU", real / f64::from(rounds) * 1e3);
        }
        show("transfer", transfer);
        show("sim rsync", whole);
    }
}

/// The folders, real and simulated.
struct Trees<'a> {
    folder: &'a Path,
    sender: Disk,
    receiver: Disk,
}

impl<'a> Trees<'a> {
    fn make(folder: &'a Path) -> Self {
        let names = ["source", "of-the-real", "of-the-model"];
        for name in names {
            for number in 0..FILES / FILES_A_FOLDER {
                fs::create_dir_all(folder.join(format!("{name}/folder-{number}"))).expect("it is new");
            }
        }
        for number in 0..FILES {
            fs::write(folder.join(path_in(number)), content(number, 0)).expect("it is new");
        }
        let mut trees = Self { folder, sender: Disk::default(), receiver: Disk::default() };
        let has_peer = trees.copy("of-the-real");
        assert!(has_peer.is_none_or(|copied| copied), "rsync copies what was just made");
        let args = [&OPTIONS[..], &["source/", "of-the-model"]].concat();
        assert_eq!(command::run_in(folder, &bytes(&args)).exit_code, 0);
        let (source, destination) = (trees.path("source"), trees.path("of-the-model"));
        load(&mut trees.sender, &source, true);
        load(&mut trees.receiver, &destination, true);
        trees.sender.sync();
        trees.receiver.sync();
        trees
    }

    /// Gives so many source files new content and, with it, a new time.
    fn change(&self, round: u32, count: usize) {
        for number in changed(count) {
            fs::write(self.folder.join(path_in(number)), content(number, round + 1)).expect("it is there");
        }
    }

    /// The real program; CPU seconds of it and its children.
    fn real(&self) -> f64 {
        let before = cpu_seconds_of_children();
        assert_eq!(self.copy("of-the-real"), Some(true));
        cpu_seconds_of_children() - before
    }

    fn copy(&self, to: &str) -> Option<bool> {
        let mut rsync = Command::new("rsync");
        rsync.args(OPTIONS).args(["source/", to]).current_dir(self.folder).stdout(Stdio::null());
        rsync.status().ok().map(|status| status.success())
    }

    /// `sim rsync` on the real folders.
    fn command(&self, _: u32, _: usize) -> f64 {
        let args = bytes(&[&OPTIONS[..], &["source/", "of-the-model"]].concat());
        let before = cpu_seconds();
        let ran = command::run_in(self.folder, &args);
        assert_eq!((ran.exit_code, ran.lines.len()), (0, 0));
        cpu_seconds() - before
    }

    /// The transfer between simulated disks, on copies that are made before the clock starts.
    fn transfer(&self, round: u32, count: usize) -> f64 {
        let (mut sender, receiver) = (self.sender.clone(), self.receiver.clone());
        let now_ns = 2_000_000_000_000_000_000 + i64::from(round) * 60_000_000_000;
        for number in changed(count) {
            let path = [&self.path("")[..], path_in(number).as_bytes()].concat();
            sender.write(path, content(number, round + 1), 0o644, now_ns).expect("it is there");
        }
        let args = bytes(&[&OPTIONS[..], &["source/", "of-the-model"]].concat());
        let before = cpu_seconds();
        let job = Job::parse(&args).expect("the documented options");
        let run = LocalRun {
            client_disk: sender,
            server_disk: receiver,
            working_folder: self.folder.as_os_str().as_bytes().to_vec(),
            umask: 0o022,
            now_ns,
            seed: u64::from(round),
            interruption: None,
        };
        let ended = run_local(run, &job);
        let took = cpu_seconds() - before;
        assert_eq!((ended.outcome.exit_code, ended.outcome.transferred.len()), (0, count));
        took
    }

    fn path(&self, name: &str) -> Vec<u8> {
        [self.folder.as_os_str().as_bytes(), b"/", name.as_bytes()].concat()
    }
}

fn path_in(number: usize) -> String {
    format!("source/folder-{}/api-{number}.xml", number / FILES_A_FOLDER)
}

/// Every so many files one, all over the tree.
fn changed(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |nth| nth * FILES / count + nth % 10)
}

fn content(number: usize, revision: u32) -> Vec<u8> {
    let line = format!("<api name=\"api-{number}\" revision=\"{revision}\"/>\n");
    line.bytes().cycle().take(FILE_BYTES).collect()
}

fn bytes(args: &[&str]) -> Vec<Vec<u8>> {
    args.iter().map(|arg| arg.as_bytes().to_vec()).collect()
}

/// CPU time of this thread, which is where the model runs.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says it");
    let nanos: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("its first number");
    nanos as f64 / 1e9
}

/// CPU time, user's and system's, of all children that have ended, with theirs. It counts in hundredths of a
/// second, but of the sum, so that a mean of many runs is exact.
fn cpu_seconds_of_children() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").expect("Linux says it");
    // The name in brackets may hold spaces; behind it the third field is first.
    let fields: Vec<&str> = text.rsplit(')').next().expect("one at least").split_whitespace().collect();
    let ticks = |field: usize| fields[field - 3].parse::<f64>().expect("a number");
    (ticks(16) + ticks(17)) / rustix::param::clock_ticks_per_second() as f64
}
