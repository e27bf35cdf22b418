//! Parts of files in the folder of `--partial-dir`: where they lie, which of them count, and their folder.

use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::paths::{has_turn, join, split};

use super::Receiving;
use super::backup::Failed;

impl<E: Env> Receiving<'_, E> {
    /// Where a part of a file is kept with `--partial-dir`.
    pub(super) fn partial_path(&self, entry: &Entry) -> Option<Vec<u8>> {
        let dir = self.options.partial_dir.as_ref()?;
        let path = self.path(entry);
        let (folder, name) = split(&path);
        Some(join(&if dir.starts_with(b"/") { dir.clone() } else { join(folder, dir) }, name))
    }

    /// The part of a file that an earlier run kept: a regular file, to which no way leads out of the destination unless
    /// the folder of parts is named by an absolute path.
    pub(super) fn part(&self, entry: &Entry) -> Option<Vec<u8>> {
        let path = self.partial_path(entry)?;
        let is_inside = || {
            let below = self.shown_below(&path);
            !has_turn(below) && self.resolve(split(below).0).is_ok()
        };
        let counts = (self.has_absolute_partial_folder() || is_inside())
            && self.env.read_disk(|disk| disk.lstat(&path)).is_ok_and(|stat| stat.kind == Kind::File);
        counts.then_some(path)
    }

    /// Removes a part that is not needed, and its folder when it was the last one.
    pub(super) fn forget_part(&self, part: &[u8]) {
        if !self.options.dry_run {
            let _ = self.env.write_disk(|disk, now| disk.remove_file(part, now));
            self.forget_partial_folder(part);
        }
    }

    /// Removes the folder in which a part was kept, when it was the last one.
    pub(super) fn forget_partial_folder(&self, part: &[u8]) {
        if !self.has_absolute_partial_folder() {
            let _ = self.env.write_disk(|disk, now| disk.remove_dir(split(part).0, now));
        }
    }

    /// Makes the folder in which a part is kept, but not those above it, in the place of whatever stands there; says
    /// what is lost where it cannot.
    pub(super) fn has_partial_folder(&self, part: &[u8], entry: &Entry, what: &str) -> bool {
        let made = self.make_partial_folder(part).is_ok();
        if !made {
            let after = format!(" -- discarding {what}.");
            let line = [b"Unable to create partial-dir for ", self.shown(entry), after.as_bytes()];
            self.console.warning(line.concat());
        }
        made
    }

    /// As [`Self::has_partial_folder`], without a word.
    pub(super) fn make_partial_folder(&self, part: &[u8]) -> Result<(), Failed> {
        let folder = split(part).0;
        let made = match self.env.read_disk(|disk| disk.lstat(folder)) {
            Ok(stat) if stat.kind == Kind::Folder => return Ok(()),
            Ok(_) => self.env.write_disk(|disk, now| {
                disk.remove_file(folder, now)?;
                disk.create_dir(folder, 0o700, now)
            }),
            Err(_) => self.env.write_disk(|disk, now| disk.create_dir(folder, 0o700, now)),
        };
        made.map_err(|error| errno::number(&error))
    }

    pub(super) fn has_absolute_partial_folder(&self) -> bool {
        self.options.partial_dir.as_ref().is_some_and(|dir| dir.starts_with(b"/"))
    }
}
