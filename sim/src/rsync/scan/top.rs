//! The sources themselves, in the order in which they and their folders' rules are come to.

use bytes::Bytes;

use super::Scan;
use super::source::Source;
use super::walk::Folder;
use crate::disk::{Disk, Kind, Stat, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::sort_key;
use crate::rsync::outcome::SYNTAX;
use crate::rsync::paths::{cleaned, join};
use crate::rsync::stop::Stop;

/// A source that is there and not left out.
struct Found<'a> {
    source: &'a Source,
    stat: Stat,
    root: u32,
    turn: usize,
}

impl<E: Env> Scan<'_, E> {
    pub(super) fn sources(&mut self, disk: &Disk, sources: &[Source]) -> Result<(), Stop> {
        // A list that comes folder by folder has read the top of all sources before it comes to any folder in them,
        // which shows in the rules of folders.
        let defers = self.options.is_incremental() && self.rules.look_into_folders();
        let mut deferred = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let goes_on = index > 0 && sources[index - 1].folder == source.folder;
            self.turn += usize::from(!goes_on);
            if let Some(name) = &source.refused {
                self.console.error([b"found \"..\" dir in relative path: ".as_slice(), name].concat());
                return Err(Stop::Failed(SYNTAX, "flist.c(2905)", "sender"));
            }
            self.implied_dot(disk, source);
            let Some(found) = self.find(disk, source) else { continue };
            if self.options.relative {
                self.implied_folders(disk, source, found.root)?;
            }
            if defers && source.name != b"." {
                deferred.push((sort_key(&source.name, found.stat.kind == Kind::Folder), found));
            } else {
                self.take(disk, &found)?;
            }
        }
        deferred.sort_by(|a, b| a.0.cmp(&b.0));
        // What lies in the folders of one that is named twice is come to when it has been each time.
        for same in deferred.chunk_by(|(a, _), (b, _)| a == b) {
            let mut folders = Vec::new();
            for (_, found) in same {
                self.take_deferred(disk, found, |scan, inner| match same.len() {
                    1 => scan.nested(disk, &inner),
                    _ => {
                        folders.push(inner);
                        Ok(())
                    }
                })?;
            }
            for folder in folders {
                self.nested(disk, &folder)?;
            }
        }
        Ok(())
    }

    /// Looks at a source; what is missing or cannot be looked at is told.
    fn find<'s>(&mut self, disk: &Disk, source: &'s Source) -> Option<Found<'s>> {
        if source.goes_there {
            let found = disk.stat(&source.folder);
            let found = found.and_then(|stat| match stat.kind {
                Kind::Folder => Ok(()),
                _ => Err(errno::error(errno::ENOTDIR)),
            });
            if let Err(error) = found {
                self.trouble("change_dir", &source.folder, &error);
                return None;
            }
        }
        self.rules.go_to(&source.folder);
        let path = join(&cleaned(&source.folder), &source.name);
        let excluded = |is_folder| source.name != b"." && self.rules.excludes(&source.name, is_folder, false);
        // A slash behind a symlink means what it points to; the filter sees the symlink.
        if source.content && disk.lstat(&path).is_ok_and(|stat| stat.kind == Kind::Symlink) && excluded(false)
        {
            return None;
        }
        // A slash behind a symlink means the folder that it leads to; behind anything else it means nothing.
        let followed = |stat: Stat| match stat.kind {
            Kind::Symlink if source.content => match disk.stat(&path) {
                Ok(to) if to.kind == Kind::Folder => Ok(to),
                Err(error) if self.from_file && error.raw_os_error() == Some(errno::ELOOP) => Err(error),
                _ => Ok(stat),
            },
            _ => Ok(stat),
        };
        let stat = match disk.lstat(&path).and_then(followed) {
            Ok(stat) => stat,
            Err(error) => {
                let (io_error, early_error) = (self.scanned.io_error, self.scanned.early_error);
                self.trouble("link_stat", &path, &error);
                // What is not there is not hidden by an error either: it may be deleted at the destination.
                if error.raw_os_error() == Some(errno::ENOENT) {
                    (self.scanned.io_error, self.scanned.early_error) = (io_error, early_error);
                }
                return None;
            }
        };
        let is_folder = stat.kind == Kind::Folder;
        if excluded(is_folder) {
            return None;
        }
        if is_folder && !self.options.transfers_folders() {
            let shown: &[u8] = if source.name == b"." { b"." } else { &source.name };
            self.console.info([b"skipping directory ".as_slice(), shown].concat());
            return None;
        }
        Some(Found { source, stat, root: self.root(source), turn: self.turn })
    }

    /// Lists a source, with what is in it.
    fn take(&mut self, disk: &Disk, found: &Found<'_>) -> Result<(), Stop> {
        let Some(folder) = self.name(disk, found) else { return Ok(()) };
        if folder.name.as_ref() != b"." || !self.options.is_incremental() {
            return self.nested(disk, &folder);
        }
        if !std::mem::replace(&mut self.dot_entered, true) {
            self.rules.enter_at(disk, 0, &folder.name)?;
        }
        self.content(disk, &folder)
    }

    /// Lists a source when the tops of all sources have been; `descend` gets the folders in it.
    fn take_deferred(
        &mut self,
        disk: &Disk,
        found: &Found<'_>,
        descend: impl FnMut(&mut Self, Folder) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let name = &found.source.name;
        self.rules.go_to(&found.source.folder);
        let ends: Vec<usize> = (0..name.len()).filter(|&at| name[at] == b'/').collect();
        for (depth, &end) in ends.iter().enumerate() {
            self.lead_through(disk, depth + 1, found.root, &name[..end])?;
        }
        let is_folder = found.stat.kind == Kind::Folder;
        if !ends.is_empty() && self.rules.excludes(name, is_folder, false) {
            return Ok(());
        }
        let Some(folder) = self.name(disk, found) else { return Ok(()) };
        self.entered.truncate(ends.len());
        self.rules.enter_at(disk, ends.len() + 1, &folder.name)?;
        self.names_in(disk, &folder, descend)
    }

    /// Comes into a folder so deep on the way to a source, unless the way to the one before led through it.
    fn lead_through(&mut self, disk: &Disk, depth: usize, root: u32, folder: &[u8]) -> Result<(), Stop> {
        if self.entered.get(depth - 1).is_some_and(|(r, f)| *r == root && f == folder) {
            return Ok(());
        }
        self.entered.truncate(depth - 1);
        self.entered.push((root, folder.to_vec()));
        self.rules.enter_at(disk, depth, folder)
    }

    /// Adds a source to the list; gives it when its content is to be listed, too.
    fn name(&mut self, disk: &Disk, found: &Found<'_>) -> Option<Folder> {
        let Found { source, stat, root, turn } = found;
        let path = join(&cleaned(&source.folder), &source.name);
        let name = Bytes::copy_from_slice(&source.name);
        let mut entry = self.entry(disk, &path, name.clone(), stat, *root);
        entry.top = true;
        let is_folder = stat.kind == Kind::Folder;
        entry.content = is_folder && (self.options.recursive || (self.options.dirs && source.content));
        let lists = entry.content;
        self.add(entry, true);
        let entry = self.scanned.entries.len() - 1;
        lists.then_some(Folder { path, name, root: *root, dev: stat.dev, turn: *turn, entry })
    }
}
