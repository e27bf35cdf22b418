//! Transfers that a signal ends at file k: what is left, and under which names, after the real rsync and after the
//! model.
//!
//! File k is large and `--bwlimit` makes it last; the others are small. The real one is signalled once a part of
//! file k has appeared in the destination: SIGTERM goes to the process that was started, as `kill PID` sends it,
//! SIGKILL to all three at once. The model stops after the small files and one byte of file k
//! (`--kill-after-bytes`), and once more as soon as k files have come (`--kill-after-file`), when nothing of file k
//! can be there: then file k is left out of the comparison. How much of it came is a matter of time: a beginning of
//! it counts as `part`. What was printed is not compared.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use sim::rsync::command::{Hosts, run_with_hosts};

use super::case::{Case, Entry, Node};
use super::run::{arguments, ground, now_ns};
use super::{parts, tree};

/// Options under which a transfer is interrupted.
pub const OPTIONS: [&str; 9] = [
    "--whole-file",
    "--partial",
    "--partial-dir=.part",
    "--inplace",
    "--delay-updates",
    "--delete",
    "--backup",
    "--temp-dir=/GROUND/tmp",
    "--no-whole-file",
];
/// Bytes of the file at which it is interrupted.
const LARGE_BYTES: u32 = 600_000;
const SMALL_BYTES: u32 = 100;
/// An old part of the large file, which begins otherwise. rsync writes 256 KiB at a time.
const PART_BYTES: u32 = 400_000;
const PART_NUMBER: u32 = 9;
/// Files of which one is the large one.
pub const FILES: usize = 4;
/// Folders of the destination in which parts may lie.
const PART_FOLDERS: [&str; 2] = ["dst/.part", "dst/.~tmp~"];
/// How often it is looked whether the part has come, and how often at most.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: usize = 2_000;

/// What a transfer left: how it ended, and the tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    code: i32,
    tree: Vec<String>,
}

/// The case in which file `k` is the large one; of it an old part may lie in a folder.
pub fn case(option: &str, k: usize, part_in: Option<&str>) -> Case {
    let entry = Entry::plain;
    let mut entries =
        vec![entry("src", Node::Folder), entry("dst", Node::Folder), entry("tmp", Node::Folder)];
    for number in 0..FILES {
        let bytes = if number == k { LARGE_BYTES } else { SMALL_BYTES };
        entries.push(entry(&format!("src/{number}"), Node::File(vec![(bytes, number as u32 + 1)])));
        // Older ones stand there already, but for the first.
        if number > 0 && option != "--inplace" {
            entries.push(entry(&format!("dst/{number}"), Node::File(vec![(50, 9)])));
        }
    }
    if let Some(folder) = part_in {
        entries.extend(parts::old(folder, &k.to_string(), vec![(PART_BYTES, PART_NUMBER)]));
    }
    entries.push(entry("dst/surplus", Node::File(vec![(5, 9)])));
    entries.push(entry("src/folder", Node::Folder));
    entries.push(entry("src/folder/last", Node::File(vec![(SMALL_BYTES, 8)])));
    let args = ["-a", option, "src/", "dst/"].map(|arg| arg.as_bytes().to_vec()).to_vec();
    Case { title: format!("{option} file {k}"), args, entries }
}

/// What the real one leaves.
///
/// # Errors
/// When it cannot be started or signalled, or file `k` never begins to come.
pub fn real(case: &Case, k: usize, kills: bool) -> io::Result<Left> {
    let (_folder, ground) = ground(case)?;
    let began_ns = now_ns();
    let mut child = Command::new("rsync")
        .arg("--bwlimit=300k")
        .args(arguments(case, &ground).iter().map(|arg| std::ffi::OsStr::from_bytes(arg)))
        .current_dir(&ground)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let pid = Pid::from_child(&child);
    let began = (0..LOOKS_MAX).any(|_| {
        pause();
        has_begun(&ground, case, k)
    });
    if !began {
        let _ = kill_process_group(pid, Signal::KILL);
        child.wait()?;
        return Err(io::Error::other("the large file never began to come"));
    }
    if kills { kill_process_group(pid, Signal::KILL) } else { kill_process(pid, Signal::TERM) }?;
    let status = child.wait()?;
    // The other processes of the run end a little later.
    for _ in 0..LOOKS_MAX {
        if test_kill_process_group(pid).is_err() {
            break;
        }
        pause();
    }
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(Left { code, tree: left(&ground, began_ns, case, k) })
}

/// What ends the model's transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The small files before file k, and a byte of it.
    Bytes,
    /// The files before file k.
    Files,
}

