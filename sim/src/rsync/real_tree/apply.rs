//! A simulated disk's changes made real.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, makedev, mknodat, utimensat};

use super::{SECOND_NS, mtime_ns, real};
use crate::disk::{Disk, Ino, Kind, Stat};
use crate::rsync::paths::{join, split};

/// Makes the difference between two disks real. The run that made it began at `began_ns`: a folder's time since then is
/// what any change in it gives it, and is left to that where it may not be set.
///
/// # Errors
/// The first thing that could not be done, with its path. What was done until then stays.
pub(in crate::rsync) fn apply(
    before: &Disk,
    after: &Disk,
    began_ns: i64,
) -> Result<(), (PathBuf, io::Error)> {
    let (old, new) = (tree(before), tree(after));
    // Folders whose times change with what is done in them.
    let mut touched: BTreeSet<&[u8]> = BTreeSet::new();
    lift_modes(&old, &new, |path| same_content(before, after, path));
    let mut links: BTreeMap<Ino, Vec<u8>> = BTreeMap::new();
    for (path, stat) in &old {
        if new.get(path).is_some_and(|now| now.ino == stat.ino) && stat.kind != Kind::Folder {
            links.insert(stat.ino, path.clone());
        }
    }
    let kept = Kept::of(&old, &new);
    for (ino, folder, at) in &kept.0 {
        links.insert(*ino, at.clone());
        touched.insert(folder);
    }
    // What goes away or changes its kind, from the bottom up.
    for (path, stat) in old.iter().rev() {
        let stays =
            new.get(path).is_some_and(|now| (now.kind == Kind::Folder) == (stat.kind == Kind::Folder));
        if !stays {
            touched.insert(split(path).0);
            let path = real(path);
            let removed =
                if stat.kind == Kind::Folder { fs::remove_dir(path) } else { fs::remove_file(path) };
            removed.map_err(|error| (path.to_owned(), error))?;
        }
    }
    for (path, stat) in &new {
        let fail = |error| (real(path).to_owned(), error);
        let same = old.get(path).filter(|was| was.ino == stat.ino);
        match stat.kind {
            Kind::Folder => {
                if old.get(path).is_none_or(|was| was.kind != Kind::Folder) {
                    touched.insert(split(path).0);
                    fs::create_dir(real(path)).map_err(fail)?;
                }
            }
            _ if same.is_some() && same_content(before, after, path) => {
                // What was only looked at may stand there in outline.
                if same.is_some_and(|was| attributes(was) == attributes(stat)) {
                    continue;
                }
            }
            _ => {
                touched.insert(split(path).0);
                let source = links.get(&stat.ino).filter(|at| *at != path);
                put(after, path, stat, source).map_err(fail)?;
            }
        }
        if stat.kind != Kind::Folder {
            links.entry(stat.ino).or_insert_with(|| path.clone());
            set_attributes(path, stat, same).map_err(fail)?;
        }
    }
    drop(kept);
    for (path, stat) in new.iter().rev().filter(|(_, stat)| stat.kind == Kind::Folder) {
        let is_new =
            old.get(path).is_none_or(|was| was.kind != Kind::Folder || attributes(was) != attributes(stat));
        if !is_new && !touched.contains(&path[..]) {
            continue;
        }
        match set_attributes(path, stat, None) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && stat.mtime_ns >= began_ns => {}
            result => result.map_err(|error| (real(path).to_owned(), error))?,
        }
    }
    Ok(())
}

/// Names that renamed files have for as long as this takes: their content could not be read, so that their new names
/// must be links to the file itself.
struct Kept<'a>(Vec<(Ino, &'a [u8], Vec<u8>)>);

impl<'a> Kept<'a> {
    fn of(old: &'a BTreeMap<Vec<u8>, Stat>, new: &BTreeMap<Vec<u8>, Stat>) -> Self {
        let is_folder = |path: &[u8]| new.get(path).is_some_and(|stat| stat.kind == Kind::Folder);
        let mut kept = Vec::new();
        for (path, stat) in old.iter().filter(|(_, stat)| stat.kind == Kind::File) {
            let is_gone = new.get(path).is_none_or(|now| now.ino != stat.ino);
            if !is_gone || fs::File::open(real(path)).is_ok() || new.values().all(|now| now.ino != stat.ino) {
                continue;
            }
            // In a folder that stays.
            let (mut folder, name) = split(path);
            while !is_folder(folder) && folder != b"/" {
                folder = split(folder).0;
            }
            let at = temporary(folder, &[b".", name].concat());
            if fs::hard_link(real(path), real(&at)).is_ok() {
                kept.push((stat.ino, folder, at));
            }
        }
        Self(kept)
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        for (_, _, at) in &self.0 {
            let _ = fs::remove_file(real(at));
        }
    }
}

