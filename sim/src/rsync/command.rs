//! `sim rsync [OPTIONS] SRC... DEST`: the modelled rsync on real folders.
//!
//! The sources are read into one simulated disk and the destination into another, the transfer runs between two
//! simulated hosts, what rsync would print is printed, and what it would have changed is changed at DEST (and in
//! the folders of `--backup-dir` and `--temp-dir`), unless `-n`. The sources are only read.

mod own;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use bytes::Bytes;

use super::console::escaped;
use super::job::{Direction, Job};
use super::local::{LocalRun, run_local};
use super::options::Refusal;
use super::outcome::{Line, SYNTAX, Stream};
use super::paths::{absolute, join, split};
use super::real_tree::{apply, folders_behind_links, load, load_folder, load_through, plain, real, who_am_i};
use super::tree_limits::{Measured, check_apart};
use crate::disk::{Disk, User};

use own::Own;

/// What `sim rsync` takes besides rsync's own options.
pub const HELP: &str = "\
sim rsync [OPTIONS] SRC... DEST: runs the modelled rsync on local folders

OPTIONS are rsync's, and:
  --kill-after-file=K       SIGKILL every process when K files have come
  --kill-after-bytes=N      SIGKILL every process when N bytes of content were written
  --kill-signal=TERM|KILL   send this signal instead (default KILL)
  --source-io-error=PATH    reading this source file fails with an I/O error (may be repeated)";

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code: rsync's, 137 after SIGKILL, 64 for a wrong option of the model's own, 65 for folders that
    /// the model does not take on, 74 when the result could not be put into DEST.
    pub exit_code: u8,
    /// What is printed, in order.
    pub lines: Vec<Line>,
}

/// Runs the command in the present folder, prints, and gives the exit code.
pub fn run(args: &[OsString]) -> u8 {
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.clone().into_vec()).collect();
    if args.iter().any(|arg| arg == b"--help") {
        return match writeln!(io::stdout(), "{HELP}") {
            Ok(()) => 0,
            Err(_) => 74,
        };
    }
    let folder = match std::env::current_dir() {
        Ok(folder) => folder,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sim rsync: the present folder is gone: {error}");
            return 74;
        }
    };
    let ran = run_in(&folder, &args);
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    for line in &ran.lines {
        let text = [&line.text[..], b"\n"].concat();
        let written = match line.stream {
            Stream::Out => out.write_all(&text),
            Stream::Err => err.write_all(&text),
        };
        if written.is_err() {
            // Nobody listens any more; the work itself is done.
            break;
        }
    }
    ran.exit_code
}

/// What a path with a host before it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// It is refused: the command works on this machine alone.
    Refused,
    /// Every host is this machine, and its users begin in the folder of the command: what the fidelity tests
    /// need to see pushes and pulls.
    AllHere,
}

/// Runs the command in a folder, and gives what it would print.
pub fn run_in(folder: &Path, args: &[Vec<u8>]) -> Ran {
    run_with_hosts(folder, args, Hosts::Refused)
}

