//! Real folders as simulated disks, and a simulated disk's changes made real.
//!
//! The one place of the model that touches a real file system; it stays below the paths that it is given, and
//! never follows a symlink that lies below them.

mod apply;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use bytes::Bytes;

use super::paths::{absolute, join, split};
use crate::disk::{Disk, Kind, User};

pub(super) use apply::apply;

const SECOND_NS: i64 = 1_000_000_000;

/// A path of bytes as the standard library takes it.
pub(super) fn real(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// Who this process is, and which bits its files do not get; from /proc, so on Linux only.
pub(super) fn who_am_i() -> (User, u32) {
    let user = fs::metadata("/proc/self").map_or(User::ROOT, |own| User { uid: own.uid(), gid: own.gid() });
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let umask = umask.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()).unwrap_or(0o022);
    (user, umask)
}

/// Copies what stands at an absolute path into a disk, with everything below it and the folders above it. What
/// is not there is left out; what cannot be read stands there unreadable. With `follow`, a symlink at its end is
/// taken for the folder that it leads to.
pub fn load(disk: &mut Disk, path: &[u8], follow: bool) {
    load_turns(disk, path);
    let path = &plain(path)[..];
    if !load_above(disk, path) {
        return;
    }
    let found = if follow { fs::metadata(real(path)) } else { fs::symlink_metadata(real(path)) };
    if follow && found.is_err() {
        load_links(disk, path);
    }
    if let Ok(found) = found.or_else(|_| fs::symlink_metadata(real(path))) {
        load_entry(disk, path, &found);
    }
    // Names have just been added to the folders above it.
    for end in (1..path.len()).filter(|&at| path[at] == b'/') {
        let mut above = path[..end].to_vec();
        // A link has a time of its own.
        if disk.lstat(&above).is_ok_and(|stat| stat.kind == Kind::Symlink) {
            let Ok(folder) = fs::canonicalize(real(&above)) else { continue };
            above = folder.into_os_string().into_vec();
        }
        if let Ok(found) = fs::metadata(real(&above)) {
            let _ = disk.set_mtime(&above, mtime_ns(&found), 0);
        }
    }
}

/// As [`load`], but of a folder only that it is there: what it holds does not matter.
pub(super) fn load_folder(disk: &mut Disk, path: &[u8]) {
    match fs::metadata(real(&plain(path))) {
        Ok(found) if found.is_dir() => {
            load_turns(disk, path);
            load_above(disk, &join(&plain(path), b"-"));
        }
        _ => load(disk, path, true),
    }
}

/// Makes the folders that a `..` of a path leads out of, through which the way leads, and gives the root its device.
fn load_turns(disk: &mut Disk, path: &[u8]) {
    if let Ok(found) = fs::metadata("/") {
        set_device(disk, b"/", &found);
    }
    let ends = (1..path.len()).filter(|&at| path[at..].starts_with(b"/.."));
    for end in ends.filter(|&end| matches!(path.get(end + 3), None | Some(b'/'))) {
        let way = plain(&path[..end]);
        if load_above(disk, &way)
            && let Ok(found) = fs::metadata(real(&way))
            && found.is_dir()
        {
            load_above(disk, &join(&way, b"-"));
        }
    }
}

/// A folder stands on the file system on which it really does: what is made in it follows it there.
fn set_device(disk: &mut Disk, path: &[u8], found: &fs::Metadata) {
    let dev = found.dev() as u32;
    if disk.lstat(path).is_ok_and(|stat| stat.dev != dev) {
        let _ = disk.set_device(path, dev);
    }
}

/// Copies the links on the way from a link at the end of a path.
fn load_links(disk: &mut Disk, path: &[u8]) {
    const LINKS_MAX: usize = 40;
    let mut at = path.to_vec();
    for _ in 0..LINKS_MAX {
        if disk.lstat(&at).is_ok() || !load_above(disk, &at) {
            return;
        }
        let (Ok(target), Ok(found)) = (fs::read_link(real(&at)), fs::symlink_metadata(real(&at))) else {
            return;
        };
        let target = target.into_os_string().into_vec();
        load_entry(disk, &at, &found);
        at = plain(&absolute(split(&at).0, &target));
    }
}

/// Makes the folders above a path; false when there is something else on the way.
fn load_above(disk: &mut Disk, path: &[u8]) -> bool {
    let ends = (1..path.len()).filter(|&at| path[at] == b'/');
    for end in ends {
        let above = &path[..end];
        if disk.exists(above) {
            continue;
        }
        match fs::metadata(real(above)) {
            Ok(found) if found.is_dir() => {
                let _ = disk.create_dir(above, found.mode(), 0);
                set_device(disk, above, &found);
                let _ = disk.chown(above, User { uid: found.uid(), gid: found.gid() }, 0);
                // It has inherited nothing.
                let _ = disk.chmod(above, found.mode() & 0o7777, 0);
                let _ = disk.set_mtime(above, mtime_ns(&found), 0);
            }
            Ok(_) => {
                let _ = disk.write(above, Bytes::new(), 0o644, 0);
                return false;
            }
            Err(_) => {
                // A link that leads nowhere, or in a circle: the disk is to say which.
                load_links(disk, above);
                return false;
            }
        }
    }
    true
}

