//! From a path to an inode, as path_resolution(7) tells.

use std::io;

use super::inode::Node;
use super::{Disk, Ino, ROOT, User, errno, permission};

const NAME_BYTES_MAX: usize = 255;
const PATH_BYTES_MAX: usize = 4096;
const SYMLINKS_MAX: u32 = 40;

/// Whether a symlink at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// Where a path's last name stands, and what it names, if anything.
#[derive(Debug)]
pub(super) struct Place {
    pub folder: Ino,
    pub name: Vec<u8>,
    pub ino: Option<Ino>,
}

/// How many folders are remembered: the artifacts of an API lie in three, and a sync comes through those above them, too.
const WALKED_MAX: usize = 8;

/// Folders that were walked to lately: who looks at one entry of a folder looks at the next, too. They are forgotten
/// when any folder loses its name, or its permissions may change.
#[derive(Debug, Clone, Default)]
pub(super) struct WalkedTo {
    folders: Vec<Walked>,
    /// Which is replaced next.
    next: usize,
}

#[derive(Debug, Clone)]
struct Walked {
    /// Its path, without a symlink in it.
    path: Vec<u8>,
    folder: Ino,
    /// Who was let through.
    user: User,
}

impl WalkedTo {
    fn folder(&self, path: &[u8], user: User) -> Option<Ino> {
        let fits = |walked: &&Walked| walked.path == path && walked.user == user;
        self.folders.iter().find(fits).map(|walked| walked.folder)
    }

    fn add(&mut self, path: &[u8], folder: Ino, user: User) {
        let walked = Walked { path: path.to_vec(), folder, user };
        match self.folders.get_mut(self.next) {
            Some(oldest) => *oldest = walked,
            None => self.folders.push(walked),
        }
        self.next = (self.next + 1) % WALKED_MAX;
    }

    pub(super) fn forget(&mut self) {
        self.folders.clear();
        self.next = 0;
    }
}

/// A path's last name, and what stands before its slash; none where there is no such name, or a zero byte in it.
fn parted(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memrchr2(b'/', 0, path)?;
    let (folder, name) = (&path[..end], &path[end + 1..]);
    let is_name = !matches!(name, b"" | b"." | b"..") && name.len() <= NAME_BYTES_MAX;
    (is_name && path[end] == b'/').then_some((folder, name))
}

impl Disk {
    pub(super) fn resolve(&self, path: &[u8], last: Last) -> io::Result<Ino> {
        if let Some((_, _, found)) = self.shortcut(path, last) {
            return found.ok_or_else(|| errno::error(errno::ENOENT));
        }
        self.locate(path, last)?.1.ok_or_else(|| errno::error(errno::ENOENT))
    }

    /// The folder and name for a call that creates, removes or renames an entry.
    pub(super) fn place(&self, path: &[u8]) -> io::Result<Place> {
        match self.locate(path, Last::Keep)? {
            (Some((folder, name)), ino) => Ok(Place { folder, name, ino }),
            (None, _) => Err(errno::error(errno::EEXIST)),
        }
    }

    /// As `place`, but a symlink at the end is followed: where open with O_CREAT makes its file.
    pub(super) fn place_followed(&self, path: &[u8]) -> io::Result<Place> {
        match self.locate(path, Last::Follow)? {
            (Some((folder, name)), ino) => Ok(Place { folder, name, ino }),
            (None, _) => Err(errno::error(errno::EISDIR)),
        }
    }