/// As [`run_in`], for paths that name hosts.
pub fn run_with_hosts(folder: &Path, args: &[Vec<u8>], hosts: Hosts) -> Ran {
    let said = |exit_code, text: String| Ran {
        exit_code,
        lines: text
            .lines()
            .map(|line| Line { stream: Stream::Err, text: line.as_bytes().to_vec() })
            .collect(),
    };
    let (own, args) = match Own::take(args) {
        Ok(both) => both,
        Err(wrong) => return said(64, format!("sim rsync: {wrong}\n{HELP}")),
    };
    let working_folder = folder.as_os_str().to_owned().into_vec();
    // Files that the options name, and those that these name, are read once more in the run.
    let named = RefCell::new(Vec::new());
    let read = |path: &[u8]| {
        named.borrow_mut().push(path.to_vec());
        std::fs::read(real(&absolute(&working_folder, path))).map(Bytes::from)
    };
    let mut job = match Job::parse_with(&args, read) {
        Ok(job) => job,
        Err(Refusal::Rsync { lines, code }) => {
            let shown = |line: &String| String::from_utf8_lossy(&escaped(line.as_bytes())).into_owned();
            return said(code, lines.iter().map(shown).collect::<Vec<_>>().join("\n"));
        }
        Err(Refusal::Says { lines }) => {
            let line = |line: String| Line { stream: Stream::Out, text: line.into_bytes() };
            return Ran { exit_code: 0, lines: lines.into_iter().map(line).collect() };
        }
        Err(refusal) => return said(SYNTAX, format!("sim rsync: {refusal}")),
    };
    if job.direction != Direction::Local && hosts == Hosts::Refused {
        return said(
            SYNTAX,
            "sim rsync: works on local folders only; a cluster's scenario syncs hosts".to_owned(),
        );
    }
    if job.client_sends() {
        job.destination = job.as_it_arrives(&job.destination);
    } else {
        job.sources = job.sources.iter().map(|path| job.as_it_arrives(path)).collect();
    }
    let (user, umask) = who_am_i();
    let here = |path: &[u8]| absolute(&working_folder, path);
    let options = &job.options;

    let mut measured = Measured::default();
    for path in job.sources.iter().chain([&job.destination]) {
        if let Err(why) = measured.add(&here(path)) {
            return said(65, format!("sim rsync: {why}"));
        }
    }
    for source in &job.sources {
        if let Err(why) = check_apart(&here(source), &here(&job.destination)) {
            return said(65, format!("sim rsync: {why}"));
        }
    }

    let mut source_disk = Disk::default();
    for source in &job.sources {
        match options.files_from {
            // That the names stand below it is taken for granted, be it a link.
            Some(_) => load_through(&mut source_disk, &here(source)),
            None => load(&mut source_disk, &here(source), source.ends_with(b"/")),
        }
    }
    let pulls = !job.client_sends();
    let mut target_disk = Disk::default();
    for path in named.borrow().iter().chain(&options.files_from) {
        load(if pulls { &mut target_disk } else { &mut source_disk }, &here(path), true);
    }
    source_disk.sync();
    for path in &own.source_io_errors {
        if let Err(error) = source_disk.inject_io_error(here(path), true) {
            let shown = String::from_utf8_lossy(path);
            return said(64, format!("sim rsync: --source-io-error={shown}: {error}"));
        }
    }
    source_disk.set_user(user);

    let destination = here(&job.destination);
    load_through(&mut target_disk, &destination);
    // A destination that is one file's name leaves rsync in the folder above it.
    let mut bases = vec![destination.clone()];
    if !std::fs::metadata(real(&destination)).is_ok_and(|found| found.is_dir()) {
        bases.push(split(&plain(&destination)).0.to_vec());
        if options.backup {
            let backup = [&plain(&destination), options.backup_suffix()].concat();
            load(&mut target_disk, &backup, false);
        }
    }
    for base in &bases {
        if let Some(dir) = &options.temp_dir {
            load_folder(&mut target_disk, &absolute(base, dir));
        }
        let dirs = [(&options.backup_dir, false), (&options.partial_dir, true)];
        let dirs = dirs.into_iter().filter_map(|(dir, replaces_link)| Some((dir.as_ref()?, replaces_link)));
        for (dir, replaces_link) in dirs.chain(options.alt_dests.iter().map(|dir| (dir, false))) {
            let place = absolute(base, dir);
            let is_read = target_disk.exists(plain(&place));
            if let (false, Err(why)) = (is_read, measured.add(&place)) {
                return said(65, format!("sim rsync: {why}"));
            }
            match replaces_link {
                true => load_through(&mut target_disk, &place),
                false => load(&mut target_disk, &place, true),
            }
        }
    }
    if options.leaves_links() {
        // rsync only looks at what such links lead to, and goes no further.
        for folder in folders_behind_links(&destination) {
            if measured.add(&folder).is_ok() {
                load(&mut target_disk, &folder, true);
            }
        }
    }
    let can_miss = options.cvs_exclude || !options.rules.is_empty() || !options.alt_dests.is_empty();
    let began_ns = now_ns();
    let (ended, mut before) = loop {
        target_disk.sync();
        target_disk.set_user(user);
        let source = if can_miss { source_disk.clone() } else { std::mem::take(&mut source_disk) };
        let (client_disk, server_disk) =
            if pulls { (target_disk.clone(), source) } else { (source, target_disk.clone()) };
        let run = LocalRun {
            client_disk,
            server_disk,
            working_folder: working_folder.clone(),
            umask,
            now_ns: began_ns,
            seed: began_ns as u64,
            interruption: own.interruption,
        };
        let ended = run_local(run, &job);
        // Rules of folders, and what links in other folders lead to, may lie outside of what was read: then it is run once
        // more with them.
        if ended.missed.is_empty() {
            break (ended, target_disk);
        }
        // What is made real is the difference to the disk from which this run began, and to no other.
        let before = target_disk.clone();
        let found = [&mut source_disk, &mut target_disk].map(|disk| load_missed(disk, &ended.missed, user));
        if found == [false, false] {
            break (ended, before);
        }
    };
    let mut ran = Ran { exit_code: ended.outcome.exit_code, lines: ended.outcome.lines };
    let mut after = if pulls { ended.client_disk } else { ended.server_disk };
    if !options.dry_run {
        // What this user may no longer look at is to be made real, too.
        before.set_user(User::ROOT);
        after.set_user(User::ROOT);
        if let Err((at, error)) = apply(&before, &after, began_ns) {
            let text = format!("sim rsync: cannot put the result into {}: {error}", at.display());
            ran.lines.push(Line { stream: Stream::Err, text: text.into_bytes() });
            ran.exit_code = 74;
        }
    }
    ran
}

/// Loads the files that a run looked for in vain, where there are such; gives whether there were.
fn load_missed(disk: &mut Disk, missed: &BTreeSet<Vec<u8>>, user: User) -> bool {
    disk.set_user(User::ROOT);
    let mut found = false;
    for path in missed {
        // What a `..` leads away from need not be there.
        let path = &plain(path);
        if disk.exists(path) {
            continue;
        }
        load(disk, path, true);
        // A link on the way leads elsewhere.
        let (folder, name) = split(path);
        if let (false, Ok(folder)) = (disk.exists(path), std::fs::canonicalize(real(folder))) {
            load(disk, &join(&folder.into_os_string().into_vec(), name), false);
        }
        found |= disk.exists(path);
    }
    disk.sync();
    disk.set_user(user);
    found
}

/// The real time: what a real rsync would stamp new files with. Nothing else of a run depends on it.
#[allow(clippy::disallowed_types, reason = "the command works on real files, outside of any simulated run")]
fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
