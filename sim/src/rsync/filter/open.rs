//! Opening a file of rules or names: a link on the way to it counts only when root or this user owns it.

use std::io;

use bytes::Bytes;

use crate::disk::{Disk, Kind, errno};
use crate::rsync::paths::split;

/// The kernel's limit of links on the way to one name.
const LINKS_MAX: usize = 40;
const UNTRUSTED: &str = "refusing to follow a symlink owned by an untrusted user; use --insecure-links locally or \
    \"insecure links = yes\" in a daemon module ONLY if every path component is trusted";

/// The content of a file at an absolute path; `say` hears of a link that is not followed.
///
/// # Errors
/// Those of open(2), and ELOOP for a link of somebody else.
pub fn open(disk: &Disk, path: &[u8], say: &dyn Fn(Vec<u8>)) -> io::Result<Bytes> {
    let parts = |path: &[u8]| path.split(|&byte| byte == b'/').rev().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (mut ahead, mut way, mut links) = (parts(path), Vec::new(), 0);
    while let Some(part) = ahead.pop() {
        match &part[..] {
            b"" | b"." => continue,
            b".." => {
                way.truncate(split(&way).0.len());
                continue;
            }
            _ => {}
        }
        let folder = way.len();
        way.push(b'/');
        way.extend_from_slice(&part);
        // Anything but a link is for the call itself to judge.
        let Ok(stat) = disk.lstat(&way) else { continue };
        if stat.kind != Kind::Symlink {
            continue;
        }
        links += 1;
        let is_trusted = stat.uid == 0 || stat.uid == disk.user().uid;
        if !is_trusted {
            say(UNTRUSTED.as_bytes().to_vec());
        }
        if !is_trusted || links > LINKS_MAX {
            return Err(errno::error(errno::ELOOP));
        }
        let target = disk.read_link(&way)?;
        way.truncate(if target.starts_with(b"/") { 0 } else { folder });
        ahead.extend(parts(&target));
    }
    disk.read(path)
}
