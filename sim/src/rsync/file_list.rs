//! The file list: what the sender offers, in the order in which rsync goes through it.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::outcome::Kinds;
use super::paths::split;
use crate::disk::Kind;

/// One name of the transfer, as both sides know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the root of the transfer; `.` for the root itself.
    pub name: Bytes,
    /// What it is.
    pub kind: Kind,
    /// Permission bits (07777), after `--chmod`.
    pub mode: u32,
    /// Bytes of a file, or of a symlink's target; 0 for anything else.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Where a symlink points; empty otherwise.
    pub target: Bytes,
    /// The digest of a file's content, with `-c`.
    pub checksum: Option<u128>,
    /// A folder whose content is in the list, so that surplus entries of it may go.
    pub content: bool,
    /// A folder of which some content could not be listed.
    pub unreadable: bool,
    /// A folder that is in the list only because something in it is (`-R`).
    pub implied: bool,
    /// It was named on the command line.
    pub top: bool,
    /// Which of the sender's roots it lies under; unknown to the receiver.
    pub root: u32,
}

impl Entry {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }
}

/// What orders the list: at each level files before folders, each by the bytes of the name, a folder's name
/// taken with a slash behind it; a folder before what is in it; `.` first of all.
pub fn sort_key(name: &[u8], is_folder: bool) -> Vec<u8> {
    if name == b"." {
        return Vec::new();
    }
    let mut key = Vec::with_capacity(name.len() + 4);
    let mut parts = name.split(|&byte| byte == b'/').peekable();
    while let Some(part) = parts.next() {
        let folder = is_folder || parts.peek().is_some();
        key.push(if folder { 2 } else { 1 });
        key.extend_from_slice(part);
        key.push(if folder { b'/' } else { 0 });
    }
    key
}

/// Sorts, and drops names that stand twice: of a folder and something else the folder stays, else the first. Gives
/// the folders in which rsync takes what it dropped for something that they hold: it leaves a gap in its list, which
/// counts unless nothing comes after it.
pub fn sort_and_clean(entries: &mut Vec<Entry>) -> BTreeSet<Bytes> {
    let mut held = BTreeSet::new();
    let mut gap: Option<Bytes> = None;
    let mut keyed: Vec<_> = std::mem::take(entries)
        .into_iter()
        .map(|entry| (sort_key(&entry.name, entry.is_folder()), entry))
        .collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let folders: BTreeSet<Bytes> =
        keyed.iter().filter(|(_, entry)| entry.is_folder()).map(|(_, entry)| entry.name.clone()).collect();
    for (_, entry) in keyed {
        if !entry.is_folder() && folders.contains(&entry.name) {
            held.insert(Bytes::copy_from_slice(split(&entry.name).0));
            continue;
        }
        match entries.last_mut() {
            Some(last) if last.name == entry.name => {
                // A folder named twice: what is known of its content adds up.
                if entry.is_folder() {
                    gap = Some(entry.name.clone());
                }
                last.content |= entry.content;
                last.unreadable |= entry.unreadable;
                if last.implied && !entry.implied {
                    let (content, unreadable) = (last.content, last.unreadable);
                    *last = entry;
                    (last.content, last.unreadable) = (content, unreadable);
                }
            }
            _ => {
                held.extend(gap.take());
                entries.push(entry);
            }
        }
    }
    held
}

/// How many entries of each kind a list has, and how many bytes.
pub fn count(entries: &[Entry]) -> (Kinds, u64) {
    let mut kinds = Kinds::default();
    for entry in entries {
        kinds.count(entry.kind);
    }
    (kinds, entries.iter().map(|entry| entry.size).sum())
}

