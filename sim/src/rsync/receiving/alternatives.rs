//! `--compare-dest`, `--copy-dest` and `--link-dest`: folders in which a file may be found already.

use crate::disk::{Kind, Stat, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::itemize::Changes;
use crate::rsync::options::AltKind;
use crate::rsync::paths::join;

use super::Receiving;
use super::generator::Pass;
use super::receiver::temporary_path;

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
    /// Looks for a regular file in the folders; `existing` is what stands at the destination.
    pub(super) fn file_from_alternative(
        &self,
        index: usize,
        path: &[u8],
        existing: Option<&Stat>,
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
            } else if self.changes(entry, Some(&stat), Changes::default()) == Changes::default() {
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
                        return self.copy_here(index, path, &alt, &alt_stat, pass);
                    }
                }
                self.tell(index, Changes::LOCAL | Changes::LINKED, b"", pass);
                self.say_kept(entry, Changes::default());
                Found::Done
            }
            _ => self.copy_here(index, path, &alt, &alt_stat, pass),
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
            } else if self.changes(entry, Some(&stat), Changes::default()) == Changes::default() {
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
    fn copy_here(&self, index: usize, path: &[u8], alt: &[u8], alt_stat: &Stat, pass: &mut Pass) -> Found {
        let entry = &self.list[index];
        if !self.options.dry_run {
            // It goes through a temporary file, too.
            let at = temporary_path(path, self.temp_folder().as_deref(), *b"XXXXXX");
            if self.options.temp_dir.is_some() && at.split(|&byte| byte == b'/').any(|part| part == b"..") {
                self.cannot_make_temporary("generator", &at, &errno::error(errno::EINVAL));
                return Found::Nothing;
            }
            let copied = self.env.read_disk(|disk| disk.read(alt)).and_then(|content| {
                if self.options.relative {
                    self.make_parents(path);
                }
                self.env.write_disk(|disk, now| disk.write(path, content, 0o600, now))
            });
            if copied.is_err() {
                return Found::Basis(*alt_stat, alt.to_vec());
            }
            self.set_attributes(path, entry, Some(self.mode(entry, None)), true);
        }
        let changes = self.changes(entry, Some(alt_stat), Changes::LOCAL);
        self.tell(index, changes, b"", pass);
        if changes == Changes::LOCAL {
            self.say_kept(entry, Changes::default());
        }
        Found::Done
    }

    fn candidates<'b>(&'b self, entry: &'b Entry) -> impl Iterator<Item = (Vec<u8>, Stat)> + 'b {
        self.options.alt_dests.iter().filter_map(move |dir| {
            let alt = join(&join(&self.destination.folder, dir), &entry.name);
            let alt = if dir.starts_with(b"/") { join(dir, &entry.name) } else { alt };
            let stat = self.env.read_disk(|disk| disk.lstat(&alt)).ok()?;
            Some((alt, stat))
        })
    }
}
