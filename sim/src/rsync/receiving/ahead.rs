//! Folders that are made before their own lists are come to.
//!
//! Where lists come folder by folder, rsync makes the folders of a list at its end, so that the folder which holds them
//! can get its time at once. What stands in their place gives way then, and says so then.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::disk::Kind;
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::options::Options;
use crate::rsync::paths::split;
use crate::rsync::stop::Stop;

use super::Receiving;
use super::pass::Pass;

/// The folders of a list by the folder that holds them; nothing where none is made ahead.
pub(super) fn folders_by_parent(options: &Options, list: &[Entry]) -> BTreeMap<Bytes, Vec<usize>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    if !options.is_incremental() || !options.times || options.omit_dir_times {
        return found;
    }
    let is_made = |entry: &Entry| {
        let is_implied = options.no_implied_dirs && entry.implied;
        entry.is_folder() && entry.name.as_ref() != b"." && !is_implied
    };
    for (index, entry) in list.iter().enumerate().filter(|(_, entry)| is_made(entry)) {
        found.entry(parent(entry)).or_default().push(index);
    }
    found
}

impl<E: Env> Receiving<'_, E> {
    /// Makes all folders that stand beside this one, when it is the first of them that is come to.
    pub(super) fn make_folders_ahead(
        &self,
        entry: &Entry,
        is_missing: bool,
        pass: &mut Pass,
    ) -> Result<(), Stop> {
        if !entry.is_folder() || entry.name.as_ref() == b"." || is_missing {
            return Ok(());
        }
        let parent = parent(entry);
        let Some(folders) = self.folders.get(&parent) else { return Ok(()) };
        if pass.prepared.insert(parent) {
            for &index in folders {
                self.make_folder_ahead(index, pass)?;
            }
        }
        Ok(())
    }

    /// Makes one of them with the least mode that it needs. What fails is told when its own list is come to.
    fn make_folder_ahead(&self, index: usize, pass: &mut Pass) -> Result<(), Stop> {
        let entry = &self.list[index];
        let path = self.path(entry);
        match self.look(entry, &path) {
            Ok(stat) if stat.kind == Kind::Folder || self.options.ignore_existing => return Ok(()),
            Ok(stat) => {
                if !self.make_room(&entry.name, stat.kind, "directory", pass)? {
                    return Ok(());
                }
            }
            Err(_) if self.options.existing => return Ok(()),
            Err(_) => {}
        }
        if self.options.dry_run || self.stay_beneath(&path).is_err() {
            return Ok(());
        }
        if self.env.write_disk(|disk, now| disk.create_dir(&path, entry.mode & 0o700, now)).is_ok() {
            self.changed(&entry.name);
            pass.made_ahead.insert(index);
        }
        Ok(())
    }
}

/// The folder that holds an entry; the transfer's own has the empty name.
fn parent(entry: &Entry) -> Bytes {
    entry.name.slice_ref(split(&entry.name).0)
}
