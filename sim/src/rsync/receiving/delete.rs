//! Deleting what the sender does not have: which entries those are, and when they go.

use bytes::Bytes;

use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::{Entry, sort_key};
use crate::rsync::options::DeleteWhen;
use crate::rsync::paths::join;
use crate::rsync::stop::{Stop, show_errno};

use super::Receiving;
use super::pass::Pass;
use super::remove::Removal;

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
            } else if folder.name.as_ref() == b"." || self.is_folder(&path) {
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
            // Where lines wait to be printed, only those are handed on.
            let mut said = self.console.take_queued();
            if said.is_empty() {
                said = self.queue.take();
            }
            self.ahead.borrow_mut().extend(said);
        }
        self.come_into(folder)?;
        let path = self.path(folder);
        let device = self.env.read_disk(|disk| disk.stat(&path)).map(|stat| stat.dev).unwrap_or(0);
        let mut surplus = Vec::new();
        let is_listed = |name: &Bytes| self.names.contains(name);
        for (name, kind, dev) in self.entries_of(&folder.name, &path, false, is_listed) {
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
        let path = self.destination.path(&surplus.name);
        self.remove(&surplus.name, &path, surplus.kind, surplus.folder, Removal::SURPLUS, pass).map(drop)
    }

    /// The entries of a folder of the destination that filters leave to us, last in the list's order first; without
    /// those that stay.
    pub(super) fn entries_of(
        &self,
        name: &Bytes,
        path: &[u8],
        in_deleted: bool,
        stays: impl Fn(&Bytes) -> bool,
    ) -> Vec<(Bytes, Kind, u32)> {
        let entries = match self.env.read_disk(|disk| disk.read_dir(path)) {
            Ok(entries) => entries,
            Err(error) if error.raw_os_error() == Some(errno::ENOENT) => return Vec::new(),
            Err(error) => {
                self.console.error(
                    [
                        b"rsync: [generator] opendir ".as_slice(),
                        &self.quoted(path),
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
                !stays(inner) && !self.rules.borrow().excludes(inner, *kind == Kind::Folder, in_deleted)
            })
            .collect();
        found
            .sort_by_cached_key(|(inner, kind, _)| std::cmp::Reverse(sort_key(inner, *kind == Kind::Folder)));
        found
    }
}
