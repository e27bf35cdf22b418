//! The file that is being written: opened under a temporary name, its own or its part's, written, cut.

use std::io;

use bytes::Bytes;

use super::backup::Role;
use super::{Elsewhere, InFlight, Receiving, Written};
use crate::disk::{Handle, Kind, Stat, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::paths::{has_turn, join, split};
use crate::rsync::stop::{Stop, show_errno};

/// Bytes of a name that a temporary one keeps: a name may have 255, and rsync leaves room for two more than it needs.
const KEPT_BYTES_MAX: usize = 246;

/// Bytes of a temporary name that are drawn.
const SUFFIX_BYTES: usize = 6;

/// Why the rest of a file is read and dropped.
pub(super) enum Discard {
    /// It was said already.
    Told,
}

impl<E: Env> Receiving<'_, E> {
    /// Opens the place into which a file is written.
    pub(super) fn open(&self, index: u32, entry: &Entry) -> Result<(), Discard> {
        let path = self.path(entry);
        let parent = split(&entry.name).0;
        if self.received_parent.replace(Bytes::copy_from_slice(parent)) != parent {
            self.say_no_default_modes(parent);
        }
        let elsewhere = self.elsewhere.borrow_mut().remove(&index);
        // What cannot be read is no base.
        let base_mode = self.base_mode(elsewhere.as_ref().map_or(&path, Elsewhere::path));
        let mode = self.mode_over(entry, base_mode);
        if self.options.relative {
            self.make_parents(&path);
        }
        let (at, written, opened) = match elsewhere {
            Some(Elsewhere::Part(part)) if base_mode.is_some() => {
                let opened = self.open_over(&part);
                (part, Written::OverPart, opened)
            }
            _ if self.options.inplace => {
                let opened = match self.env.read_disk(|disk| disk.lstat(&path)) {
                    Ok(stat) if stat.kind == Kind::File => self.open_over(&path),
                    _ => self.env.write_disk(|disk, now| disk.create_new(&path, 0o600, now)),
                };
                (path, Written::InPlace, opened)
            }
            _ => {
                let at = temporary_path(&path, self.temp_folder().as_deref(), self.env.temp_suffix());
                // In a folder of its own the path must not lead upwards.
                let leads_up = self.options.temp_dir.is_some() && has_turn(&at);
                let mode = (mode | 0o200) & 0o700;
                let opened = match leads_up {
                    true => Err(errno::error(errno::EINVAL)),
                    false => self.env.write_disk(|disk, now| disk.create_new(&at, mode, now)),
                };
                (at, Written::Temporary, opened)
            }
        };
        match opened {
            Ok(handle) => {
                *self.in_flight.borrow_mut() = Some(InFlight {
                    index,
                    handle: Some(handle),
                    path: at,
                    written,
                    mode,
                    got_literal: false,
                });
                Ok(())
            }
            Err(error) => {
                match written {
                    Written::Temporary => self.cannot_make_temporary("receiver", &at, &error),
                    Written::InPlace | Written::OverPart => self.cannot("receiver", "open", &at, &error),
                }
                Err(Discard::Told)
            }
        }
    }

    /// The mode of a regular file that can be opened for reading.
    fn base_mode(&self, path: &[u8]) -> Option<u32> {
        self.env.read_disk(|disk| {
            let stat = disk.lstat(path).ok().filter(|stat| stat.kind == Kind::File)?;
            let opens = disk.read(path).err().is_none_or(|error| error.raw_os_error() == Some(errno::EIO));
            opens.then_some(stat.mode)
        })
    }

    /// Opens a file to write over it. Of a file of its own that it may not write, rsync changes the mode for as long as
    /// that takes.
    fn open_over(&self, path: &[u8]) -> io::Result<Handle> {
        self.env.write_disk(|disk, now| {
            let refused = match disk.open_write(path) {
                Err(error) if error.raw_os_error() == Some(errno::EACCES) => error,
                opened => return opened,
            };
            let Ok(Stat { mode, .. }) = disk.lstat(path) else { return Err(refused) };
            if disk.chmod(path, mode | 0o200, now).is_err() {
                return Err(refused);
            }
            let opened = disk.open_write(path);
            disk.chmod(path, mode, now)?;
            opened
        })
    }

    /// No temporary file could be made at a path: so no random part was found for it yet.
    pub(super) fn cannot_make_temporary(&self, role: &str, path: &[u8], error: &io::Error) {
        let shown = [&path[..path.len() - SUFFIX_BYTES], &[b'X'; SUFFIX_BYTES]].concat();
        self.cannot(role, "mkstemp", &shown, error);
    }

    /// Says what went wrong with a file, without the word that it failed.
    pub(super) fn trouble_of(&self, role: Role, call: &str, path: &[u8], rest: &[u8], error: &io::Error) {
        let (before, after) = (format!("rsync: [{role}] {call} "), format!(": {}", show_errno(error)));
        self.console.error([before.as_bytes(), &self.quoted(path), rest, after.as_bytes()].concat());
    }

    pub(super) fn cannot(&self, role: &str, call: &str, path: &[u8], error: &io::Error) {
        let (before, after) = (format!("rsync: [{role}] {call} "), format!(" failed: {}", show_errno(error)));
        self.console.error([before.as_bytes(), &self.quoted(path), after.as_bytes()].concat());
    }

    pub(super) fn write(&self, at: u64, piece: &[u8], entry: &Entry) -> Result<(), Stop> {
        let in_flight = self.in_flight.borrow();
        let Some(InFlight { handle: Some(handle), path, .. }) = in_flight.as_ref() else { return Ok(()) };
        let result = self.env.write_disk(|disk, now| disk.write_at(handle, at, piece, now));
        result.map_err(|error| self.write_failed(path, entry, &error))
    }

    /// What the old file had behind the end of the new one that was written over it goes.
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
                &self.quoted(&self.path(entry)),
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

/// The name under which a file is written: `.NAME.XXXXXX` beside it, `NAME.XXXXXX` in `--temp-dir`. A long name is cut,
/// with all of the letters beyond ASCII that it would end in then, lest one of them be cut in two.
pub(super) fn temporary_path(path: &[u8], temp_dir: Option<&[u8]>, suffix: [u8; SUFFIX_BYTES]) -> Vec<u8> {
    let (folder, name) = split(path);
    let (mut temporary, mut name) = match temp_dir {
        None => (vec![b'.'], name.strip_prefix(b".").unwrap_or(name)),
        Some(_) => (Vec::new(), name),
    };
    if name.len() > KEPT_BYTES_MAX {
        let end = name[..KEPT_BYTES_MAX].iter().rposition(u8::is_ascii).map_or(0, |last| last + 1);
        name = &name[..end];
    }
    temporary.extend_from_slice(name);
    if temporary != b"." {
        temporary.push(b'.');
    }
    temporary.extend_from_slice(&suffix);
    join(temp_dir.unwrap_or(folder), &temporary)
}

#[cfg(test)]
mod tests {
    use super::temporary_path;

    #[test]
    fn a_temporary_name_is_cut_where_rsync_cuts_it() {
        let kept = |name: &str, temp_dir: Option<&[u8]>| {
            let path = temporary_path(format!("/f/{name}").as_bytes(), temp_dir, *b"XXXXXX");
            String::from_utf8(path).expect("no letter is cut in two")
        };
        assert_eq!(kept(".hidden", None), "/f/.hidden.XXXXXX");
        assert_eq!(kept(".hidden", Some(b"/t")), "/t/.hidden.XXXXXX");
        // Lengths are those of the real one's open(2), seen under strace.
        let length = |name: &str| kept(name, None).len() - "/f/".len();
        assert_eq!([246, 247, 255].map(|count| length(&"x".repeat(count))), [254; 3]);
        assert_eq!(length(&("x".repeat(244) + "漢漢漢")), 252);
        assert_eq!(length(&("x".repeat(200) + &"é".repeat(25) + "yyyy")), 208);
        assert_eq!(kept(&"é".repeat(123), None), format!("/f/.{}.XXXXXX", "é".repeat(123)));
        assert_eq!(kept(&"é".repeat(124), None), "/f/.XXXXXX");
    }
}
