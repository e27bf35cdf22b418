//! What becomes of a file that has been written: it is renamed to its place, waits for the end, is kept as a part, or
//! goes.

use std::io;

use crate::disk::errno;
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::paths::{has_turn, quoted, split};
use crate::rsync::stop::{Stop, show_errno};

use super::backup::{RECEIVER, Role};
use super::pass::Pass;
use super::{InFlight, Receiving, Written};

impl<E: Env> Receiving<'_, E> {
    /// Puts a complete file where it belongs.
    pub(super) fn settle(&self, mut in_flight: InFlight, entry: &Entry) -> Result<(), Stop> {
        if let Some(handle) = in_flight.handle.take() {
            self.env.write_disk(|disk, _| disk.close(handle));
        }
        let path = self.path(entry);
        let mode = in_flight.mode;
        if in_flight.written == Written::InPlace {
            self.set_attributes(&path, entry, Some(mode), true);
            return Ok(());
        }
        let partial = self.partial_path(entry);
        if self.options.delay_updates
            && let Some(waiting) = &partial
        {
            if !self.has_partial_folder(waiting, entry, "completed file") {
                let _ = self.env.write_disk(|disk, now| disk.remove_file(&in_flight.path, now));
                return Ok(());
            }
            // The folder that was just made can stand where a link led to the part.
            if let Err(error) = self.env.read_disk(|disk| disk.lstat(&in_flight.path)) {
                self.cannot(RECEIVER, "stat", &in_flight.path, &error);
            }
            self.set_attributes(&in_flight.path, entry, Some(mode), true);
            if self.rename(RECEIVER, &in_flight.path, waiting, None) {
                self.delayed.borrow_mut().push((in_flight.index, waiting.clone()));
            }
            return Ok(());
        }
        let pass = &mut Pass::default();
        if self.options.backup && self.back_up(&entry.name, &path, RECEIVER, pass)?.is_err() {
            return self.end_without_backup(in_flight, entry, &path);
        }
        self.set_attributes(&in_flight.path, entry, Some(mode), true);
        self.changed(&entry.name);
        if in_flight.written == Written::Temporary
            && !self.has_absolute_partial_folder()
            && let Some(part) = partial.as_deref().filter(|_| self.is_elsewhere(&in_flight.path, &path))
        {
            self.copy_by_part(&in_flight, entry, &path, part);
            return Ok(());
        }
        let renamed = self.rename(RECEIVER, &in_flight.path, &path, partial.as_deref());
        if renamed && in_flight.written == Written::OverPart {
            self.forget_partial_folder(&in_flight.path);
        }
        Ok(())
    }

    /// The receiver ends rather than replace a file that it cannot back up.
    fn end_without_backup(&self, in_flight: InFlight, entry: &Entry, path: &[u8]) -> Result<(), Stop> {
        if self.options.partial && in_flight.got_literal && self.options.partial_dir.is_none() {
            // What is kept of it would need a backup, too, and so stays where it is.
            let _ = self.back_up(&entry.name, path, RECEIVER, &mut Pass::default())?;
        } else {
            self.abandon(in_flight, true);
        }
        Err(Stop::file_io("rsync.c(900)", RECEIVER))
    }

    /// Whether two paths lie on different file systems, so that nothing can be renamed from one to the other.
    fn is_elsewhere(&self, from: &[u8], to: &[u8]) -> bool {
        let dev = |path: &[u8]| self.env.read_disk(|disk| disk.stat(split(path).0)).map(|stat| stat.dev);
        dev(from).is_ok_and(|from| dev(to).is_ok_and(|to| from != to))
    }

    /// Copies a file from another file system to where its part would be kept, and renames it from there.
    fn copy_by_part(&self, in_flight: &InFlight, entry: &Entry, path: &[u8], part: &[u8]) {
        let from = &in_flight.path[..];
        let copied = match self.make_partial_folder(part) {
            Err(error) => Err(error),
            Ok(()) if has_turn(self.shown_below(part)) => {
                self.trouble_of(RECEIVER, "unlink", part, b"", &errno::error(errno::EINVAL));
                Err(errno::EINVAL)
            }
            Ok(()) => self.copy_file(from, part, RECEIVER),
        };
        if let Err(error) = copied {
            let rest = [b" -> ", &*quoted(self.shown_below(path))].concat();
            self.trouble_of(RECEIVER, "copy", from, &rest, &errno::error(error));
        }
        let _ = self.env.write_disk(|disk, now| disk.remove_file(from, now));
        if copied.is_ok() {
            self.set_attributes(part, entry, Some(in_flight.mode), true);
            if self.rename(RECEIVER, part, path, Some(part)) {
                self.forget_partial_folder(part);
            }
        }
    }

    /// Renames, or copies from one file system to another. A failure is told, and what was written becomes the part
    /// that is kept at `partial`, or goes.
    pub(super) fn rename(&self, role: Role, from: &[u8], to: &[u8], partial: Option<&[u8]>) -> bool {
        let result = self.move_file(from, to);
        if let Err(error) = &result {
            let rest = [b" -> ", &*quoted(self.shown_below(to))].concat();
            self.trouble_of(role, "rename", from, &rest, error);
            if partial.is_none_or(|partial| self.move_file(from, partial).is_err()) {
                let _ = self.env.write_disk(|disk, now| disk.remove_file(from, now));
            }
        }
        result.is_ok()
    }

    /// As [`Self::rename`], without a word. From the destination no way leads upwards.
    fn move_file(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        if from == to {
            return Ok(());
        }
        if has_turn(self.shown_below(to)) {
            return Err(errno::error(errno::EINVAL));
        }
        self.env.write_disk(|disk, now| match disk.rename(from, to, now) {
            Err(error) if error.raw_os_error() == Some(errno::EXDEV) => {
                let (content, stat) = (disk.read(from)?, disk.lstat(from)?);
                disk.write(to, content, stat.mode, now)?;
                disk.chown(to, stat.owner(), now)?;
                disk.chmod(to, stat.mode, now)?;
                disk.set_mtime(to, stat.mtime_ns, now)?;
                disk.remove_file(from, now)
            }
            result => result,
        })
    }

    /// `--delay-updates`: all files of the run are renamed now, in the order of the list.
    pub(super) fn put_delayed_in_place(&self) -> Result<(), Stop> {
        let mut delayed = self.delayed.take();
        delayed.sort();
        for (index, from) in delayed {
            let entry = &self.list[index as usize];
            let path = self.path(entry);
            let pass = &mut Pass::default();
            if self.options.backup && self.back_up(&entry.name, &path, RECEIVER, pass)?.is_err() {
                continue;
            }
            self.changed(&entry.name);
            match self.env.write_disk(|disk, now| disk.rename(&from, &path, now)) {
                Ok(()) => self.forget_partial_folder(&from),
                Err(error) => self.cannot_put_in_place(&from, &path, &error),
            }
        }
        Ok(())
    }

    fn cannot_put_in_place(&self, from: &[u8], path: &[u8], error: &io::Error) {
        let from = self.shown_below(from);
        let error = show_errno(error);
        let line =
            [b"rsync: [receiver] rename failed for ", &*self.quoted(path), b" (from ", from, b"): "].concat();
        self.console.error([&line, error.as_bytes()].concat());
    }

    /// A file did not come as it should: its temporary goes, or is kept as `--partial` says.
    pub(super) fn abandon(&self, mut in_flight: InFlight, interrupted: bool) {
        if let Some(handle) = in_flight.handle.take() {
            self.env.write_disk(|disk, _| disk.close(handle));
        }
        let entry = &self.list[in_flight.index as usize];
        match in_flight.written {
            Written::InPlace | Written::OverPart if interrupted => return,
            Written::InPlace => {
                self.set_attributes(&in_flight.path, entry, Some(in_flight.mode), true);
                let _ = self.env.write_disk(|disk, now| disk.set_mtime(&in_flight.path, now, now));
                return;
            }
            Written::OverPart if !self.options.delay_updates => return,
            _ => {}
        }
        if self.options.partial && (in_flight.got_literal || !interrupted) {
            match self.partial_path(entry) {
                Some(partial) => {
                    if !self.has_partial_folder(&partial, entry, "partial file") {
                        let _ = self.env.write_disk(|disk, now| disk.remove_file(&in_flight.path, now));
                        return;
                    }
                    self.set_attributes(&in_flight.path, entry, Some(in_flight.mode), true);
                    // Its time stays that of the last byte.
                    let _ = self.env.write_disk(|disk, now| disk.set_mtime(&in_flight.path, now, now));
                    self.rename(RECEIVER, &in_flight.path, &partial, None);
                }
                None => {
                    let path = self.path(entry);
                    self.set_attributes(&in_flight.path, entry, Some(in_flight.mode), true);
                    // A beginning must not look like the newest file there is: rsync dates it to 1970.
                    let _ = self.env.write_disk(|disk, now| {
                        disk.set_mtime(&in_flight.path, if interrupted { 0 } else { now }, now)
                    });
                    self.rename(RECEIVER, &in_flight.path, &path, None);
                }
            }
            return;
        }
        let _ = self.env.write_disk(|disk, now| disk.remove_file(&in_flight.path, now));
    }
}
