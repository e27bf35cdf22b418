//! What lies in the sources: folders and what is in them, and with `-R` the folders on the way.

use bytes::Bytes;

use super::Scan;
use super::source::Source;
use crate::disk::{Disk, Kind};
use crate::rsync::env::Env;
use crate::rsync::paths::{cleaned, is_below, join, split};
use crate::rsync::stop::Stop;

/// A folder whose content is to be listed.
pub(super) struct Folder {
    pub path: Vec<u8>,
    pub name: Bytes,
    pub root: u32,
    pub dev: u32,
    /// That of the source in which it lies.
    pub turn: usize,
    /// Its own entry in the list.
    pub entry: usize,
}

impl<E: Env> Scan<'_, E> {
    /// With `-R`, the folder in which the first source lies that begins with `./`, be that source there or not.
    pub(super) fn implied_dot(&mut self, disk: &Disk, source: &Source) {
        if !source.from_dot || self.options.no_implied_dirs || std::mem::replace(&mut self.dot_implied, true)
        {
            return;
        }
        let root = self.root(source);
        let folder = cleaned(&source.folder);
        if let Ok(stat) = disk.stat(&folder) {
            let mut entry = self.entry(disk, &folder, Bytes::from_static(b"."), &stat, root);
            entry.implied = true;
            self.add(entry, true);
        }
    }

    /// With `-R`, the folders on the way to a source.
    pub(super) fn implied_folders(&mut self, disk: &Disk, source: &Source, root: u32) -> Result<(), Stop> {
        let name = &source.name;
        let ends = (0..name.len()).filter(|&at| name[at] == b'/');
        let ends: Vec<usize> = if name == b"." { Vec::new() } else { ends.collect() };
        for (depth, end) in ends.into_iter().enumerate() {
            let path = join(&source.folder, &name[..end]);
            let Ok(stat) = disk.stat(&path) else { return Ok(()) };
            if stat.kind != Kind::Folder {
                return Ok(());
            }
            let mut entry = self.entry(disk, &path, Bytes::copy_from_slice(&name[..end]), &stat, root);
            entry.implied = true;
            let counts = self.counts_implied(&name[..end], depth, root);
            self.add(entry, counts);
            // Its rules stay in force until another way leads to a source.
            if counts && !self.options.is_incremental() && !self.options.no_implied_dirs {
                self.rules.enter_at(disk, depth + 1, &name[..end])?;
            }
        }
        Ok(())
    }

    /// Whether a folder on the way to a source is listed once more: not when the source before it, among those
    /// below the same folder, led through it, too.
    fn counts_implied(&mut self, folder: &[u8], depth: usize, root: u32) -> bool {
        if self.options.is_incremental() {
            let parent = split(folder).0.to_vec();
            return self.implied.insert((depth, parent), (root, folder.to_vec()))
                != Some((root, folder.to_vec()));
        }
        let same = self.way == folder || is_below(&self.way, folder);
        if !same {
            self.way = folder.to_vec();
        }
        !same
    }

    /// Lists what is in a folder, under the rules that it has itself.
    pub(super) fn nested(&mut self, disk: &Disk, folder: &Folder) -> Result<(), Stop> {
        let saved = self.rules.enter(disk, &folder.name)?;
        self.content(disk, folder)?;
        self.rules.leave(saved);
        Ok(())
    }

    /// Lists what is in a folder, and what is in the folders there.
    pub(super) fn content(&mut self, disk: &Disk, folder: &Folder) -> Result<(), Stop> {
        self.names_in(disk, folder, |scan, inner| scan.nested(disk, &inner))
    }

    /// Lists the names in a folder; `descend` gets each folder among them whose content is to be listed, too.
    pub(super) fn names_in(
        &mut self,
        disk: &Disk,
        folder: &Folder,
        mut descend: impl FnMut(&mut Self, Folder) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Folder { path, name, root, dev, turn, entry: own } = folder;
        let (root, dev, turn) = (*root, *dev, *turn);
        let listed = match disk.read_dir(path) {
            Ok(listed) => listed,
            Err(error) => {
                let known = self.scanned.early_error;
                // The content of a source is opened as such.
                let shown =
                    if name.as_ref() == b"." { [path, b"/.".as_slice()].concat() } else { path.clone() };
                self.trouble("opendir", &shown, &error);
                // What is read after the first list has been sent is told with its own.
                if self.options.is_incremental() && name.as_ref() != b"." {
                    self.scanned.early_error = known;
                    self.scanned.entries[*own].unreadable = true;
                }
                return Ok(());
            }
        };
        // A folder that is named twice is read once when the list is sent folder by folder: of each two of it that meet
        // in the list the second is dropped.
        if name.as_ref() != b"." && self.options.is_incremental() {
            let key = (name.clone(), turn);
            if self.read.remove(&key) {
                return Ok(());
            }
            self.read.insert(key);
        }
        let mut folders = Vec::new();
        for inner in listed {
            let inner_name = if name.as_ref() == b"." {
                inner.name.clone()
            } else {
                Bytes::from([name.as_ref(), b"/", inner.name.as_ref()].concat())
            };
            let is_folder = inner.stat.kind == Kind::Folder;
            if !self.rules.is_empty() && self.rules.excludes(&inner_name, is_folder, false) {
                continue;
            }
            if is_folder {
                let mut key = inner.name.to_vec();
                key.push(b'/');
                folders.push((key, inner_name, inner.stat));
                continue;
            }
            let inner_path = join(path, &inner.name);
            let entry = self.entry(disk, &inner_path, inner_name, &inner.stat, root);
            self.add(entry, true);
        }
        folders.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, inner_name, stat) in folders {
            let inner_path = join(path, &key[..key.len() - 1]);
            let descends = self.options.recursive && !(self.options.one_file_system && stat.dev != dev);
            let mut entry = self.entry(disk, &inner_path, inner_name.clone(), &stat, root);
            entry.content = descends;
            self.add(entry, true);
            if descends {
                let entry = self.scanned.entries.len() - 1;
                descend(self, Folder { path: inner_path, name: inner_name, root, dev, turn, entry })?;
            }
        }
        Ok(())
    }
}
