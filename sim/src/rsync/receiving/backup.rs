//! Backups: what is replaced or deleted goes to another name, or into another folder.

use std::io;

use crate::disk::{Kind, Stat, User, errno};
use crate::rsync::env::Env;
use crate::rsync::paths::{has_turn, join, split};
use crate::rsync::stop::{Stop, show_errno};

use super::Receiving;
use super::pass::Pass;

/// Which of the two processes of the receiving half acts, as messages name it.
pub(super) type Role = &'static str;
pub(super) const GENERATOR: Role = "generator";
pub(super) const RECEIVER: Role = "receiver";

/// How a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Renamed, or there was nothing to keep.
    Moved,
    /// Copied, so that what it is a copy of is still there.
    Copied,
    /// Not at all: of its kind no copy is made.
    Nowhere,
}

/// A backup that failed with this error.
pub(super) type Failed = i32;

impl<E: Env> Receiving<'_, E> {
    /// Whether a name is itself a backup's, which is deleted rather than backed up.
    pub(super) fn is_backup(&self, name: &[u8]) -> bool {
        let suffix = self.options.backup_suffix();
        self.options.backup_dir.is_none() && name.len() > suffix.len() && name.ends_with(suffix)
    }

    /// Moves what stands at `path` (`name` in the list) to its backup, or copies it where it cannot be moved. Nothing
    /// there is no failure. A dry run says only where it would go, whatever stands there.
    pub(super) fn back_up(
        &self,
        name: &[u8],
        path: &[u8],
        role: Role,
        pass: &mut Pass,
    ) -> Result<Result<Kept, Failed>, Stop> {
        let Ok(stat) = self.env.read_disk(|disk| disk.lstat(path)) else { return Ok(Ok(Kept::Moved)) };
        if stat.kind == Kind::Folder {
            return Ok(Ok(Kept::Moved));
        }
        let to = self.backup_name(name, path);
        if self.options.dry_run {
            self.say_backed_up(name, &to);
            return Ok(Ok(Kept::Moved));
        }
        if let Err(error) = self.backup_folders(name, role) {
            return Ok(Err(error));
        }
        let links = role == RECEIVER && stat.kind == Kind::File;
        let mut moved = self.move_aside(path, &to, links);
        match moved.as_ref().err().and_then(io::Error::raw_os_error) {
            Some(errno::EISDIR | errno::EEXIST) if self.is_folder(&to) => {
                if !self.make_room_for_backup(&to, role, pass)? {
                    return Ok(Err(pass.errno));
                }
                moved = self.move_aside(path, &to, links);
            }
            Some(errno::EEXIST) => {
                if let Err(error) = self.env.write_disk(|disk, now| disk.remove_file(&to, now)) {
                    return Ok(Err(errno::number(&error)));
                }
                moved = self.move_aside(path, &to, links);
            }
            _ => {}
        }
        let kept = match moved {
            Ok(()) => {
                // Of two names of one file a rename takes none away.
                if stat.nlink > 1 && role == GENERATOR {
                    let _ = self.env.write_disk(|disk, now| disk.remove_file(path, now));
                }
                Ok(Kept::Moved)
            }
            Err(_) => self.copy_aside(name, path, &to, &stat, role),
        };
        if matches!(kept, Ok(Kept::Moved | Kept::Copied)) {
            self.say_backed_up(name, &to);
        }
        Ok(kept)
    }

    /// Gives a file the name of its backup: a second one, if it is to stand in its place until the new one comes.
    fn move_aside(&self, path: &[u8], to: &[u8], links: bool) -> io::Result<()> {
        self.env.write_disk(|disk, now| {
            let linked = links.then(|| disk.link(path, to, now));
            match linked {
                Some(Ok(())) => Ok(()),
                Some(Err(error)) if error.raw_os_error() == Some(errno::EEXIST) => Err(error),
                _ => disk.rename(path, to, now),
            }
        })
    }

    /// `--inplace`: a file that is about to be written over stays where it is, its backup is a copy. One that is made
    /// while the file is read as a base has a mode of its own at first.
    pub(super) fn copy_to_backup(&self, name: &[u8], path: &[u8], is_base: bool) -> Result<(), Failed> {
        let Ok(stat) = self.env.read_disk(|disk| disk.lstat(path)) else { return Ok(()) };
        self.backup_folders(name, GENERATOR)?;
        let to = self.backup_name(name, path);
        self.copy_file(path, &to, GENERATOR)?;
        if is_base {
            let _ = self.env.write_disk(|disk, now| disk.chmod(&to, 0o600, now));
        }
        if self.backs_up_above() {
            // A copy on a path that leads upwards is made, but not looked at again.
            self.cannot(GENERATOR, "stat", &to, &errno::error(errno::EINVAL));
        } else {
            self.copy_attributes(&to, &stat, GENERATOR);
        }
        self.say_backed_up(name, &to);
        Ok(())
    }

    /// The name of a backup as messages have it: absolute where `--backup-dir` is.
    pub(super) fn shown_backup<'b>(&self, to: &'b [u8]) -> &'b [u8] {
        let dir = self.options.backup_dir.as_deref();
        if dir.is_some_and(|dir| dir.starts_with(b"/")) { to } else { self.shown_below(to) }
    }

    /// The folder of `--backup-dir`, which is taken from the destination.
    fn backup_base(&self) -> Option<Vec<u8>> {
        let dir = self.options.backup_dir.as_ref()?;
        Some(if dir.starts_with(b"/") { dir.clone() } else { join(&self.destination.folder, dir) })
    }

    /// The name of the backup of `path` (`name` in the list).
    fn backup_name(&self, name: &[u8], path: &[u8]) -> Vec<u8> {
        let mut to = match self.backup_base() {
            Some(base) => join(&base, if self.destination.solo.is_some() { split(path).1 } else { name }),
            None => path.to_vec(),
        };
        to.extend_from_slice(self.options.backup_suffix());
        to
    }

    fn say_backed_up(&self, name: &[u8], to: &[u8]) {
        if self.options.output.verbose > 1 {
            let name = self.destination.solo.as_deref().map_or(name, |path| split(path).1);
            self.console.info([b"backed up ", name, b" to ", self.shown_backup(to)].concat());
        }
    }

    /// Copies what could not be renamed. Of a link or a special file a copy that cannot be made is no failure.
    fn copy_aside(
        &self,
        name: &[u8],
        path: &[u8],
        to: &[u8],
        stat: &Stat,
        role: Role,
    ) -> Result<Kept, Failed> {
        match stat.kind {
            Kind::File => {
                if let Err(error) = self.copy_file(path, to, role) {
                    let rest = [b" -> \"", self.shown_backup(to), b"\""].concat();
                    self.trouble_of(role, "keep_backup failed:", path, &rest, &errno::error(error));
                    return Err(error);
                }
            }
            Kind::Symlink if self.options.links => {
                let target = self.env.read_disk(|disk| disk.read_link(path)).unwrap_or_default();
                let made = self.env.write_disk(|disk, now| disk.symlink(&target, to, now));
                if let Err(error) = made {
                    let rest = [b" -> \"", &target[..], b"\""].concat();
                    self.trouble_of(role, "link", to, &rest, &error);
                }
            }
            Kind::CharDevice(..) | Kind::BlockDevice(..) | Kind::Fifo | Kind::Socket
                if self.copies_special(stat.kind) =>
            {
                let made = self.env.write_disk(|disk, now| disk.make_special(to, stat.kind, stat.mode, now));
                if let Err(error) = made {
                    self.cannot(role, "mknod", to, &error);
                }
            }
            _ => {
                self.console.info([b"make_bak: skipping non-regular file ", name].concat());
                return Ok(Kept::Nowhere);
            }
        }
        self.copy_attributes(to, stat, role);
        Ok(Kept::Copied)
    }

    fn copies_special(&self, kind: Kind) -> bool {
        match kind {
            Kind::Fifo | Kind::Socket => self.options.specials,
            _ => self.options.devices && self.is_root(),
        }
    }

    /// Copies a file; says why it could not.
    pub(super) fn copy_file(&self, path: &[u8], to: &[u8], role: Role) -> Result<(), Failed> {
        let failed = |call: &str, path: &[u8], error: &io::Error| {
            self.trouble_of(role, call, path, b"", error);
            errno::number(error)
        };
        let content =
            self.env.read_disk(|disk| disk.read(path)).map_err(|error| failed("open", path, &error))?;
        match self.env.write_disk(|disk, now| disk.remove_file(to, now)) {
            Err(error) if error.raw_os_error() != Some(errno::ENOENT) => {
                return Err(failed("unlink", to, &error));
            }
            _ => {}
        }
        let written = self.env.write_disk(|disk, now| {
            let mode = disk.lstat(path)?.mode & 0o700;
            disk.write(to, content, mode, now)
        });
        written.map_err(|error| failed("open", to, &error))
    }

    /// Gives a copy what is preserved of what it is a copy of, and its mode.
    fn copy_attributes(&self, to: &[u8], stat: &Stat, role: Role) {
        let there = match self.env.read_disk(|disk| disk.lstat(to)) {
            Ok(there) => there,
            Err(error) => return self.cannot(role, "stat", to, &error),
        };
        let is_link = stat.kind == Kind::Symlink;
        let keeps_time = self.options.times && !(is_link && self.options.omit_link_times);
        // On a path that leads upwards the times of links are not set.
        let leaves_time = is_link && keeps_time && self.backs_up_above();
        let (owner, keeps_time) = (self.owner_of_copy(stat, &there), keeps_time && !leaves_time);
        let _ = self.env.write_disk(|disk, now| {
            if let Some(owner) = owner {
                disk.chown(to, owner, now)?;
            }
            if !is_link {
                disk.chmod(to, stat.mode, now)?;
            }
            if keeps_time { disk.set_mtime(to, stat.mtime_ns, now) } else { Ok(()) }
        });
        if leaves_time {
            self.trouble_of(role, "failed to set times on", to, b"", &errno::error(errno::EINVAL));
        }
    }

    /// Whether the folder of backups is named by a path that leads upwards from the destination.
    fn backs_up_above(&self) -> bool {
        let dir = self.options.backup_dir.as_deref().unwrap_or_default();
        !dir.starts_with(b"/") && has_turn(dir)
    }

    /// Makes the folders of a backup with the modes and times of those that they stand for.
    fn backup_folders(&self, name: &[u8], role: Role) -> Result<(), Failed> {
        let Some(base) = self.backup_base() else { return Ok(()) };
        let make = |path: &[u8]| {
            let mode = 0o777 & !self.env.umask();
            match self.env.write_disk(|disk, now| disk.create_dir(path, mode, now)) {
                Err(error) if error.raw_os_error() != Some(errno::EEXIST) => Err(error),
                _ => Ok(()),
            }
        };
        let ends = (1..base.len()).filter(|&at| base[at] == b'/').chain([base.len()]);
        for end in ends {
            if !self.env.read_disk(|disk| disk.exists(&base[..end])) {
                make(&base[..end]).map_err(|error| errno::number(&error))?;
            }
        }
        for at in (0..name.len()).filter(|&at| name[at] == b'/') {
            let (path, model) = (join(&base, &name[..at]), self.destination.path(&name[..at]));
            if self.is_folder(&path) {
                continue;
            }
            if self.env.read_disk(|disk| disk.exists(&path)) {
                let _ = self.env.write_disk(|disk, now| disk.remove_file(&path, now));
            }
            make(&path).map_err(|error| {
                let before = format!("rsync: [{role}] backup mkdir ");
                let after = format!(" failed: {}", show_errno(&error));
                let shown = self.shown_backup(&path);
                self.console.error([before.as_bytes(), shown, after.as_bytes()].concat());
                errno::number(&error)
            })?;
            if let Ok(stat) = self.env.read_disk(|disk| disk.lstat(&model)) {
                self.copy_folder_attributes(&path, &stat);
            }
        }
        Ok(())
    }

    /// The owner that a copy of something gets, if that is another than it has.
    fn owner_of_copy(&self, model: &Stat, copy: &Stat) -> Option<User> {
        let owner = self.owner_like(model.owner(), copy.owner());
        (owner != copy.owner()).then_some(owner)
    }

    fn copy_folder_attributes(&self, path: &[u8], stat: &Stat) {
        let Ok(there) = self.env.read_disk(|disk| disk.lstat(path)) else { return };
        let owner = self.owner_of_copy(stat, &there);
        let _ = self.env.write_disk(|disk, now| {
            if let Some(owner) = owner {
                disk.chown(path, owner, now)?;
            }
            let inherited = if self.options.perms { 0 } else { disk.lstat(path)?.mode & 0o2000 };
            disk.chmod(path, stat.mode | inherited, now)?;
            if self.options.times && !self.options.omit_dir_times {
                disk.set_mtime(path, stat.mtime_ns, now)?;
            }
            Ok::<(), io::Error>(())
        });
    }
}
