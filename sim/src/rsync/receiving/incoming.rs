//! The file that is being written: opened under a temporary name or its own, written, cut.

use std::io;

use bytes::Bytes;

use super::{InFlight, Receiving};
use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::paths::{join, quoted, split};
use crate::rsync::stop::{Stop, show_errno};

/// Bytes that a name may have on Linux.
const NAME_BYTES_MAX: usize = 255;

/// Why the rest of a file is read and dropped.
pub(super) enum Discard {
    /// It was said already.
    Told,
}

impl<E: Env> Receiving<'_, E> {
    /// Opens the place into which a file is written.
    pub(super) fn open(&self, index: u32, entry: &Entry) -> Result<(), Discard> {
        let path = self.path(entry);
        let existing =
            self.env.read_disk(|disk| disk.lstat(&path)).ok().filter(|stat| stat.kind == Kind::File);
        let parent = split(&entry.name).0;
        if self.received_parent.replace(Bytes::copy_from_slice(parent)) != parent {
            self.say_no_default_modes(parent);
        }
        let base_mode = self.base_modes.borrow_mut().remove(&index);
        let mode = self.mode_over(entry, base_mode.or(existing.map(|stat| stat.mode)));
        if self.options.relative {
            self.make_parents(&path);
        }
        let (at, opened, call) = if self.options.inplace {
            let opened = self.env.write_disk(|disk, now| match existing {
                Some(_) => disk.open_write(&path),
                None => disk.create_new(&path, 0o600, now),
            });
            (path, opened, "open")
        } else {
            let at = temporary_path(&path, self.temp_folder().as_deref(), self.env.temp_suffix());
            // In a folder of its own the path must not lead upwards.
            let leads_up =
                self.options.temp_dir.is_some() && at.split(|&byte| byte == b'/').any(|part| part == b"..");
            let opened = match leads_up {
                true => Err(errno::error(errno::EINVAL)),
                false => self.env.write_disk(|disk, now| disk.create_new(&at, (mode | 0o200) & 0o700, now)),
            };
            (at, opened, "mkstemp")
        };
        match opened {
            Ok(handle) => {
                *self.in_flight.borrow_mut() = Some(InFlight {
                    index,
                    handle: Some(handle),
                    path: at,
                    in_place: self.options.inplace,
                    mode,
                    got_literal: false,
                });
                Ok(())
            }
            Err(error) => {
                // No random part was found yet.
                let shown = match self.options.inplace {
                    true => at,
                    false => [&at[..at.len() - 6], b"XXXXXX"].concat(),
                };
                match self.options.inplace {
                    true => self.cannot("receiver", call, &shown, &error),
                    false => self.cannot_make_temporary("receiver", &shown, &error),
                }
                Err(Discard::Told)
            }
        }
    }

    pub(super) fn cannot_make_temporary(&self, role: &str, path: &[u8], error: &io::Error) {
        self.cannot(role, "mkstemp", path, error);
    }

    pub(super) fn cannot(&self, role: &str, call: &str, path: &[u8], error: &io::Error) {
        let (before, after) = (format!("rsync: [{role}] {call} "), format!(" failed: {}", show_errno(error)));
        self.console.error([before.as_bytes(), &quoted(path), after.as_bytes()].concat());
    }

    pub(super) fn write(&self, at: u64, piece: &[u8], entry: &Entry) -> Result<(), Stop> {
        let in_flight = self.in_flight.borrow();
        let Some(InFlight { handle: Some(handle), path, .. }) = in_flight.as_ref() else { return Ok(()) };
        let result = self.env.write_disk(|disk, now| disk.write_at(handle, at, piece, now));
        result.map_err(|error| self.write_failed(path, entry, &error))
    }

    /// With `--inplace`: what the old file had behind the end of the new one goes.
    pub(super) fn cut(&self, size: u64) -> Result<(), Stop> {
        let in_flight = self.in_flight.borrow();
        let Some(InFlight { handle: Some(handle), index, path, .. }) = in_flight.as_ref() else {
            return Ok(());
        };
        let result = self.env.write_disk(|disk, now| disk.truncate(handle, size, now));
        result.map_err(|error| self.write_failed(path, &self.list[*index as usize], &error))
    }

    fn write_failed(&self, _: &[u8], entry: &Entry, error: &io::Error) -> Stop {
        self.console.error(
            [
                b"rsync: [receiver] write failed on ".as_slice(),
                &quoted(&self.path(entry)),
                format!(": {}", show_errno(error)).as_bytes(),
            ]
            .concat(),
        );
        Stop::file_io("receiver.c(657)", "receiver")
    }

    pub(super) fn temp_folder(&self) -> Option<Vec<u8>> {
        let dir = self.options.temp_dir.as_ref()?;
        Some(if dir.starts_with(b"/") { dir.clone() } else { join(&self.destination.folder, dir) })
    }
}

/// The name under which a file is written: `.NAME.XXXXXX` beside it, `NAME.XXXXXX` in `--temp-dir`, cut to what
/// fits.
pub(super) fn temporary_path(path: &[u8], temp_dir: Option<&[u8]>, suffix: [u8; 6]) -> Vec<u8> {
    let (folder, name) = split(path);
    let room = NAME_BYTES_MAX - suffix.len() - 2;
    let (mut temporary, name) = match temp_dir {
        None => (vec![b'.'], name.strip_prefix(b".").unwrap_or(name)),
        Some(_) => (Vec::new(), name),
    };
    temporary.extend_from_slice(&name[..name.len().min(room)]);
    temporary.push(b'.');
    temporary.extend_from_slice(&suffix);
    join(temp_dir.unwrap_or(folder), &temporary)
}