/// What the model leaves.
///
/// # Errors
/// When the case's files cannot be made.
pub fn model(case: &Case, k: usize, kills: bool, after: After) -> io::Result<Left> {
    let (_folder, ground) = ground(case)?;
    let began_ns = now_ns();
    let after = match after {
        After::Bytes => format!("--kill-after-bytes={}", k as u32 * SMALL_BYTES + 1),
        After::Files => format!("--kill-after-file={k}"),
    };
    let signal = if kills { "KILL" } else { "TERM" };
    let mut args = vec![after.into_bytes(), format!("--kill-signal={signal}").into_bytes()];
    args.extend(arguments(case, &ground));
    let ran = run_with_hosts(&ground, &args, Hosts::Refused);
    Ok(Left { code: i32::from(ran.exit_code), tree: left(&ground, began_ns, case, k) })
}

impl Left {
    /// Without file k of the destination, whatever its name, and the folder in which parts are kept.
    pub fn without_file(mut self, k: usize) -> Left {
        let (name, temporary, alone) = (k.to_string(), format!(".{k}.XXXXXX"), format!("{k}.XXXXXX"));
        self.tree.retain(|line| {
            let path = line.split(": ").next().unwrap_or_default();
            let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
            let is_file_k = [name.as_str(), &temporary, &alone, &format!("{k}~")].contains(&last);
            folder.starts_with("src") || !(is_file_k || last == ".part")
        });
        self
    }
}

/// Whether some of the file has come, under its own name or a temporary one, or over its old part.
fn has_begun(ground: &Path, case: &Case, k: usize) -> bool {
    let (name, whole) = (k.to_string(), content(case, k));
    let over_part = |folder: &str| {
        let found = fs::read(ground.join(folder).join(&name));
        found.is_ok_and(|found| is_begun(&found, &whole))
    };
    if PART_FOLDERS.into_iter().any(over_part) {
        return true;
    }
    let is_part = |folder: &str| {
        let entries = fs::read_dir(ground.join(folder)).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let found = entry.file_name();
            let found = found.to_string_lossy();
            let named = found == name || found.trim_start_matches('.').starts_with(&format!("{name}."));
            named && entry.metadata().is_ok_and(|data| data.len() > u64::from(SMALL_BYTES))
        })
    };
    is_part("dst") || is_part("tmp")
}

/// What file `k` is to hold.
fn content(case: &Case, k: usize) -> Vec<u8> {
    let source = format!("src/{k}");
    let whole = case.entries.iter().find(|entry| entry.path == source.as_bytes());
    match whole.map(|entry| &entry.node) {
        Some(Node::File(pieces)) => Node::content(pieces),
        _ => Vec::new(),
    }
}

/// Whether this is a beginning of the file, or the old part with one written over its own.
fn is_begun(found: &[u8], whole: &[u8]) -> bool {
    let old = Node::content(&[(PART_BYTES, PART_NUMBER)]);
    let same = found.iter().zip(whole).take_while(|(found, whole)| found == whole).count();
    same == found.len() || (same > 0 && found.len() == old.len() && found[same..] == old[same..])
}

/// The tree in lines, a part of the large file shown as such.
fn left(ground: &Path, began_ns: i64, case: &Case, k: usize) -> Vec<String> {
    let whole = content(case, k);
    for folder in ["dst", "tmp"].into_iter().chain(PART_FOLDERS) {
        for entry in fs::read_dir(ground.join(folder)).into_iter().flatten().flatten() {
            let Ok(content) = fs::read(entry.path()) else { continue };
            let shown = content.len() < whole.len() && is_begun(&content, &whole);
            if shown && let Ok(data) = entry.metadata() {
                // Cut to one length, its time kept.
                let time = data.modified();
                let cut = fs::File::options().write(true).open(entry.path()).and_then(|file| {
                    file.set_len(0)?;
                    time.map(|time| file.set_modified(time))?
                });
                cut.expect("a file of this test can be changed");
            }
        }
    }
    let shown = tree::look(ground, began_ns).into_iter().map(|(name, what)| {
        // In a folder of their own temporary names have no dot before them.
        let is_temporary = name.starts_with("tmp/") && name.len() > 6;
        let name = if is_temporary { format!("{}XXXXXX", &name[..name.len() - 6]) } else { name };
        format!("{name}: {what}")
    });
    shown.collect()
}

#[expect(clippy::disallowed_methods, reason = "the real rsync takes real time")]
fn pause() {
    std::thread::sleep(LOOK_EVERY);
}