    /// What [`Disk::locate`] finds, where no walk is needed for it.
    fn shortcut<'a>(&self, path: &'a [u8], last: Last) -> Option<(Ino, &'a [u8], Option<Ino>)> {
        let (before, name) = parted(path)?;
        let folder = self.walked.borrow().folder(before, self.user)?;
        let Node::Folder(entries) = &self.inode(folder).node else { return None };
        let found = entries.get(name).copied();
        let leads_on = found.is_some_and(|ino| matches!(self.inode(ino).node, Node::Symlink(_)));
        let is_short = path.len() < PATH_BYTES_MAX;
        (is_short && (last == Last::Keep || !leads_on)).then_some((folder, name, found))
    }

    /// The last name with its folder (none for the root or after `..`), and the inode if there is one.
    #[allow(clippy::type_complexity, reason = "two private callers take it apart at once")]
    fn locate(&self, path: &[u8], last: Last) -> io::Result<(Option<(Ino, Vec<u8>)>, Option<Ino>)> {
        if let Some((folder, name, found)) = self.shortcut(path, last) {
            return Ok((Some((folder, name.to_vec())), found));
        }
        if path.is_empty() {
            return Err(errno::error(errno::ENOENT));
        }
        if path.len() >= PATH_BYTES_MAX {
            return Err(errno::error(errno::ENAMETOOLONG));
        }
        assert!(path[0] == b'/', "the disk takes absolute paths: {:?}", String::from_utf8_lossy(path));
        if path.contains(&0) {
            return Err(errno::error(errno::EINVAL));
        }
        // Only a path that meets a symlink needs a buffer of its own.
        let (mut rest, mut folders) = match self.descend(path, last, &mut Vec::new())? {
            Step::Arrived(at, ino) => {
                if let (Some((folder, _)), Some((before, _))) = (&at, parted(path)) {
                    self.walked.borrow_mut().add(before, *folder, self.user);
                }
                return Ok((at, ino));
            }
            Step::Symlink { rest, folders } => (rest, folders),
        };
        for _ in 1..SYMLINKS_MAX {
            match self.descend(&rest, last, &mut folders)? {
                Step::Arrived(at, ino) => return Ok((at, ino)),
                Step::Symlink { rest: longer, folders: deeper } => (rest, folders) = (longer, deeper),
            }
        }
        Err(errno::error(errno::ELOOP))
    }

    /// Walks `rest` from the innermost of `folders` (the root when it is empty) until it ends or meets a symlink.
    fn descend(&self, rest: &[u8], last: Last, folders: &mut Vec<Ino>) -> io::Result<Step> {
        if rest.first() == Some(&b'/') {
            folders.clear();
        }
        // What stands behind a name leads into it; a dot that does cannot be made with it, as a slash can.
        let into_it = rest.ends_with(b"/.");
        let must_be_folder = into_it || rest.last() == Some(&b'/');
        let mut parts =
            rest.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").peekable();
        let mut named: Option<(Ino, &[u8])> = None;
        while let Some(part) = parts.next() {
            let folder = folders.last().copied().unwrap_or(ROOT);
            let Node::Folder(entries) = &self.inode(folder).node else {
                return Err(errno::error(errno::ENOTDIR));
            };
            self.check_access(folder, permission::SEARCH)?;
            if part == b".." {
                folders.pop();
                named = None;
                continue;
            }
            if part.len() > NAME_BYTES_MAX {
                return Err(errno::error(errno::ENAMETOOLONG));
            }
            let is_last = parts.peek().is_none();
            let Some(&ino) = entries.get(part) else {
                return if is_last && !into_it {
                    Ok(Step::Arrived(Some((folder, part.to_vec())), None))
                } else {
                    Err(errno::error(errno::ENOENT))
                };
            };
            match &self.inode(ino).node {
                Node::Symlink(target) if !is_last || last == Last::Follow || must_be_folder => {
                    if target.is_empty() {
                        return Err(errno::error(errno::ENOENT));
                    }
                    let mut longer = target.to_vec();
                    for after in parts {
                        longer.push(b'/');
                        longer.extend_from_slice(after);
                    }
                    if must_be_folder {
                        longer.extend_from_slice(if into_it { b"/." } else { b"/" });
                    }
                    return Ok(Step::Symlink { rest: longer, folders: std::mem::take(folders) });
                }
                _ => {}
            }
            named = Some((folder, part));
            folders.push(ino);
        }
        let ino = folders.last().copied().unwrap_or(ROOT);
        if must_be_folder && !matches!(self.inode(ino).node, Node::Folder(_)) {
            return Err(errno::error(errno::ENOTDIR));
        }
        Ok(Step::Arrived(named.map(|(folder, name)| (folder, name.to_vec())), Some(ino)))
    }
}

enum Step {
    Arrived(Option<(Ino, Vec<u8>)>, Option<Ino>),
    Symlink { rest: Vec<u8>, folders: Vec<Ino> },
}
