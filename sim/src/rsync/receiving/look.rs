//! What stands at the destination in an entry's place, and whether the entry is passed over because of it.

use bytes::Bytes;

use super::Receiving;
use super::backup::GENERATOR;
use super::pass::Pass;
use crate::disk::{Kind, Stat, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::paths::split;

impl<E: Env> Receiving<'_, E> {
    /// Looks at what stands in an entry's place.
    pub(super) fn look(&self, entry: &Entry, path: &[u8]) -> std::io::Result<Stat> {
        // The destination folder may be reached through a symlink.
        let followed = entry.name.as_ref() == b"." && self.destination.solo.is_none();
        if followed {
            return self.env.read_disk(|disk| disk.stat(path));
        }
        self.stay_beneath(path)?;
        self.env.read_disk(|disk| disk.lstat(path))
    }

    /// Comes into the folder of an entry; false when a dry run finds that it is not there.
    pub(super) fn come_to_parent(&self, entry: &Entry, pass: &mut Pass) -> bool {
        let parent = split(&entry.name).0;
        if pass.parent.as_deref() == Some(parent) {
            return true;
        }
        if !self.has_parent(parent) {
            return false;
        }
        pass.parent = Some(Bytes::copy_from_slice(parent));
        self.say_no_default_modes(parent);
        true
    }

    /// Without implied folders in the list, those above an entry are made as they are come to.
    fn has_parent(&self, parent: &[u8]) -> bool {
        if !self.options.relative || !self.options.no_implied_dirs || parent.is_empty() {
            return true;
        }
        let path = self.destination.path(parent);
        let there = self.stay_beneath(&path).and_then(|()| self.env.read_disk(|disk| disk.stat(&path)));
        if there.is_ok() || self.options.dry_run {
            return there.is_ok();
        }
        let ends = (1..parent.len()).filter(|&at| parent[at] == b'/').chain([parent.len()]);
        for end in ends {
            let at = self.destination.path(&parent[..end]);
            let mode = 0o777 & !self.env.umask();
            let made = self
                .stay_beneath(&at)
                .and_then(|()| self.env.write_disk(|disk, now| disk.create_dir(&at, mode, now)));
            match made {
                Err(error) if error.raw_os_error() != Some(errno::EEXIST) => {
                    self.cannot(GENERATOR, "recv_generator: mkdir", &path, &error);
                    return true;
                }
                _ => {}
            }
        }
        true
    }

    /// Without `-p` each process looks for default modes at each folder that it comes into, and says so when something
    /// else stands there.
    pub(super) fn say_no_default_modes(&self, parent: &[u8]) {
        if self.options.perms || self.destination.solo.is_some() {
            return;
        }
        let path = self.destination.path(if parent.is_empty() { b"." } else { parent });
        let errno = match self.env.read_disk(|disk| disk.stat(&path)) {
            Ok(stat) if stat.kind == Kind::Folder => return,
            Ok(_) => errno::EACCES,
            Err(error) => errno::number(&error),
        };
        // A dry run makes no folders; with -R those that are missing have been made by then.
        if errno == errno::ENOENT && (self.options.dry_run || self.options.relative) {
            return;
        }
        let after = format!(", ACL_TYPE_DEFAULT): {}, falling back on umask", errno::message(errno));
        let line = [b"default_perms_for_dir: sys_acl_get_file(".as_slice(), parent, after.as_bytes()];
        self.console.warning(line.concat());
    }

    /// `--existing` and `--ignore-existing`.
    pub(super) fn is_passed_over(&self, entry: &Entry, stat: Option<&Stat>, pass: &mut Pass) -> bool {
        let tells = self.options.output.verbose > 1;
        if self.options.existing && stat.is_none() {
            if entry.is_folder() {
                pass.skip_below(entry);
            }
            if tells {
                let what = if entry.is_folder() { "directory" } else { "file" };
                self.console.info(
                    [format!("not creating new {what} \"").as_bytes(), self.shown(entry), b"\""].concat(),
                );
            }
            return true;
        }
        if self.options.ignore_existing
            && stat.is_some_and(|stat| !(entry.is_folder() && stat.kind == Kind::Folder))
        {
            if tells {
                self.console.info([self.shown(entry), b" exists"].concat());
            }
            return true;
        }
        false
    }
}