/// Drops folders that hold nothing but such folders (`-m`). `stays` says of which folders the receiver's rules
/// leave at least the folder itself.
pub fn prune_empty_folders(entries: &mut Vec<Entry>, stays: impl Fn(&[u8]) -> bool) {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    // From the end, a folder comes after everything in it.
    let mut keep_prefix: Option<Bytes> = None;
    for entry in std::mem::take(entries).into_iter().rev() {
        let holds = |inner: &Bytes| {
            entry.name.as_ref() == b"."
                || (inner.starts_with(&entry.name) && inner.get(entry.name.len()) == Some(&b'/'))
        };
        let holds_some = keep_prefix.as_ref().is_some_and(holds);
        if entry.is_folder() && entry.name.as_ref() != b"." && !holds_some && !stays(&entry.name) {
            continue;
        }
        keep_prefix = Some(entry.name.clone());
        kept.push(entry);
    }
    kept.reverse();
    *entries = kept;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry {
            name: Bytes::copy_from_slice(name.as_bytes()),
            kind,
            mode: 0o644,
            size: 0,
            mtime_ns: 0,
            uid: 0,
            gid: 0,
            target: Bytes::new(),
            checksum: None,
            content: false,
            unreadable: false,
            implied: false,
            top: false,
            root: 0,
        }
    }

    fn sorted(names: &[&str]) -> Vec<String> {
        let kind = |name: &str| if name.ends_with('/') || name == "." { Kind::Folder } else { Kind::File };
        let mut entries: Vec<_> =
            names.iter().map(|name| entry(name.strip_suffix('/').unwrap_or(name), kind(name))).collect();
        sort_and_clean(&mut entries);
        entries.iter().map(|entry| String::from_utf8(entry.name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn files_come_before_folders_and_folders_before_their_content() {
        let names = ["b/x", "a/", "z", ".", "a-b/", "a/c/", "b/", "a/d", "a/c/e"];
        assert_eq!(sorted(&names), [".", "z", "a-b", "a", "a/d", "a/c", "a/c/e", "b", "b/x"]);
    }

    #[test]
    fn of_a_file_and_a_folder_of_one_name_the_folder_stays() {
        assert_eq!(sorted(&["a", "a/", "a/b"]), ["a", "a/b"]);
    }

    #[test]
    fn a_chain_of_empty_folders_is_pruned() {
        let mut entries: Vec<_> = [".", "a", "a/b", "c", "c/d"].map(|name| entry(name, Kind::Folder)).into();
        entries.push(entry("c/d/f", Kind::File));
        sort_and_clean(&mut entries);
        prune_empty_folders(&mut entries, |_| false);
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_ref()).collect();
        assert_eq!(names, [&b"."[..], b"c", b"c/d", b"c/d/f"]);
    }

    #[test]
    fn a_dropped_name_keeps_the_folder_before_it_unless_it_is_the_last() {
        let held = |names: &[(&str, Kind)]| {
            let mut entries: Vec<_> = names.iter().map(|&(name, kind)| entry(name, kind)).collect();
            let held = sort_and_clean(&mut entries);
            held.iter().map(|name| String::from_utf8(name.to_vec()).unwrap()).collect::<Vec<_>>()
        };
        let folder = Kind::Folder;
        assert_eq!(held(&[(".", folder), ("a", folder), ("a", folder)]), [""; 0]);
        assert_eq!(held(&[(".", folder), ("a", folder), ("a", folder), ("b", folder)]), ["a"]);
        assert_eq!(held(&[("a", folder), ("a/b", Kind::File), ("a/b", folder)]), ["a"]);
    }

    proptest! {
        #[test]
        fn every_folder_stands_directly_before_all_that_is_in_it(names in prop::collection::vec("[a-b-]{1,2}(/[a-b-]{1,2}){0,2}", 1..20)) {
            let mut all = std::collections::BTreeSet::new();
            for name in &names {
                for (at, _) in name.match_indices('/') {
                    all.insert(format!("{}/", &name[..at]));
                }
                all.insert(name.clone());
            }
            let order = sorted(&all.iter().map(String::as_str).collect::<Vec<_>>());
            for folder in all.iter().filter_map(|name| name.strip_suffix('/')) {
                let at = order.iter().position(|name| name == folder).unwrap();
                let inside = |name: &&String| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
                let count = order.iter().filter(inside).count();
                prop_assert!(order[at + 1..=at + count].iter().all(|name| inside(&name)));
            }
        }
    }
}
