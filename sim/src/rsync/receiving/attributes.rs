//! Mode, owner and time of what stands at the destination: what differs, and making it the same.

use crate::disk::{Kind, Stat, User};
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::itemize::Changes;
use crate::rsync::stop::show_errno;

use super::Receiving;
use super::pass::Pass;

const SECOND_NS: i64 = 1_000_000_000;

impl<E: Env> Receiving<'_, E> {
    /// The mode that an entry gets: its own with `-p`; else that of what is there, or its own under the umask.
    pub(super) fn mode(&self, entry: &Entry, existing: Option<&Stat>) -> u32 {
        self.mode_over(entry, existing.map(|stat| stat.mode))
    }

    /// As [`Self::mode`], over something of this mode.
    pub(super) fn mode_over(&self, entry: &Entry, existing: Option<u32>) -> u32 {
        if self.options.perms {
            return entry.mode;
        }
        match existing {
            Some(mode) if self.options.executability && entry.kind == Kind::File => {
                // -E: where some may read, they may execute; or nobody may.
                if entry.mode & 0o111 == 0 {
                    mode & !0o111
                } else if mode & 0o111 == 0 {
                    mode | (mode & 0o444) >> 2
                } else {
                    mode
                }
            }
            Some(mode) => mode,
            None => entry.mode & 0o777 & !self.env.umask(),
        }
    }

    /// Whether the time of an entry is preserved.
    pub(super) fn keeps_time(&self, entry: &Entry) -> bool {
        self.options.times
            && match entry.kind {
                Kind::Folder => !self.options.omit_dir_times,
                Kind::Symlink => !self.options.omit_link_times,
                _ => true,
            }
    }

    /// Whether two times are the same to this run.
    pub(super) fn same_time(&self, one_ns: i64, other_ns: i64) -> bool {
        let window = self.options.modify_window;
        if window < 0 {
            return one_ns == other_ns;
        }
        let seconds = |ns: i64| ns.div_euclid(SECOND_NS);
        seconds(one_ns).abs_diff(seconds(other_ns)) <= window.unsigned_abs()
    }

    /// What `-i` says of an entry: `existing` is what stood in its place, if anything of its kind.
    pub(super) fn changes(&self, entry: &Entry, existing: Option<&Stat>, done: Changes) -> Changes {
        self.changes_against(entry, existing, existing, done)
    }

    /// As [`Self::changes`], held against something that need not be what it replaces.
    pub(super) fn changes_against(
        &self,
        entry: &Entry,
        compared: Option<&Stat>,
        existing: Option<&Stat>,
        done: Changes,
    ) -> Changes {
        let Some(stat) = compared else { return done | Changes::NEW };
        let mut changes = done;
        if entry.kind == Kind::File && entry.size != stat.size {
            changes |= Changes::SIZE;
        }
        let moved = done.has(Changes::TRANSFER) || (done.has(Changes::LOCAL) && !done.has(Changes::LINKED));
        let keeps = self.keeps_time(entry);
        if (keeps && !self.same_time(entry.mtime_ns, stat.mtime_ns)) || (!keeps && moved) {
            changes |= Changes::TIME;
        }
        if entry.kind != Kind::Symlink && self.modes_differ(entry, existing, stat) {
            changes |= Changes::MODE;
        }
        if self.sets_owner() && entry.uid != stat.uid {
            changes |= Changes::OWNER;
        }
        if self.sets_group(entry.gid) && entry.gid != stat.gid {
            changes |= Changes::GROUP;
        }
        changes
    }

    /// Whether something of another folder has all attributes that the entry is to have. Unlike for `-i`, the time
    /// of a folder counts with `-O`, too.
    pub(super) fn has_attributes(&self, entry: &Entry, stat: &Stat) -> bool {
        let times = self.options.times && !(entry.kind == Kind::Symlink && self.options.omit_link_times);
        (!times || self.same_time(entry.mtime_ns, stat.mtime_ns))
            && (entry.kind == Kind::Symlink || !self.modes_differ(entry, None, stat))
            && !(self.sets_owner() && entry.uid != stat.uid)
            && !(self.sets_group(entry.gid) && entry.gid != stat.gid)
    }

    /// Whether `-i` tells of the mode: `existing` is what the entry replaces, `compared` what it is held against.
    fn modes_differ(&self, entry: &Entry, existing: Option<&Stat>, compared: &Stat) -> bool {
        let executable = |mode: u32| mode & 0o111 != 0;
        if self.options.perms {
            entry.mode != compared.mode
        } else {
            self.options.executability && executable(self.mode(entry, existing)) != executable(compared.mode)
        }
    }

    /// Gives what stands at `path` the entry's owner, time and mode. `accurate` sets a time that differs by less
    /// than what makes `-i` speak.
    ///
    /// Gives how it looked after it got its owner, if that took setuid or setgid away: rsync looks again then, and
    /// holds what it sees against the entry for `-i`.
    pub(super) fn set_attributes(
        &self,
        path: &[u8],
        entry: &Entry,
        mode: Option<u32>,
        accurate: bool,
    ) -> Option<Stat> {
        if self.options.dry_run {
            return None;
        }
        let mut seen = None;
        let Ok(mut stat) = self.env.read_disk(|disk| disk.lstat(path)) else { return None };
        let owner = self.owner_like(User { uid: entry.uid, gid: entry.gid }, stat.owner());
        if owner != stat.owner() {
            self.attempt("chown", path, self.env.write_disk(|disk, now| disk.chown(path, owner, now)));
            if stat.mode & 0o6000 != 0
                && let Ok(changed) = self.env.read_disk(|disk| disk.lstat(path))
            {
                stat = changed;
                seen = Some(changed);
            }
        }
        let same_time =
            |one: i64, other: i64| if accurate { one == other } else { self.same_time(one, other) };
        if self.keeps_time(entry) && !same_time(entry.mtime_ns, stat.mtime_ns) {
            let set = self.env.write_disk(|disk, now| disk.set_mtime(path, entry.mtime_ns, now));
            self.attempt("failed to set times on", path, set);
        }
        if let Some(mode) = mode
            && entry.kind != Kind::Symlink
            && mode != stat.mode
        {
            let set = self.env.write_disk(|disk, now| disk.chmod(path, mode, now));
            self.attempt("failed to set permissions on", path, set);
        }
        seen
    }

    /// Gives folders their times, which the transfer has changed, and the modes that it had to lift.
    pub(super) fn touch_up_folders(&self, pass: &Pass) {
        if self.options.dry_run {
            return;
        }
        let times = self.options.times && !self.options.omit_dir_times;
        for (index, folder) in self.list.iter().enumerate().filter(|(_, entry)| entry.is_folder()) {
            let lifted = pass.retouch.get(&index);
            if !times && lifted.is_none() {
                continue;
            }
            if self.options.no_implied_dirs && folder.implied {
                continue;
            }
            let path = self.path(folder);
            // Whatever stands there by now gets the time alone, unless the folder was given up.
            let has_changed = self.changed_late.borrow().contains(&folder.name) && lifted.is_none();
            if !pass.unmade.contains(&folder.name) && !has_changed {
                let Ok(stat) = self.env.read_disk(|disk| disk.lstat(&path)) else { continue };
                if times && !self.same_time(folder.mtime_ns, stat.mtime_ns) {
                    let set = self.env.write_disk(|disk, now| disk.set_mtime(&path, folder.mtime_ns, now));
                    self.attempt("failed to set times on", &path, set);
                }
                if let Some(&mode) = lifted
                    && mode != stat.mode
                {
                    let set = self.env.write_disk(|disk, now| disk.chmod(&path, mode, now));
                    self.attempt("failed to set permissions on", &path, set);
                }
            }
        }
    }

    pub(super) fn attempt(&self, what: &str, path: &[u8], result: std::io::Result<()>) {
        if let Err(error) = result {
            self.console.error(
                [
                    format!("rsync: [generator] {what} ").as_bytes(),
                    &self.quoted(path),
                    format!(": {}", show_errno(&error)).as_bytes(),
                ]
                .concat(),
            );
        }
    }

    /// The owner of something that is to be like `wanted`, as far as that is preserved, and is owned by `there`.
    pub(super) fn owner_like(&self, wanted: User, there: User) -> User {
        User {
            uid: if self.sets_owner() { wanted.uid } else { there.uid },
            gid: if self.sets_group(wanted.gid) { wanted.gid } else { there.gid },
        }
    }

    fn sets_owner(&self) -> bool {
        self.options.owner && self.is_root()
    }

    /// A group is given by root to anybody, by others to their own group only.
    fn sets_group(&self, gid: u32) -> bool {
        self.options.group && (self.is_root() || self.env.read_disk(|disk| disk.user().gid) == gid)
    }

    pub(super) fn is_root(&self) -> bool {
        self.env.read_disk(|disk| disk.user().uid) == 0
    }
}
