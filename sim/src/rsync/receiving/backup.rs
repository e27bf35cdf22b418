//! Backups: what is replaced or deleted goes to another name, or into another folder.

use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::paths::{join, quoted, split};
use crate::rsync::stop::show_errno;

use super::Receiving;

/// Which of the two processes of the receiving half acts, as messages name it.
pub(super) type Role = &'static str;
pub(super) const GENERATOR: Role = "generator";
pub(super) const RECEIVER: Role = "receiver";

impl<E: Env> Receiving<'_, E> {
    /// Whether a name is itself a backup's, which is deleted rather than backed up.
    pub(super) fn is_backup(&self, name: &[u8]) -> bool {
        let suffix = self.options.backup_suffix();
        self.options.backup_dir.is_none() && name.len() > suffix.len() && name.ends_with(suffix)
    }

    /// Moves what stands at `path` (`name` in the list) to its backup. Nothing there is no failure. A dry run says only
    /// where it would go, whatever stands there.
    pub(super) fn back_up(&self, name: &[u8], path: &[u8], role: Role) -> bool {
        let Ok(stat) = self.env.read_disk(|disk| disk.lstat(path)) else { return true };
        if stat.kind == Kind::Folder {
            return true;
        }
        if self.options.dry_run {
            self.say_backed_up(name, &self.backup_name(name, path));
            return true;
        }
        let Some(to) = self.backup_path(name, path) else { return false };
        match self.env.write_disk(|disk, now| disk.rename(path, &to, now)) {
            Ok(()) => {
                self.say_backed_up(name, &to);
                true
            }
            Err(error) => {
                self.console.error(
                    [
                        format!("rsync: [{role}] keep_backup failed: ").as_bytes(),
                        &quoted(path),
                        b" -> ",
                        &quoted(&to),
                        format!(": {}", show_errno(&error)).as_bytes(),
                    ]
                    .concat(),
                );
                false
            }
        }
    }

    /// Where the backup of `path` (`name` in the list) goes; makes the folders on the way.
    pub(super) fn backup_path(&self, name: &[u8], path: &[u8]) -> Option<Vec<u8>> {
        if let Some(base) = self.backup_base()
            && !self.backup_folders(&base, name)
        {
            return None;
        }
        let to = self.backup_name(name, path);
        // A folder in the place of the backup gives way only when it is empty.
        if let Ok(stat) = self.env.read_disk(|disk| disk.lstat(&to))
            && stat.kind == Kind::Folder
            && self.env.write_disk(|disk, now| disk.remove_dir(&to, now)).is_err()
        {
            self.console.error([b"could not make way for new backup: ".as_slice(), &to].concat());
            return None;
        }
        Some(to)
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

    pub(super) fn say_backed_up(&self, name: &[u8], to: &[u8]) {
        if self.options.output.verbose > 1 {
            let base = [&self.destination.folder[..], b"/"].concat();
            let to = to.strip_prefix(&base[..]).unwrap_or(to);
            self.console.info([b"backed up ".as_slice(), name, b" to ", to].concat());
        }
    }

    /// Makes the folders of a backup with the modes and times of those that they stand for.
    fn backup_folders(&self, base: &[u8], name: &[u8]) -> bool {
        let make = |path: &[u8]| match self
            .env
            .write_disk(|disk, now| disk.create_dir(path, 0o777 & !self.env.umask(), now))
        {
            Ok(()) => true,
            Err(error) => error.raw_os_error() == Some(errno::EEXIST),
        };
        if !self.env.read_disk(|disk| disk.exists(base)) {
            let ends = (1..base.len()).filter(|&at| base[at] == b'/').chain([base.len()]);
            for end in ends {
                if self.env.read_disk(|disk| disk.exists(&base[..end])) {
                    continue;
                }
                if !make(&base[..end]) {
                    return false;
                }
            }
        }
        for at in (0..name.len()).filter(|&at| name[at] == b'/') {
            let (path, model) = (join(base, &name[..at]), self.destination.path(&name[..at]));
            if self.env.read_disk(|disk| disk.lstat(&path)).is_ok_and(|stat| stat.kind == Kind::Folder) {
                continue;
            }
            if self.env.read_disk(|disk| disk.exists(&path)) {
                let _ = self.env.write_disk(|disk, now| disk.remove_file(&path, now));
            }
            if !make(&path) {
                return false;
            }
            if let Ok(stat) = self.env.read_disk(|disk| disk.lstat(&model)) {
                let sets_owner = self.sets_owner();
                let _ = self.env.write_disk(|disk, now| {
                    if sets_owner {
                        disk.chown(&path, crate::disk::User { uid: stat.uid, gid: stat.gid }, now)?;
                    }
                    let inherited = if self.options.perms { 0 } else { disk.lstat(&path)?.mode & 0o2000 };
                    disk.chmod(&path, stat.mode | inherited, now)?;
                    if self.options.times && !self.options.omit_dir_times {
                        disk.set_mtime(&path, stat.mtime_ns, now)?;
                    }
                    Ok::<(), std::io::Error>(())
                });
            }
        }
        true
    }
}
