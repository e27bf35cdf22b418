//! A case's files on the real disk: made, and looked at afterwards.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

use super::case::{Entry, Node};

const SECOND_NS: i64 = 1_000_000_000;

/// Makes the entries below `ground`.
///
/// # Errors
/// As the calls of the file system.
pub fn make(ground: &Path, entries: &[Entry]) -> io::Result<()> {
    for entry in entries {
        let at = place(ground, &entry.path);
        match &entry.node {
            Node::Folder => fs::create_dir(&at)?,
            Node::File(pieces) => fs::write(&at, Node::content(pieces))?,
            Node::Text(text) => fs::write(&at, text)?,
            Node::Symlink(target) => std::os::unix::fs::symlink(OsStr::from_bytes(target), &at)?,
            Node::Pipe => mknodat(CWD, &at, FileType::Fifo, Mode::from_raw_mode(entry.mode), 0)?,
        }
    }
    // Modes that forbid writing, and the times of folders, after what is in them.
    for entry in entries.iter().rev() {
        let at = place(ground, &entry.path);
        if entry.owner != 0 && rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(&at, Some(entry.owner), Some(entry.owner))?;
        }
        if !matches!(entry.node, Node::Symlink(_)) {
            fs::set_permissions(&at, fs::Permissions::from_mode(entry.mode))?;
        }
        let time = Timespec {
            tv_sec: entry.mtime_ns.div_euclid(SECOND_NS),
            tv_nsec: entry.mtime_ns.rem_euclid(SECOND_NS),
        };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, &at, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

/// All that stands below `ground`, a line each: kind, mode, owner, time, content or target, and with which other
/// name it shares an inode. Times since `began_ns` are `now`; random parts of temporary names are `XXXXXX`.
pub fn look(ground: &Path, began_ns: i64) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    gather(ground, &mut found);
    let mut first_names: BTreeMap<u64, String> = BTreeMap::new();
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    found.sort();
    for path in found {
        let stat = fs::symlink_metadata(&path).expect("it was listed a moment ago");
        let kind = stat.file_type();
        let name = path.strip_prefix(ground).expect("it lies below").as_os_str().as_bytes();
        let name = without_random_part(name).escape_ascii().to_string();
        let what = if kind.is_dir() {
            "d".to_owned()
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).expect("a link can be read");
            format!("l -> {}", target.as_os_str().as_bytes().escape_ascii())
        } else if kind.is_file() {
            let content = fs::read(&path).expect("a file can be read");
            let digest = content
                .iter()
                .fold(0u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
            format!("f {} bytes {digest:016x}", content.len())
        } else if kind.is_fifo() {
            "p".to_owned()
        } else {
            "?".to_owned()
        };
        let mtime_ns = stat.mtime() * SECOND_NS + stat.mtime_nsec();
        let time = if mtime_ns >= began_ns { "now".to_owned() } else { format!("{mtime_ns}") };
        let same = if stat.nlink() > 1 && !kind.is_dir() {
            format!(" same as {}", first_names.entry(stat.ino()).or_insert_with(|| name.clone()))
        } else {
            String::new()
        };
        let (mode, owner) = (stat.mode() & 0o7777, format!("{}:{}", stat.uid(), stat.gid()));
        let mode = if kind.is_symlink() { String::new() } else { format!("{mode:o}") };
        let mut line = format!("{what} {mode} {owner} {time}{same}");
        // Two left-over files can have the same name but for the random part.
        if let Some(other) = shown.get(&name) {
            let mut both = [other.clone(), line];
            both.sort();
            line = both.join(" | ");
        }
        shown.insert(name, line);
    }
    shown
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            gather(&path, found);
        }
        found.push(path);
    }
}

/// `.NAME.aB3xY9` as `.NAME.XXXXXX`, in every part of a path.
pub fn without_random_part(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|&byte| byte == b'/').map(|part| {
        let from = part.len().saturating_sub(7);
        let (before, tail) = part.split_at(from);
        let is_random = !before.is_empty()
            && part.starts_with(b".")
            && tail[0] == b'.'
            && tail[1..].iter().all(u8::is_ascii_alphanumeric);
        if is_random { [before, b".XXXXXX"].concat() } else { part.to_vec() }
    });
    parts.collect::<Vec<_>>().join(&b'/')
}

fn place(ground: &Path, path: &[u8]) -> PathBuf {
    ground.join(OsStr::from_bytes(path))
}
