//! Deleting: what the sender does not have, and what stands in the way of something of another kind.

use bytes::Bytes;

use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::{Entry, sort_key};
use crate::rsync::options::DeleteWhen;
use crate::rsync::paths::{join, quoted};
use crate::rsync::stop::{Stop, show_errno};

use super::Receiving;
use super::backup::GENERATOR;
use super::generator::Pass;

/// Why something is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The sender does not have it.
    Surplus,
    /// Something of another kind is to take its name: `what` for the message.
    MakeRoom(&'static str),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    Gone,
    NotEmpty,
    AtLimit,
    Failed,
}

/// Something of the destination: its name from the root of the transfer, and its kind.
#[derive(Debug, Clone)]
pub(super) struct Surplus {
    name: Bytes,
    folder: bool,
    kind: Kind,
}

impl<E: Env> Receiving<'_, E> {
    /// Whether deleting has been switched off by an error of the sender; says so once.
    pub(super) fn deletion_is_off(&self, pass: &mut Pass) -> bool {
        if !self.trouble.borrow().general || self.options.ignore_errors {
            return false;
        }
        if !pass.said_no_deletion {
            pass.said_no_deletion = true;
            self.console.info("IO error encountered -- skipping file deletion");
        }
        true
    }

    /// One pass through all folders of the list.
    pub(super) fn delete_everywhere(&self, pass: &mut Pass) -> Result<(), Stop> {
        for folder in self.list.iter().filter(|entry| entry.is_folder()) {
            let path = self.path(folder);
            if !folder.content {
                self.come_into(folder)?;
            } else if folder.name.as_ref() == b"."
                || self.env.read_disk(|disk| disk.lstat(&path)).is_ok_and(|stat| stat.kind == Kind::Folder)
            {
                for surplus in self.surplus_in(folder, pass)? {
                    self.delete_surplus(&surplus, pass)?;
                }
            }
        }
        self.rules.borrow_mut().leave_to(0);
        Ok(())
    }

    /// A folder has been made or looked at: now its surplus entries go, with `--delete-during`.
    pub(super) fn delete_here(&self, folder: &Entry, pass: &mut Pass) -> Result<(), Stop> {
        match self.options.delete {
            Some(DeleteWhen::During) => {
                for surplus in self.surplus_in(folder, pass)? {
                    self.delete_surplus(&surplus, pass)?;
                }
            }
            Some(DeleteWhen::Delay) => {
                let surplus = self.surplus_in(folder, pass)?;
                pass.delayed.extend(surplus);
            }
            _ => {}
        }
        Ok(())
    }

    /// The rules of a folder's own files are in force from now on.
    fn come_into(&self, folder: &Entry) -> Result<(), Stop> {
        if !self.rules.borrow().look_into_folders() {
            return Ok(());
        }
        let depth = match folder.name.as_ref() {
            b"." => 0,
            name => 1 + name.iter().filter(|&&byte| byte == b'/').count(),
        };
        self.env.read_disk(|disk| self.rules.borrow_mut().enter_at(disk, depth, &folder.name))
    }

    /// What a folder of the list holds that the list does not, in the order in which it is deleted.
    fn surplus_in(&self, folder: &Entry, pass: &mut Pass) -> Result<Vec<Surplus>, Stop> {
        if self.destination.solo.is_some() {
            return Ok(Vec::new());
        }
        if !folder.content {
            self.come_into(folder)?;
            return Ok(Vec::new());
        }
        if self.deletion_is_off(pass) {
            return Ok(Vec::new());
        }
        if self.options.timeout_s > 0 && !std::mem::replace(&mut pass.kept_alive, true) {
            let mut ahead = self.ahead.borrow_mut();
            ahead.extend(self.console.take_queued());
            ahead.extend(self.queue.take());
        }
        self.come_into(folder)?;
        let path = self.path(folder);
        let device = self.env.read_disk(|disk| disk.stat(&path)).map(|stat| stat.dev).unwrap_or(0);
        let mut surplus = Vec::new();
        for (name, kind, dev) in self.entries_of(&folder.name, &path, false) {
            if self.names.contains(&name) {
                continue;
            }
            let is_folder = kind == Kind::Folder;
            if is_folder && self.options.one_file_system && dev != device {
                continue;
            }
            surplus.push(Surplus { name, folder: is_folder, kind });
        }
        Ok(surplus)
    }

    /// Deletes one surplus entry.
    pub(super) fn delete_surplus(&self, surplus: &Surplus, pass: &mut Pass) -> Result<(), Stop> {
        self.delete(&surplus.name, surplus.kind, surplus.folder, Reason::Surplus, pass).map(drop)
    }

    /// Deletes what stands where something of another kind belongs. A folder goes with its content only with
    /// `--delete` or `--force`.
    pub(super) fn make_room(
        &self,
        name: &Bytes,
        kind: Kind,
        what: &'static str,
        pass: &mut Pass,
    ) -> Result<bool, Stop> {
        let recurse = self.options.deletes() || self.options.force;
        Ok(self.delete(name, kind, recurse, Reason::MakeRoom(what), pass)? == Deletion::Gone)
    }

    fn delete(
        &self,
        name: &Bytes,
        kind: Kind,
        recurse: bool,
        reason: Reason,
        pass: &mut Pass,
    ) -> Result<Deletion, Stop> {
        let mut result = Deletion::Gone;
        if kind == Kind::Folder {
            result = self.delete_content(name, recurse, pass)?;
        }
        if result == Deletion::Gone {
            result = self.delete_one(name, kind, reason, pass);
        }
        if let (Reason::MakeRoom(what), true) = (reason, result != Deletion::Gone) {
            self.console.error([format!("could not make way for new {what}: ").as_bytes(), name].concat());
        }
        Ok(result)
    }

    fn delete_content(&self, name: &Bytes, recurse: bool, pass: &mut Pass) -> Result<Deletion, Stop> {
        let path = self.destination.path(name);
        // What is about to go may hold rules of its own, too.
        let looks = self.rules.borrow().look_into_folders();
        let saved = match looks {
            true => self.env.read_disk(|disk| self.rules.borrow_mut().enter(disk, name))?,
            false => None,
        };
        let (entries, protected) = {
            let all = self.entries_of(name, &path, true);
            let count = self.env.read_disk(|disk| disk.read_dir(&path)).map_or(0, |entries| entries.len());
            (all.clone(), count > all.len())
        };
        let mut result = if protected { Deletion::NotEmpty } else { Deletion::Gone };
        if !recurse && !entries.is_empty() {
            result = Deletion::NotEmpty;
        } else {
            for (inner, kind, _) in &entries {
                if *kind == Kind::Folder && self.delete_content(inner, true, pass)? != Deletion::Gone {
                    result = Deletion::NotEmpty;
                    // The folder itself is tried, too, which says once more that it is not empty.
                }
                if self.delete_one(inner, *kind, Reason::Surplus, pass) != Deletion::Gone {
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

    fn delete_one(&self, name: &Bytes, kind: Kind, reason: Reason, pass: &mut Pass) -> Deletion {
        if reason == Reason::Surplus
            && let Some(limit) = self.options.max_delete
            && self.deleted.borrow().total() >= limit
        {
            pass.deletions_skipped += 1;
            return Deletion::AtLimit;
        }
        let path = self.destination.path(name);
        let beneath = self.stay_beneath(&path);
        let backs_up = kind != Kind::Folder && self.options.backup && !self.is_backup(name);
        let result = if self.options.dry_run && !(backs_up && beneath.is_ok()) {
            Ok(())
        } else if beneath.is_err() {
            beneath
        } else if backs_up {
            match self.back_up(name, &path, GENERATOR) {
                true => Ok(()),
                false => return Deletion::Failed,
            }
        } else if kind == Kind::Folder {
            self.env.write_disk(|disk, now| disk.remove_dir(&path, now))
        } else {
            self.env.write_disk(|disk, now| disk.remove_file(&path, now))
        };
        match result {
            Ok(()) => {
                self.changed(name);
                if reason == Reason::Surplus {
                    self.console.deleted(name, kind == Kind::Folder);
                    self.deleted.borrow_mut().count(kind);
                }
                Deletion::Gone
            }
            Err(error) => match error.raw_os_error() {
                Some(errno::ENOENT) => Deletion::Gone,
                Some(errno::ENOTEMPTY) => {
                    self.console.info([b"cannot delete non-empty directory: ".as_slice(), name].concat());
                    Deletion::NotEmpty
                }
                _ => {
                    let call = if kind == Kind::Folder { "rmdir" } else { "unlink" };
                    let shown = show_errno(&error);
                    self.console.error(
                        [
                            format!("rsync: [generator] delete_file: {call}(").as_bytes(),
                            name,
                            format!(") failed: {shown}").as_bytes(),
                        ]
                        .concat(),
                    );
                    Deletion::Failed
                }
            },
        }
    }

    /// The entries of a folder of the destination that filters leave to us, last in the list's order first.
    fn entries_of(&self, name: &Bytes, path: &[u8], in_deleted: bool) -> Vec<(Bytes, Kind, u32)> {
        let entries = match self.env.read_disk(|disk| disk.read_dir(path)) {
            Ok(entries) => entries,
            Err(error) if error.raw_os_error() == Some(errno::ENOENT) => return Vec::new(),
            Err(error) => {
                self.console.error(
                    [
                        b"rsync: [generator] opendir ".as_slice(),
                        &quoted(path),
                        format!(" failed: {}", show_errno(&error)).as_bytes(),
                    ]
                    .concat(),
                );
                // What it holds may be what is to stay elsewhere: it counts as the sender's own errors do.
                self.trouble.borrow_mut().general = true;
                return Vec::new();
            }
        };
        let mut found: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let inner =
                    if name.as_ref() == b"." { entry.name } else { Bytes::from(join(name, &entry.name)) };
                (inner, entry.stat.kind, entry.stat.dev)
            })
            .filter(|(inner, kind, _)| {
                !self.rules.borrow().excludes(inner, *kind == Kind::Folder, in_deleted)
            })
            .collect();
        found
            .sort_by_cached_key(|(inner, kind, _)| std::cmp::Reverse(sort_key(inner, *kind == Kind::Folder)));
        found
    }
}
