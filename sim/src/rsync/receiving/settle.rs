//! What becomes of a file that has been written: it is renamed to its place, waits for the end, is kept as a part, or
//! goes.

use std::io;

use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::paths::{quoted, split};
use crate::rsync::stop::{Stop, show_errno};

use super::backup::RECEIVER;
use super::pass::Pass;
use super::{InFlight, Receiving};

impl<E: Env> Receiving<'_, E> {
    /// Puts a complete file where it belongs.
    pub(super) fn settle(&self, mut in_flight: InFlight, entry: &Entry) -> Result<(), Stop> {
        if let Some(handle) = in_flight.handle.take() {
            self.env.write_disk(|disk, _| disk.close(handle));
        }
        let path = self.path(entry);
        let mode = in_flight.mode;
        if in_flight.in_place {
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
            self.set_attributes(&in_flight.path, entry, Some(mode), true);
            if self.rename(&in_flight.path, waiting) {
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
        self.rename(&in_flight.path, &path);
        if let Some(partial) = partial {
            self.forget_partial(&partial);
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

    /// Renames, or copies from one file system to another; a failure is told and what was written removed.
    pub(super) fn rename(&self, from: &[u8], to: &[u8]) -> bool {
        let result = self.env.write_disk(|disk, now| match disk.rename(from, to, now) {
            Err(error) if error.raw_os_error() == Some(crate::disk::errno::EXDEV) => {
                let (content, stat) = (disk.read(from)?, disk.lstat(from)?);
                disk.write(to, content, stat.mode, now)?;
                disk.chown(to, crate::disk::User { uid: stat.uid, gid: stat.gid }, now)?;
                disk.chmod(to, stat.mode, now)?;
                disk.set_mtime(to, stat.mtime_ns, now)?;
                disk.remove_file(from, now)
            }
            result => result,
        });
        if let Err(error) = &result {
            self.console.error(
                [
                    b"rsync: [receiver] rename ".as_slice(),
                    &quoted(from),
                    b" -> ",
                    &quoted(to),
                    format!(": {}", show_errno(error)).as_bytes(),
                ]
                .concat(),
            );
            let _ = self.env.write_disk(|disk, now| disk.remove_file(from, now));
        }
        result.is_ok()
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
                Ok(()) => self.forget_partial(&from),
                Err(error) => self.cannot_put_in_place(&from, &path, &error),
            }
        }
        Ok(())
    }

    fn cannot_put_in_place(&self, from: &[u8], path: &[u8], error: &io::Error) {
        let from = self.shown_below(from);
        let error = show_errno(error);
        let line =
            [b"rsync: [receiver] rename failed for ", &*quoted(path), b" (from ", from, b"): "].concat();
        self.console.error([&line, error.as_bytes()].concat());
    }

    /// A file did not come as it should: its temporary goes, or is kept as `--partial` says.
    pub(super) fn abandon(&self, mut in_flight: InFlight, interrupted: bool) {
        if let Some(handle) = in_flight.handle.take() {
            self.env.write_disk(|disk, _| disk.close(handle));
        }
        let entry = &self.list[in_flight.index as usize];
        if in_flight.in_place {
            if !interrupted {
                self.set_attributes(&in_flight.path, entry, Some(in_flight.mode), true);
                let _ = self.env.write_disk(|disk, now| disk.set_mtime(&in_flight.path, now, now));
            }
            return;
        }
        if self.options.partial && in_flight.got_literal {
            match self.partial_path(entry) {
                Some(partial) => {
                    if !self.has_partial_folder(&partial, entry, "partial file") {
                        let _ = self.env.write_disk(|disk, now| disk.remove_file(&in_flight.path, now));
                        return;
                    }
                    self.set_attributes(&in_flight.path, entry, Some(in_flight.mode), true);
                    // Its time stays that of the last byte.
                    let _ = self.env.write_disk(|disk, now| disk.set_mtime(&in_flight.path, now, now));
                    self.rename(&in_flight.path, &partial);
                }
                None => {
                    let path = self.path(entry);
                    self.set_attributes(&in_flight.path, entry, Some(in_flight.mode), true);
                    // A beginning must not look like the newest file there is: rsync dates it to 1970.
                    let _ = self.env.write_disk(|disk, now| {
                        disk.set_mtime(&in_flight.path, if interrupted { 0 } else { now }, now)
                    });
                    self.rename(&in_flight.path, &path);
                }
            }
            return;
        }
        let _ = self.env.write_disk(|disk, now| disk.remove_file(&in_flight.path, now));
    }

    /// Makes the folder in which a part is kept, but not those above it; says what is lost where it cannot.
    fn has_partial_folder(&self, partial: &[u8], entry: &Entry, what: &str) -> bool {
        let folder = split(partial).0;
        let there = self.env.read_disk(|disk| disk.exists(folder))
            || self.env.write_disk(|disk, now| disk.create_dir(folder, 0o700, now)).is_ok();
        if !there {
            let after = format!(" -- discarding {what}.");
            let line = [b"Unable to create partial-dir for ", self.shown(entry), after.as_bytes()];
            self.console.warning(line.concat());
        }
        there
    }
}