/// Lets the owner write into the folders in which something changes: rsync may have done so for a time, too, and a file
/// that was written in its place is put there anew. Their own modes come back with the other attributes.
fn lift_modes(
    old: &BTreeMap<Vec<u8>, Stat>,
    new: &BTreeMap<Vec<u8>, Stat>,
    has_same_content: impl Fn(&[u8]) -> bool,
) {
    const OWNER: u32 = 0o700;
    let changed = |path: &&Vec<u8>| {
        old.get(*path).map(|stat| stat.ino) != new.get(*path).map(|stat| stat.ino) || !has_same_content(path)
    };
    for path in old.keys().chain(new.keys()).filter(changed) {
        let folder = split(path).0;
        if let Some(stat) = old.get(folder)
            && stat.kind == Kind::Folder
            && stat.mode & OWNER != OWNER
        {
            // Who may not do this will be told what they may not do either.
            let _ = fs::set_permissions(real(folder), fs::Permissions::from_mode(stat.mode | OWNER));
        }
    }
}

fn tree(disk: &Disk) -> BTreeMap<Vec<u8>, Stat> {
    disk.walk(b"/").unwrap_or_default().into_iter().map(|(path, stat)| (path.to_vec(), stat)).collect()
}

fn same_content(before: &Disk, after: &Disk, path: &[u8]) -> bool {
    match (before.read_unchecked(path), after.read_unchecked(path)) {
        (Some(was), Some(is)) => was.as_ptr() == is.as_ptr() && was.len() == is.len() || was == is,
        (None, None) => true,
        _ => false,
    }
}

/// A name that nothing else has.
fn temporary(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let name = &name[..name.len().min(240)];
    join(folder, &[b".", name, format!(".sim{}", std::process::id()).as_bytes()].concat())
}

/// Makes one entry under a temporary name and renames it to its own.
fn put(disk: &Disk, path: &[u8], stat: &Stat, link_to: Option<&Vec<u8>>) -> io::Result<()> {
    let (folder, name) = split(path);
    let temporary = temporary(folder, name);
    let at = real(&temporary);
    let mode = Mode::from_raw_mode(stat.mode);
    let special = |kind, device| mknodat(CWD, at, kind, mode, device).map_err(io::Error::from);
    let made = match (link_to, stat.kind) {
        (Some(existing), _) => fs::hard_link(real(existing), at),
        (None, Kind::Symlink) => {
            disk.read_link(path).and_then(|target| std::os::unix::fs::symlink(OsStr::from_bytes(&target), at))
        }
        (None, Kind::Fifo) => special(FileType::Fifo, 0),
        (None, Kind::Socket) => special(FileType::Socket, 0),
        (None, Kind::CharDevice(major, minor)) => special(FileType::CharacterDevice, makedev(major, minor)),
        (None, Kind::BlockDevice(major, minor)) => special(FileType::BlockDevice, makedev(major, minor)),
        (None, Kind::File | Kind::Folder) => {
            fs::write(at, disk.read_unchecked(path).expect("a regular file has content"))
        }
    };
    made.and_then(|()| fs::rename(at, real(path))).inspect_err(|_| {
        let _ = fs::remove_file(at);
    })
}

fn set_attributes(path: &[u8], stat: &Stat, known: Option<&Stat>) -> io::Result<()> {
    let at = real(path);
    let found = fs::symlink_metadata(at)?;
    if stat.kind == Kind::Folder && found.is_symlink() {
        // A link on the way to the destination stands for the folder that it leads to, and keeps its own.
        let folder = fs::canonicalize(at)?.into_os_string().into_vec();
        return set_attributes(&folder, stat, known);
    }
    if known.is_some_and(|known| attributes(known) == attributes(stat)) && mtime_ns(&found) == stat.mtime_ns {
        return Ok(());
    }
    if (found.uid(), found.gid()) != (stat.uid, stat.gid) {
        // It takes setuid and setgid away.
        std::os::unix::fs::lchown(at, Some(stat.uid), Some(stat.gid))?;
    }
    let found = fs::symlink_metadata(at)?;
    if stat.kind != Kind::Symlink && found.mode() & 0o7777 != stat.mode {
        fs::set_permissions(at, fs::Permissions::from_mode(stat.mode))?;
    }
    if mtime_ns(&found) != stat.mtime_ns {
        let omit = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
        let (tv_sec, tv_nsec) = (stat.mtime_ns.div_euclid(SECOND_NS), stat.mtime_ns.rem_euclid(SECOND_NS));
        let times = Timestamps { last_access: omit, last_modification: Timespec { tv_sec, tv_nsec } };
        utimensat(CWD, at, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

fn attributes(stat: &Stat) -> (u32, u32, u32, i64) {
    (stat.mode, stat.uid, stat.gid, stat.mtime_ns)
}
