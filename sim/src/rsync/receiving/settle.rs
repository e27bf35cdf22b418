//! What becomes of a file that has been written: it is renamed to its place, waits for the end, is kept as a part, or
//! goes.

use std::io;

use crate::disk::errno;
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::paths::{quoted, split};
use crate::rsync::stop::show_errno;

use super::backup::RECEIVER;
use super::{InFlight, Receiving};

impl<E: Env> Receiving<'_, E> {
    /// Puts a complete file where it belongs.
    pub(super) fn settle(&self, mut in_flight: InFlight, entry: &Entry) {
        if let Some(handle) = in_flight.handle.take() {
            self.env.write_disk(|disk, _| disk.close(handle));
        }
        let path = self.path(entry);
        let mode = in_flight.mode;
        if in_flight.in_place {
            self.set_attributes(&path, entry, Some(mode), true);
            return;
        }
        let partial = self.partial_path(entry);
        if self.options.delay_updates
            && let Some(waiting) = &partial
        {
            if !self.has_partial_folder(waiting, entry, "completed file") {
                let _ = self.env.write_disk(|disk, now| disk.remove_file(&in_flight.path, now));
                return;
            }
            self.set_attributes(&in_flight.path, entry, Some(mode), true);
            if self.rename(&in_flight.path, waiting) {
                self.delayed.borrow_mut().push((in_flight.index, waiting.clone()));
            }
            return;
        }
        self.put_in_place_of(&in_flight.path, &path, entry, mode);
        if let Some(partial) = partial {
            self.forget_partial(&partial);
        }
    }

    /// Gives a file its attributes and renames it over its name, the old one backed up.
    fn put_in_place_of(&self, from: &[u8], path: &[u8], entry: &Entry, mode: u32) {
        if self.options.backup && !self.back_up(&entry.name, path, RECEIVER) {
            let _ = self.env.write_disk(|disk, now| disk.remove_file(from, now));
            return;
        }
        self.set_attributes(from, entry, Some(mode), true);
        self.changed(&entry.name);
        self.rename(from, path);
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
    pub(super) fn put_delayed_in_place(&self) {
        let mut delayed = self.delayed.take();
        delayed.sort();
        for (index, from) in delayed {
            let entry = &self.list[index as usize];
            let path = self.path(entry);
            if self.options.backup && !self.back_up(&entry.name, &path, RECEIVER) {
                continue;
            }
            self.changed(&entry.name);
            match self.env.write_disk(|disk, now| disk.rename(&from, &path, now)) {
                Ok(()) => self.forget_partial(&from),
                Err(error) => self.cannot_put_in_place(&from, &path, &error),
            }
        }
    }

    fn cannot_put_in_place(&self, from: &[u8], path: &[u8], error: &io::Error) {
        // A path below the destination is shown from there.
        let base = [&self.destination.folder[..], b"/"].concat();
        let from = from.strip_prefix(&base[..]).unwrap_or(from);
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

    pub(super) fn copy_to_backup(&self, name: &[u8], path: &[u8]) {
        let Ok((content, stat)) =
            self.env.read_disk(|disk| Ok::<_, io::Error>((disk.read(path)?, disk.lstat(path)?)))
        else {
            return;
        };
        // The file itself stays where it is; its backup is a new one, with what is preserved of the old one.
        let Some(to) = self.backup_path(name, path) else { return };
        let dir = self.options.backup_dir.as_deref().unwrap_or_default();
        if !dir.starts_with(b"/") && dir.split(|&byte| byte == b'/').any(|part| part == b"..") {
            // A copy on a path that leads upwards is made, but not looked at again.
            let made = self.env.write_disk(|disk, now| {
                let _ = disk.remove_file(&to, now);
                disk.write(&to, content, 0o600, now)
            });
            match made {
                Ok(()) => self.cannot("generator", "stat", &to, &errno::error(errno::EINVAL)),
                Err(error) => self.cannot("generator", "open", &to, &error),
            }
            return;
        }
        let sets_owner = self.sets_owner();
        let copied = self.env.write_disk(|disk, now| {
            let _ = disk.remove_file(&to, now);
            disk.write(&to, content, stat.mode, now)?;
            if sets_owner {
                disk.chown(&to, crate::disk::User { uid: stat.uid, gid: stat.gid }, now)?;
            }
            disk.chmod(&to, stat.mode, now)?;
            if self.options.times { disk.set_mtime(&to, stat.mtime_ns, now) } else { Ok(()) }
        });
        if copied.is_ok() {
            self.say_backed_up(name, &to);
        }
    }
}
