//! Links in the place of folders: those that stay below the destination are followed, no others.

use std::io;

use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::file_list::sort_key;
use crate::rsync::paths::{join, split};

use super::Receiving;

/// The kernel's limit of links on the way to one name.
const LINKS_MAX: usize = 40;

impl<E: Env> Receiving<'_, E> {
    /// Fails with ELOOP when a link leads out of the destination on the way to the folder of this path, as rsync
    /// does since it opens folders beneath the destination only. Such links stand there where `--ignore-existing`
    /// or `--no-implied-dirs` leaves them in the place of a folder.
    pub(super) fn stay_beneath(&self, path: &[u8]) -> io::Result<()> {
        let name = path.strip_prefix(&self.destination.folder[..]);
        let Some(name) = name.filter(|_| self.options.leaves_links()) else { return Ok(()) };
        self.resolve(split(name).0).map(drop)
    }

    /// Something has changed in the folder of this entry. Where a link led there, the folder that it leads to may have
    /// its time already: that is so when its own list has been gone through and brought no content.
    pub(super) fn changed(&self, name: &[u8]) {
        let parent = split(name).0;
        if !self.options.leaves_links() || !self.options.is_incremental() {
            return;
        }
        let Ok((way, 1..)) = self.resolve(parent) else { return };
        let folder = if way.is_empty() { b".".to_vec() } else { way };
        let is_done = sort_key(&folder, true) < sort_key(parent, true);
        if is_done && !self.wanted_in.borrow().contains(&folder[..]) {
            self.changed_late.borrow_mut().insert(folder.into());
        }
    }

    /// Where a folder of the destination lies, from there, and how many links lead to it.
    pub(super) fn resolve(&self, name: &[u8]) -> io::Result<(Vec<u8>, usize)> {
        let folder = &self.destination.folder;
        let parts =
            |path: &[u8]| path.split(|&byte| byte == b'/').rev().map(<[u8]>::to_vec).collect::<Vec<_>>();
        let leads_out = || errno::error(errno::ELOOP);
        let (mut ahead, mut way, mut links) = (parts(name), Vec::new(), 0);
        while let Some(part) = ahead.pop() {
            match &part[..] {
                b"" | b"." => continue,
                b".." => {
                    way.pop().ok_or_else(leads_out)?;
                    continue;
                }
                _ => way.push(part),
            }
            let here = join(folder, &way.join(&b'/'));
            let Ok(target) = self.env.read_disk(|disk| disk.read_link(&here)) else {
                // A file on the way looks like a link to it; the last part is for the call itself to judge.
                let is_file = || {
                    self.env.read_disk(|disk| disk.lstat(&here)).is_ok_and(|stat| stat.kind != Kind::Folder)
                };
                if !ahead.is_empty() && is_file() {
                    return Err(leads_out());
                }
                continue;
            };
            links += 1;
            if target.starts_with(b"/") || links > LINKS_MAX {
                return Err(leads_out());
            }
            way.pop();
            ahead.extend(parts(&target));
        }
        Ok((way.join(&b'/'), links))
    }
}
