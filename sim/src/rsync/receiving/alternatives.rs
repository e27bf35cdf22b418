//! `--compare-dest`, `--copy-dest` and `--link-dest`: folders in which a file may be found already.

use bytes::Bytes;

use crate::disk::{Kind, Stat, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::itemize::Changes;
use crate::rsync::options::AltKind;
use crate::rsync::paths::{has_turn, join, quoted, split};
use crate::rsync::stop::show_errno;

use super::Receiving;
use super::backup::GENERATOR;
use super::incoming::temporary_path;
use super::pass::Pass;

/// What the folders gave for a regular file.
pub(super) enum Found {
    /// Nothing more is to do.
    Done,
    /// A file to rebuild it from, with its path.
    Basis(Stat, Vec<u8>),
    Nothing,
}

/// What the folders gave for a link or a special file.
pub(super) enum Alternative {
    /// Nothing more is to do.
    Done,
    /// It is to be made, and nothing said of it: the same stands there.
    Quiet,
    /// One of its kind to compare with.
    Compare(Stat),
}

/// How well a file of a folder fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exists,
    SameContent,
    Exact,
}

impl<E: Env> Receiving<'_, E> {
    /// Looks for a regular file in the folders; `existing` is the file at the destination, `replaced` whatever stood
    /// in its place.
    pub(super) fn file_from_alternative(
        &self,
        index: usize,
        path: &[u8],
        existing: Option<&Stat>,
        replaced: Option<&Stat>,
        pass: &mut Pass,
    ) -> Found {
        let entry = &self.list[index];
        let Some(kind) = self.options.alt_kind else { return Found::Nothing };
        if existing.is_some() && kind == AltKind::Copy {
            return Found::Nothing;
        }
        let candidates = self.candidates(entry).filter(|(_, stat)| stat.kind == Kind::File);
        let mut best: Option<(Fit, Vec<u8>, Stat)> = None;
        for (alt, stat) in candidates {
            let fit = if !self.is_unchanged(entry, &stat, &alt) {
                Fit::Exists
            } else if self.has_attributes(entry, &stat) {
                Fit::Exact
            } else {
                Fit::SameContent
            };
            if best.as_ref().is_none_or(|(known, ..)| fit > *known) {
                best = Some((fit, alt, stat));
            }
        }
        let Some((fit, alt, alt_stat)) = best else { return Found::Nothing };
        if let Some(existing) = existing {
            // Over a file that is there, only an exact match counts; it replaces even an equal one.
            if fit != Fit::Exact || existing.ino == alt_stat.ino {
                return Found::Nothing;
            }
            if !self.options.dry_run {
                let _ = self.env.write_disk(|disk, now| disk.remove_file(path, now));
            }
        }
        match (fit, kind) {
            (Fit::Exists, _) => Found::Basis(alt_stat, alt),
            (Fit::Exact, AltKind::Compare) => {
                self.tell(index, Changes::default(), b"", pass);
                self.say_kept(entry, Changes::default());
                Found::Done
            }
            (Fit::Exact, AltKind::Link) => {
                if !self.options.dry_run {
                    if self.options.relative {
                        self.make_parents(path);
                    }
                    if self.env.write_disk(|disk, now| disk.link(&alt, path, now)).is_err() {
                        return self.copy_here(index, path, (fit, &alt, &alt_stat), replaced, pass);
                    }
                }
                self.tell(index, Changes::LOCAL | Changes::LINKED, b"", pass);
                self.say_kept(entry, Changes::default());
                Found::Done
            }
            _ => self.copy_here(index, path, (fit, &alt, &alt_stat), replaced, pass),
        }
    }

    /// Looks for a link or special file in the folders.
    pub(super) fn other_from_alternative(
        &self,
        index: usize,
        path: &[u8],
        pass: &mut Pass,
    ) -> Option<Alternative> {
        let entry = &self.list[index];
        let kind = self.options.alt_kind?;
        let mut best: Option<(Fit, Vec<u8>, Stat)> = None;
        for (alt, stat) in self.candidates(entry).filter(|(_, stat)| stat.kind == entry.kind) {
            let same = entry.kind != Kind::Symlink
                || self.env.read_disk(|disk| disk.read_link(&alt)).is_ok_and(|target| target == entry.target);
            let fit = if !same {
                Fit::Exists
            } else if self.has_attributes(entry, &stat) {
                Fit::Exact
            } else {
                Fit::SameContent
            };
            if best.as_ref().is_none_or(|(known, ..)| fit > *known) {
                best = Some((fit, alt, stat));
            }
        }
        let (fit, alt, stat) = best?;
        match (fit, kind) {
            (Fit::Exact, _) if entry.kind == Kind::Folder => {
                self.tell(index, Changes::LOCAL, b"", pass);
                self.say_kept(entry, Changes::default());
                Some(Alternative::Done)
            }
            (Fit::Exact, AltKind::Compare) => {
                self.tell(index, Changes::default(), b"", pass);
                self.say_kept(entry, Changes::default());
                Some(Alternative::Done)
            }
            (Fit::Exact, AltKind::Link) => {
                let linked = self.options.dry_run
                    || self.env.write_disk(|disk, now| disk.link(&alt, path, now)).is_ok();
                if !linked {
                    return Some(Alternative::Compare(stat));
                }
                self.tell(index, Changes::LOCAL | Changes::LINKED, b"", pass);
                self.say_kept(entry, Changes::default());
                Some(Alternative::Done)
            }
            (Fit::Exact, AltKind::Copy) => Some(Alternative::Quiet),
            _ => Some(Alternative::Compare(stat)),
        }
    }

    /// Copies the found file to its place, and gives it its attributes.
    fn copy_here(
        &self,
        index: usize,
        path: &[u8],
        (fit, alt, alt_stat): (Fit, &[u8], &Stat),
        replaced: Option<&Stat>,
        pass: &mut Pass,
    ) -> Found {
        let entry = &self.list[index];
        if !self.options.dry_run && !self.copy_from(path, alt, entry, self.mode(entry, replaced)) {
            return Found::Nothing;
        }
        let changes = self.changes_against(entry, Some(alt_stat), replaced, Changes::LOCAL);
        self.tell(index, changes, b"", pass);
        if fit == Fit::Exact {
            self.say_kept(entry, Changes::default());
        }
        Found::Done
    }

    /// Copies a file through a temporary one, which gets the entry's attributes before its name. When it fails, it says why.
    fn copy_from(&self, path: &[u8], alt: &[u8], entry: &Entry, mode: u32) -> bool {
        let at = match self.options.inplace {
            true => path.to_vec(),
            false => temporary_path(path, self.temp_folder().as_deref(), self.env.temp_suffix()),
        };
        if !self.options.inplace && self.options.temp_dir.is_some() && has_turn(&at) {
            self.cannot_make_temporary(GENERATOR, &at, &errno::error(errno::EINVAL));
            return false;
        }
        if self.options.relative {
            self.make_parents(path);
        }
        // The temporary file is made before it is known whether there is anything to copy.
        let made =
            self.env.write_disk(|disk, now| disk.write(&at, Bytes::new(), (mode | 0o200) & 0o700, now));
        if let Err(error) = made {
            match self.options.inplace {
                true => self.trouble_of(GENERATOR, "open", &at, b"", &error),
                false => self.cannot_make_temporary(GENERATOR, &at, &error),
            }
            return false;
        }
        let copied = self.env.read_disk(|disk| disk.read(alt)).and_then(|content| {
            self.env.write_disk(|disk, now| disk.write(&at, content, (mode | 0o200) & 0o700, now))
        });
        if let Err(error) = copied {
            self.trouble_of(GENERATOR, "open", alt, b"", &error);
            if self.options.output.verbose > 0 {
                let line = [b"rsync: [generator] copy_file ", &*quoted(alt), b" => ", self.shown_below(&at)];
                let after = format!(": {}", show_errno(&error));
                self.console.info([&line.concat(), after.as_bytes()].concat());
            }
            let _ = self.env.write_disk(|disk, now| disk.remove_file(&at, now));
            return false;
        }
        self.set_attributes(&at, entry, Some(mode), true);
        self.options.inplace || self.rename(GENERATOR, &at, path, None)
    }

    fn candidates<'b>(&'b self, entry: &'b Entry) -> impl Iterator<Item = (Vec<u8>, Stat)> + 'b {
        self.options.alt_dests.iter().filter_map(move |dir| {
            let alt = join(&self.destination.alternative(dir), self.shown(entry));
            let found = self.env.read_disk(|disk| disk.lstat(&alt));
            if found.is_err() && self.env.read_disk(|disk| disk.stat(split(&alt).0)).is_err() {
                self.env.missed(&alt);
            }
            Some((alt, found.ok()?))
        })
    }
}
