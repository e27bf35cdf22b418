//! Removing something from the destination with all that it holds: surplus, and what stands in the way.

use bytes::Bytes;

use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::paths::{join, split};
use crate::rsync::stop::{Stop, show_errno};

use super::Receiving;
use super::backup::{GENERATOR, Kept, RECEIVER, Role};
use super::pass::Pass;

/// Why something is removed, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removal {
    /// Something else is to take its name: what, for the message. Without this it is surplus, which is told and counted.
    room_for: Option<&'static str>,
    /// What is removed is backed up. It is not where a backup is to take its place.
    backs_up: bool,
    role: Role,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    Gone,
    NotEmpty,
    AtLimit,
    Failed,
}

impl Removal {
    pub const SURPLUS: Self = Self { room_for: None, backs_up: true, role: GENERATOR };
}

impl<E: Env> Receiving<'_, E> {
    /// Removes what stands where something of another kind belongs. A folder goes with its content only with
    /// `--delete` or `--force`.
    pub(super) fn make_room(
        &self,
        name: &Bytes,
        kind: Kind,
        what: &'static str,
        pass: &mut Pass,
    ) -> Result<bool, Stop> {
        let recurse = self.options.deletes() || self.options.force;
        let removal = Removal { room_for: Some(what), ..Removal::SURPLUS };
        let path = self.destination.path(name);
        Ok(self.remove(name, &path, kind, recurse, removal, pass)? == Deletion::Gone)
    }

    /// Removes a folder in whose place a backup belongs, with all that rules leave to it.
    pub(super) fn make_room_for_backup(&self, to: &[u8], role: Role, pass: &mut Pass) -> Result<bool, Stop> {
        let name = Bytes::copy_from_slice(self.shown_backup(to));
        let removal = Removal { room_for: Some("directory"), backs_up: false, role };
        Ok(self.remove(&name, to, Kind::Folder, true, removal, pass)? == Deletion::Gone)
    }

    pub(super) fn remove(
        &self,
        name: &Bytes,
        path: &[u8],
        kind: Kind,
        recurse: bool,
        removal: Removal,
        pass: &mut Pass,
    ) -> Result<Deletion, Stop> {
        let mut result = Deletion::Gone;
        if removal.backs_up {
            self.let_owner_write(path);
        }
        if kind == Kind::Folder {
            result = self.remove_content(name, path, recurse, removal, pass)?;
        }
        if result == Deletion::Gone {
            result = self.remove_one(name, path, kind, removal, pass)?;
        }
        if let (Some(what), true) = (removal.room_for, result != Deletion::Gone) {
            let new = if removal.backs_up { "new" } else { "backup" };
            self.console.error([format!("could not make way for {new} {what}: ").as_bytes(), name].concat());
        }
        Ok(result)
    }

    fn remove_content(
        &self,
        name: &Bytes,
        path: &[u8],
        recurse: bool,
        removal: Removal,
        pass: &mut Pass,
    ) -> Result<Deletion, Stop> {
        // What is about to go may hold rules of its own, too.
        let looks = self.rules.borrow().look_into_folders();
        let saved = match looks {
            true => self.env.read_disk(|disk| self.rules.borrow_mut().enter(disk, name))?,
            false => None,
        };
        let entries = self.entries_of(name, path, true, |_| false);
        let count = self.env.read_disk(|disk| disk.read_dir(path)).map_or(0, |entries| entries.len());
        pass.errno = 0;
        let mut result = if count > entries.len() { Deletion::NotEmpty } else { Deletion::Gone };
        if !recurse && !entries.is_empty() {
            result = Deletion::NotEmpty;
        } else {
            let removal = Removal { room_for: None, ..removal };
            for (inner, kind, _) in &entries {
                let path = join(path, split(inner).1);
                self.let_owner_write(&path);
                if *kind == Kind::Folder
                    && self.remove_content(inner, &path, true, removal, pass)? != Deletion::Gone
                {
                    result = Deletion::NotEmpty;
                    // The folder itself is tried, too, which says once more that it is not empty.
                }
                if self.remove_one(inner, &path, *kind, removal, pass)? != Deletion::Gone {
                    result = Deletion::NotEmpty;
                }
            }
        }
        self.rules.borrow_mut().leave(saved);
        if result == Deletion::NotEmpty {
            self.console.info([b"cannot delete non-empty directory: ".as_slice(), name].concat());
        }
        Ok(result)
    }

    /// Who is not root makes what is theirs writable before it goes, whether that helps or not.
    fn let_owner_write(&self, path: &[u8]) {
        if self.is_root() || self.options.dry_run || self.stay_beneath(path).is_err() {
            return;
        }
        let _ = self.env.write_disk(|disk, now| {
            let stat = disk.lstat(path)?;
            let is_shut = stat.kind != Kind::Symlink && stat.mode & 0o200 == 0;
            match is_shut && stat.uid == disk.user().uid {
                true => disk.chmod(path, stat.mode | 0o200, now),
                false => Ok(()),
            }
        });
    }

    fn remove_one(
        &self,
        name: &Bytes,
        path: &[u8],
        kind: Kind,
        removal: Removal,
        pass: &mut Pass,
    ) -> Result<Deletion, Stop> {
        // Each process knows of its own deletions only.
        let deleted = if removal.role == RECEIVER { &self.deleted_by_receiver } else { &self.deleted };
        if removal.room_for.is_none()
            && let Some(limit) = self.options.max_delete
            && deleted.borrow().total() >= limit
        {
            pass.deletions_skipped += 1;
            return Ok(Deletion::AtLimit);
        }
        let beneath = self.stay_beneath(path);
        let backs_up =
            removal.backs_up && kind != Kind::Folder && self.options.backup && !self.is_backup(name);
        let unlink = || self.env.write_disk(|disk, now| disk.remove_file(path, now));
        let mut call = if kind == Kind::Folder { "rmdir" } else { "unlink" };
        let result = if self.options.dry_run && !(backs_up && beneath.is_ok()) {
            Ok(())
        } else if beneath.is_err() {
            beneath
        } else if backs_up {
            match self.back_up(name, path, removal.role, pass)? {
                Ok(Kept::Copied) => unlink(),
                Ok(Kept::Moved | Kept::Nowhere) => Ok(()),
                Err(error) => {
                    call = "make_backup";
                    Err(errno::error(error))
                }
            }
        } else if kind == Kind::Folder {
            self.env.write_disk(|disk, now| disk.remove_dir(path, now))
        } else {
            unlink()
        };
        let Err(error) = result else {
            if removal.backs_up {
                self.changed(name);
            }
            if removal.room_for.is_none() {
                self.console.deleted(name, kind == Kind::Folder);
                deleted.borrow_mut().count(kind);
            }
            return Ok(Deletion::Gone);
        };
        pass.errno = errno::number(&error);
        Ok(match pass.errno {
            errno::ENOENT => Deletion::Gone,
            errno::ENOTEMPTY if kind == Kind::Folder => {
                self.console.info([b"cannot delete non-empty directory: ".as_slice(), name].concat());
                Deletion::NotEmpty
            }
            _ => {
                let before = format!("rsync: [{}] delete_file: {call}(", removal.role);
                let after = format!(") failed: {}", show_errno(&error));
                self.console.error([before.as_bytes(), name, after.as_bytes()].concat());
                Deletion::Failed
            }
        })
    }
}