/// As [`load`] with what a symlink at the end of the path leads to, and the symlink itself.
pub(super) fn load_through(disk: &mut Disk, path: &[u8]) {
    load_turns(disk, path);
    let path = plain(path);
    let is_link = fs::symlink_metadata(real(&path)).is_ok_and(|found| found.is_symlink());
    let Ok(target) = fs::canonicalize(real(&path)).map(|target| target.into_os_string().into_vec()) else {
        load_links(disk, &path);
        return load(disk, &path, false);
    };
    if !is_link {
        return load(disk, &path, true);
    }
    load_links(disk, &path);
    load(disk, &target, true);
}

/// The folders outside of a folder to which links in it lead, each once.
pub(super) fn folders_behind_links(folder: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    let Ok(folder) = fs::canonicalize(real(folder)) else { return found };
    let mut waiting = vec![folder.clone()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                Ok(kind) if kind.is_symlink() => {
                    let Ok(target) = fs::canonicalize(entry.path()) else { continue };
                    if target.is_dir() && !target.starts_with(&folder) && !folder.starts_with(&target) {
                        found.insert(target.into_os_string().into_vec());
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// A path without slashes at its end and without `.`, and without `..` where no symlink stands before it.
pub(super) fn plain(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let whole = |parts: &[&[u8]]| [b"/".as_slice(), &parts.join(&b'/')].concat();
    for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
        let leads_away =
            |parts: &[&[u8]]| fs::symlink_metadata(real(&whole(parts))).is_ok_and(|at| at.is_symlink());
        if part == b".." && parts.last() != Some(&b"..".as_slice()) && !leads_away(&parts) {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    whole(&parts)
}

fn load_entry(disk: &mut Disk, path: &[u8], found: &fs::Metadata) {
    let kind = found.file_type();
    if disk.exists(path) && path != b"/" {
        // It stands there as a folder on the way to something else: its content may be missing.
        if kind.is_dir() {
            load_content(disk, path);
            let _ = disk.set_mtime(path, mtime_ns(found), 0);
        }
        return;
    }
    let (mode, rdev) = (found.mode() & 0o7777, found.rdev());
    let numbers = || (rustix::fs::major(rdev), rustix::fs::minor(rdev));
    let made = if kind.is_dir() {
        let made = if path == b"/" { Ok(()) } else { disk.create_dir(path, mode, 0) };
        set_device(disk, path, found);
        load_content(disk, path);
        made
    } else if kind.is_symlink() {
        let target = fs::read_link(real(path)).map(|target| target.into_os_string().into_vec());
        target.and_then(|target| disk.symlink(target, path, 0))
    } else if kind.is_file() {
        load_file(disk, path, found, mode)
    } else if kind.is_fifo() {
        disk.make_special(path, Kind::Fifo, mode, 0)
    } else if kind.is_socket() {
        disk.make_special(path, Kind::Socket, mode, 0)
    } else if kind.is_char_device() {
        let (major, minor) = numbers();
        disk.make_special(path, Kind::CharDevice(major, minor), mode, 0)
    } else {
        let (major, minor) = numbers();
        disk.make_special(path, Kind::BlockDevice(major, minor), mode, 0)
    };
    if made.is_ok() {
        let _ = disk.chown(path, User { uid: found.uid(), gid: found.gid() }, 0);
        if !kind.is_symlink() {
            let _ = disk.chmod(path, mode, 0);
        }
        let _ = disk.set_mtime(path, mtime_ns(found), 0);
    }
}

fn load_content(disk: &mut Disk, path: &[u8]) {
    let Ok(listed) = fs::read_dir(real(path)) else { return };
    for entry in listed.flatten() {
        if let Ok(found) = entry.metadata() {
            load_entry(disk, &join(path, entry.file_name().as_bytes()), &found);
        }
    }
}

fn load_file(disk: &mut Disk, path: &[u8], found: &fs::Metadata, mode: u32) -> io::Result<()> {
    // As much as it said that it holds, as rsync reads it: some files of /proc say 0 and never end.
    let read = |path: &[u8]| {
        let mut content = Vec::new();
        fs::File::open(real(path))?.take(found.len()).read_to_end(&mut content).map(|_| content)
    };
    match read(path) {
        Ok(content) => disk.write(path, content, mode, 0),
        Err(error) => {
            // Its size is known, its content is not; its mode will refuse a reader, another error must be told.
            let size = usize::try_from(found.len()).unwrap_or(0);
            disk.write(path, vec![0; size], mode, 0)?;
            if error.kind() != io::ErrorKind::PermissionDenied {
                disk.inject_io_error(path, true)?;
            }
            Ok(())
        }
    }
}

fn mtime_ns(found: &fs::Metadata) -> i64 {
    found.mtime().saturating_mul(SECOND_NS).saturating_add(found.mtime_nsec())
}
