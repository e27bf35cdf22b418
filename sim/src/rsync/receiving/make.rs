//! Entries without content: folders, symlinks, pipes and devices.

use crate::disk::{Kind, Stat};
use crate::rsync::env::Env;
use crate::rsync::itemize::Changes;
use crate::rsync::paths::{quoted, split};
use crate::rsync::stop::{Stop, show_errno};

use super::Receiving;
use super::alternatives::Alternative;
use super::backup::GENERATOR;
use super::incoming::temporary_path;
use super::pass::Pass;

/// What is said of a folder that could not be made.
const SKIPPING: &str = "*** Skipping any contents from this failed directory ***";

impl<E: Env> Receiving<'_, E> {
    pub(super) fn make_folder(
        &self,
        index: usize,
        path: &[u8],
        stat: Option<Stat>,
        pass: &mut Pass,
    ) -> Result<(), Stop> {
        let entry = &self.list[index];
        if self.options.no_implied_dirs && entry.implied {
            return Ok(());
        }
        let existing = match stat {
            Some(stat) if stat.kind != Kind::Folder => {
                if !self.make_room(&entry.name, stat.kind, "directory", pass)? {
                    self.console.error(SKIPPING);
                    pass.skip_below(entry);
                    return Ok(());
                }
                None
            }
            stat => stat,
        };
        // What was made ahead for this run is new to it.
        let ahead = existing.is_some() && pass.made_ahead.contains(&index);
        let existing = existing.filter(|_| !ahead);
        let mode = self.mode(entry, existing.as_ref());
        let done = if existing.is_none() { Changes::LOCAL } else { Changes::default() };
        match existing.is_none().then(|| self.other_from_alternative(index, path, pass)).flatten() {
            Some(Alternative::Done | Alternative::Quiet) => {}
            Some(Alternative::Compare(stat)) => {
                self.tell(index, self.changes_against(entry, Some(&stat), None, done), b"", pass);
            }
            None => self.tell(index, self.changes(entry, existing.as_ref(), done), b"", pass),
        }
        if self.options.dry_run {
            if existing.is_none() {
                pass.missing_below(entry);
            }
        } else {
            let already = ahead || (self.destination.created && entry.name.as_ref() == b".");
            if existing.is_none() && !already && !self.create_folder(path, mode | 0o700) {
                pass.skip_below(entry);
                return Ok(());
            }
            if existing.is_none() && !ahead {
                self.changed(&entry.name);
            }
            // A folder that inherited setgid keeps it, unless modes are preserved.
            let inherited = !self.options.perms
                && existing.is_none()
                && self.env.read_disk(|disk| disk.stat(path)).is_ok_and(|stat| stat.mode & 0o2000 != 0);
            let mode = if inherited { mode | 0o2000 } else { mode };
            self.set_attributes(path, entry, Some(mode), false);
            // Its owner is let in for the time of the transfer. Only what took writing away is taken away again.
            if !self.is_root() && mode & 0o700 != 0o700 {
                let lifted = self.env.write_disk(|disk, now| disk.chmod(path, mode | 0o700, now));
                self.attempt("failed to modify permissions on", path, lifted);
                if mode & 0o200 == 0 {
                    pass.retouch.insert(index, mode);
                }
            }
        }
        match self.options.dry_run && existing.is_none() {
            // What a dry run has not made holds nothing.
            true => Ok(()),
            false => self.delete_here(entry, pass),
        }
    }

    /// Makes a folder; says why it could not.
    pub(super) fn create_folder(&self, path: &[u8], mode: u32) -> bool {
        let made = self.stay_beneath(path).and_then(|()| {
            if self.options.relative {
                self.make_parents(path);
            }
            self.env.write_disk(|disk, now| disk.create_dir(path, mode, now))
        });
        match made {
            Ok(()) => true,
            Err(error) => {
                self.console.error(
                    [
                        b"rsync: [generator] recv_generator: mkdir ".as_slice(),
                        &self.quoted(path),
                        format!(" failed: {}", show_errno(&error)).as_bytes(),
                    ]
                    .concat(),
                );
                self.console.error(SKIPPING);
                false
            }
        }
    }

    /// With `-R` and without implied folders in the list, what is missing above a path is made.
    pub(super) fn make_parents(&self, path: &[u8]) {
        let parent = split(path).0;
        if self.env.read_disk(|disk| disk.stat(parent)).is_err() {
            let mode = 0o777 & !self.env.umask();
            let _ = self.env.write_disk(|disk, now| disk.create_dir_all(parent, mode, now));
        }
    }

    pub(super) fn make_symlink(
        &self,
        index: usize,
        path: &[u8],
        stat: Option<&Stat>,
        pass: &mut Pass,
    ) -> Result<(), Stop> {
        let entry = &self.list[index];
        let there = stat.filter(|stat| stat.kind == Kind::Symlink);
        if there.is_some() && self.env.read_disk(|disk| disk.read_link(path)).is_ok_and(|t| t == entry.target)
        {
            self.keep(index, path, there, pass);
            return Ok(());
        }
        self.make_other(index, path, stat, "symlink", pass, |at| {
            self.env.write_disk(|disk, now| disk.symlink(&entry.target, at, now))
        })
    }

    pub(super) fn make_special(
        &self,
        index: usize,
        path: &[u8],
        stat: Option<&Stat>,
        pass: &mut Pass,
    ) -> Result<(), Stop> {
        let entry = &self.list[index];
        let there = stat.filter(|stat| stat.kind == entry.kind);
        if there.is_some() {
            self.keep(index, path, there, pass);
            return Ok(());
        }
        let is_device = matches!(entry.kind, Kind::CharDevice(..) | Kind::BlockDevice(..));
        let what = if is_device { "device file" } else { "special file" };
        // Without -p it takes over the mode of whatever it replaces.
        let mode = self.mode(entry, stat.filter(|stat| stat.kind != Kind::Folder));
        self.make_other(index, path, stat, what, pass, |at| {
            self.env.write_disk(|disk, now| disk.make_special(at, entry.kind, mode, now))
        })
    }

    /// It is there already: only attributes may differ.
    fn keep(&self, index: usize, path: &[u8], stat: Option<&Stat>, pass: &mut Pass) {
        let entry = &self.list[index];
        let seen = self.set_attributes(path, entry, Some(self.mode(entry, stat)), false);
        let changes = self.changes_against(entry, seen.as_ref().or(stat), stat, Changes::default());
        self.tell(index, changes, b"", pass);
        self.say_kept(entry, changes);
    }

    /// Makes a link or special file, in one step over what stands there unless that is a folder.
    fn make_other(
        &self,
        index: usize,
        path: &[u8],
        stat: Option<&Stat>,
        what: &'static str,
        pass: &mut Pass,
        make: impl Fn(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), Stop> {
        let entry = &self.list[index];
        let mut compared = stat.copied().filter(|stat| same_sort(stat.kind, entry.kind));
        let mut quiet = false;
        if stat.is_none()
            && let Some(alternative) = self.other_from_alternative(index, path, pass)
        {
            match alternative {
                Alternative::Done => return Ok(()),
                Alternative::Quiet => quiet = true,
                Alternative::Compare(stat) => compared = Some(stat),
            }
        }
        if let Some(stat) = stat {
            if stat.kind == Kind::Folder {
                if !self.make_room(&entry.name, stat.kind, what, pass)? {
                    return Ok(());
                }
            } else if self.options.backup && self.back_up(&entry.name, path, GENERATOR, pass)?.is_err() {
                return Ok(());
            }
        }
        if !self.options.dry_run {
            let made = self.stay_beneath(path).and_then(|()| {
                if self.options.relative {
                    self.make_parents(path);
                }
                self.put_in_place(path, &make)
            });
            if let Err(error) = made {
                let (call, to) = match entry.kind {
                    Kind::Symlink => ("symlink", [b" -> ".as_slice(), &quoted(&entry.target)].concat()),
                    _ => ("mknod", Vec::new()),
                };
                let (before, after) =
                    (format!("rsync: [generator] {call} "), format!(" failed: {}", show_errno(&error)));
                self.console.error([before.as_bytes(), &self.quoted(path), &to, after.as_bytes()].concat());
                return Ok(());
            }
            self.changed(&entry.name);
            let replaced = stat.filter(|stat| stat.kind != Kind::Folder);
            self.set_attributes(path, entry, Some(self.mode(entry, replaced)), false);
        }
        if quiet {
            self.tell(index, Changes::LOCAL, b"", pass);
            self.say_kept(entry, Changes::default());
            return Ok(());
        }
        let done = Changes::LOCAL | Changes::CONTENT;
        let replaced = stat.filter(|stat| stat.kind != Kind::Folder);
        self.tell(index, self.changes_against(entry, compared.as_ref(), replaced, done), b"", pass);
        Ok(())
    }

    fn put_in_place(&self, path: &[u8], make: &impl Fn(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        if !self.env.read_disk(|disk| disk.exists(path)) {
            return make(path);
        }
        // With --temp-dir what stood there is removed first: no link is made in that folder.
        if self.options.temp_dir.is_some() {
            self.env.write_disk(|disk, now| disk.remove_file(path, now))?;
            return make(path);
        }
        let temporary = temporary_path(path, None, self.env.temp_suffix());
        make(&temporary)?;
        self.env.write_disk(|disk, now| disk.rename(&temporary, path, now))
    }
}

/// Whether two kinds are compared with one another by `-i`: devices with devices, pipes and sockets likewise.
fn same_sort(one: Kind, other: Kind) -> bool {
    let sort = |kind| match kind {
        Kind::File => 0,
        Kind::Folder => 1,
        Kind::Symlink => 2,
        Kind::CharDevice(..) | Kind::BlockDevice(..) => 3,
        Kind::Fifo | Kind::Socket => 4,
    };
    sort(one) == sort(other)
}
