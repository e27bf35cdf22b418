//! A case run by the real rsync and by the model, and what each of them did.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use sim::rsync::Stream;
use sim::rsync::command::{Hosts, run_with_hosts};
use tempfile::TempDir;

use super::case::Case;
use super::tree;
use super::words;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The exit code; 128 and the signal's number for one that a signal ended.
    pub code: i32,
    /// Lines of `-i` and `-v` about entries, in order, with those about deletions unless it pulls.
    pub items: Vec<String>,
    /// Other lines on standard output: messages, statistics.
    pub messages: Vec<String>,
    /// Lines on standard error.
    pub errors: Vec<String>,
    /// What stands on the disk afterwards.
    pub tree: BTreeMap<String, String>,
}

/// What came of the model.
pub enum Modelled {
    Seen(Seen),
    /// It refused an option that rsync knows.
    Refused(String),
}

/// Whether rsync is installed, and the first line of what it says of itself.
pub fn version() -> Option<String> {
    let output =
        Command::new("rsync").arg("--version").output().ok().filter(|output| output.status.success())?;
    Some(
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .next()?
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// Runs the real one on a copy of its own.
///
/// # Errors
/// When the case's files cannot be made, or rsync not be started.
pub fn real(case: &Case) -> io::Result<Seen> {
    real_under(case, |_| Vec::new())
}

/// As [`real`], started by the words that `wrapper` gives for the folder in which it runs.
///
/// # Errors
/// As [`real`].
pub fn real_under(case: &Case, wrapper: impl Fn(&Path) -> Vec<String>) -> io::Result<Seen> {
    let (_folder, ground) = ground(case)?;
    let began_ns = now_ns();
    let output = Command::new("timeout")
        .args(["-s", "KILL", "60"])
        .args(wrapper(&ground))
        .arg("rsync")
        .args(arguments(case, &ground).iter().map(|arg| OsStr::from_bytes(arg)))
        .current_dir(&ground)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    let lines = |bytes: &[u8]| bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    Ok(seen(case, &ground, began_ns, code, &lines(&output.stdout), &lines(&output.stderr)))
}

/// Runs the model on a copy of its own.
///
/// # Errors
/// When the case's files cannot be made.
pub fn model(case: &Case) -> io::Result<Modelled> {
    model_with(case, &[])
}

/// As [`model`], with options of the model's own.
///
/// # Errors
/// As [`model`].
pub fn model_with(case: &Case, own: &[&str]) -> io::Result<Modelled> {
    let (_folder, ground) = ground(case)?;
    let began_ns = now_ns();
    let mut args: Vec<Vec<u8>> = own.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    args.extend(arguments(case, &ground));
    let ran = run_with_hosts(&ground, &args, Hosts::AllHere);
    let lines = |stream| {
        let of = ran.lines.iter().filter(|line| line.stream == stream);
        of.map(|line| line.text.clone()).collect::<Vec<_>>()
    };
    let errors = lines(Stream::Err);
    if let Some(said) = errors.iter().find(|line| line.starts_with(b"sim rsync: ")) {
        return Ok(Modelled::Refused(String::from_utf8_lossy(said).into_owned()));
    }
    Ok(Modelled::Seen(seen(case, &ground, began_ns, i32::from(ran.exit_code), &lines(Stream::Out), &errors)))
}

pub fn ground(case: &Case) -> io::Result<(TempDir, std::path::PathBuf)> {
    let folder = tempfile::Builder::new().prefix("rsync-fidelity-").tempdir()?;
    let ground = folder.path().join("ground");
    fs::create_dir(&ground)?;
    // What ssh does: the words after the host go to a shell, which begins in the user's home.
    let shell = folder.path().join("shell");
    fs::write(&shell, "#!/bin/sh\nwhile [ \"$1\" != host ]; do shift; done\nshift\neval \"$*\"\n")?;
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755))?;
    tree::make(&ground, &case.entries)?;
    Ok((folder, ground))
}

/// The case's arguments, `/GROUND` replaced by where it lies.
pub fn arguments(case: &Case, ground: &Path) -> Vec<Vec<u8>> {
    let (here, mark) = (ground.as_os_str().as_bytes(), b"/GROUND".as_slice());
    case.args.iter().map(|arg| words::replace(arg, mark, here)).collect()
}

fn seen(case: &Case, ground: &Path, began_ns: i64, code: i32, out: &[Vec<u8>], errors: &[Vec<u8>]) -> Seen {
    let sources = &case.args[..case.args.len().saturating_sub(1)];
    let pulls = sources.iter().any(|arg| arg.starts_with(b"host:"));
    let here = ground.as_os_str().as_bytes();
    let clean = |lines: &[Vec<u8>]| -> Vec<String> {
        lines.iter().filter_map(|line| words::cleaned(line, here)).collect()
    };
    let (out, mut errors) = (clean(out), clean(errors));
    // The whole usage is rsync's text; that it is printed is all that is compared.
    if errors.first().is_some_and(|line| line.starts_with("rsync  version")) {
        errors = vec!["(usage)".to_owned(), errors.pop().unwrap_or_default()];
    }
    // Who pulls prints deletions by another process than the rest, so that their order is a matter of time.
    let (messages, items): (Vec<String>, Vec<String>) =
        out.into_iter().partition(|line| words::is_message(line) && (pulls || !words::is_deletion(line)));
    let mut tree = tree::look(ground, began_ns);
    mask_backup_folders(&mut tree);
    Seen { code, items, messages, errors, tree }
}

/// A folder in which rsync made that of its backups gets its own time before or after that, as its processes race.
fn mask_backup_folders(tree: &mut BTreeMap<String, String>) {
    let folders: Vec<String> =
        tree.keys().filter_map(|name| name.strip_suffix("/bak")).map(str::to_owned).collect();
    for folder in folders {
        let shown = tree.get_mut(&folder).expect("a name stands in a folder");
        let without_time = shown.rsplit_once(' ').map(|(before, _)| before.to_owned());
        *shown = without_time.unwrap_or_default();
    }
}

/// The real time. What a run does without `-t` gets it, in the model, too.
#[expect(clippy::disallowed_types, reason = "the real rsync stamps files with the real time")]
pub fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // The kernel stamps files with a clock that lags by a tick.
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)) - 20_000_000
}
