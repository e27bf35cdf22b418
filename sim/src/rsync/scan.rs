//! What the sender offers: the file list, made from the command line's sources.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::chmod;
use super::console::Console;
use super::env::Env;
use super::file_list::{Entry, prune_empty_folders, sort_and_clean};
use super::filter::Filters;
use super::options::Options;
use super::outcome::Kinds;
use super::paths::{absolute, cleaned, is_below, join, quoted, split};
use super::stop::show_errno;
use crate::disk::{Disk, Kind, Stat, errno};

/// Where on the sender's disk some names of the list lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// The absolute folder below which they lie.
    pub folder: Vec<u8>,
    /// What printed names begin with: a slash for an absolute source of `-R`.
    pub prefix: &'static [u8],
}

/// The list, and what there is to know about it.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub entries: Vec<Entry>,
    pub roots: Vec<Root>,
    /// What was listed, names that stand twice counted twice.
    pub listed: Kinds,
    /// Bytes of all that was listed.
    pub total_size: u64,
    /// Something could not be read.
    pub io_error: bool,
    /// It is known before anything is deleted.
    pub early_error: bool,
}

impl Scanned {
    /// Where an entry lies on the sender's disk.
    pub fn path(&self, entry: &Entry) -> Vec<u8> {
        join(&self.roots[entry.root as usize].folder, &entry.name)
    }
}

/// One source of the command line, or one name of `--files-from`.
struct Source {
    folder: Vec<u8>,
    /// rsync goes into the folder before it looks, and says so when it cannot.
    goes_there: bool,
    /// The name in the list.
    name: Vec<u8>,
    /// The content is meant, not the folder itself.
    content: bool,
    prefix: &'static [u8],
}

/// Makes the list. Trouble is printed as it is met.
pub(super) fn scan(
    env: &impl Env,
    options: &Options,
    filters: &Filters,
    receiver_filters: &Filters,
    sources: &[Vec<u8>],
    names: Option<&[Vec<u8>]>,
    console: &Console,
) -> Scanned {
    let mut scan = Scan {
        options,
        filters,
        console,
        umask: env.umask(),
        from_file: names.is_some(),
        read: BTreeSet::new(),
        turn: 0,
        implied: BTreeMap::new(),
        way: Vec::new(),
        scanned: Scanned::default(),
    };
    let working = env.working_folder();
    let sources: Vec<Source> = match names {
        Some(names) => {
            let base = absolute(working, &cleaned(sources.first().map_or(b".", Vec::as_slice)));
            let below = |name: &[u8]| {
                let slashes = name.iter().take_while(|&&byte| byte == b'/').count();
                if slashes == name.len() { b"./".to_vec() } else { name[slashes..].to_vec() }
            };
            names.iter().map(|name| relative_source(&base, &below(name))).collect()
        }
        None if options.relative => sources.iter().map(|path| relative_source(working, path)).collect(),
        None => sources.iter().map(|path| plain_source(working, path)).collect(),
    };
    env.read_disk(|disk| {
        for (index, source) in sources.iter().enumerate() {
            let goes_on = index > 0 && sources[index - 1].folder == source.folder;
            scan.turn += usize::from(!goes_on);
            scan.source(disk, source);
        }
    });
    let mut scanned = scan.scanned;
    let mut held = BTreeSet::new();
    if sources.len() > 1 || options.relative {
        held = sort_and_clean(&mut scanned.entries);
    }
    if options.prune_empty_dirs {
        prune_empty_folders(&mut scanned.entries, |name| {
            receiver_filters.excludes(name, true, false) || held.contains(name)
        });
    }
    scanned
}

/// Why rsync does not get into the folder of `--files-from`, as it says it.
pub(super) fn cannot_enter(env: &impl Env, base: &[u8]) -> Option<Vec<u8>> {
    let base = absolute(env.working_folder(), &cleaned(base));
    let found = env.read_disk(|disk| disk.stat(&base)).and_then(|stat| match stat.kind {
        Kind::Folder => Ok(()),
        _ => Err(errno::error(errno::ENOTDIR)),
    });
    let error = found.err()?;
    Some(
        [b"rsync: [sender] change_dir ", &*quoted(&base), b" failed: ", show_errno(&error).as_bytes()]
            .concat(),
    )
}

/// A source without `-R`: a name in a folder, or the content of one.
fn plain_source(working: &[u8], path: &[u8]) -> Source {
    let content = path.ends_with(b"/") || matches!(split(path).1, b"." | b"..");
    let (folder, name) = if content {
        let whole = path.strip_suffix(b"/.").unwrap_or(path);
        let slashes = whole.iter().rev().take_while(|&&byte| byte == b'/').count();
        (if slashes == whole.len() { b"/" } else { &whole[..whole.len() - slashes] }, b".".as_slice())
    } else {
        split(path)
    };
    let goes_there = !folder.is_empty() && folder != b".";
    Source { folder: absolute(working, folder), goes_there, name: name.to_vec(), content, prefix: b"" }
}

/// A source with `-R`: the path is the name, from `/./` on if that stands in it.
fn relative_source(working: &[u8], path: &[u8]) -> Source {
    let content = path.ends_with(b"/") || matches!(split(path).1, b"." | b"..");
    let pivot = path.windows(3).position(|part| part == b"/./");
    let (folder, rest, prefix): (Vec<u8>, &[u8], &'static [u8]) = match pivot {
        Some(at) => (absolute(working, if at == 0 { b"/" } else { &path[..at] }), &path[at + 3..], b""),
        None if path.starts_with(b"/") => (b"/".to_vec(), path, b"/"),
        None => (working.to_vec(), path, b""),
    };
    let name = cleaned(rest.strip_prefix(b"/").unwrap_or(rest));
    let name = name.strip_prefix(b"/").map_or(name.clone(), <[u8]>::to_vec);
    Source { folder, goes_there: pivot.is_some(), name, content, prefix }
}

struct Scan<'a> {
    options: &'a Options,
    filters: &'a Filters,
    console: &'a Console,
    umask: u32,
    /// The sources stand in the file of `--files-from`.
    from_file: bool,
    /// Folders that were read: their names in the list, and in which turn.
    read: BTreeSet<(Bytes, usize)>,
    /// Sources in a row that name their folder in the same way have one turn.
    turn: usize,
    /// The folder that led to the last source, by the folder above it and how deep that is.
    implied: BTreeMap<(usize, Vec<u8>), (u32, Vec<u8>)>,
    /// When the list is sent whole: the folder that led to the last source.
    way: Vec<u8>,
    scanned: Scanned,
}

impl Scan<'_> {
    fn source(&mut self, disk: &Disk, source: &Source) {
        if source.goes_there {
            let found = disk.stat(&source.folder);
            let found = found.and_then(|stat| match stat.kind {
                Kind::Folder => Ok(()),
                _ => Err(errno::error(errno::ENOTDIR)),
            });
            if let Err(error) = found {
                self.trouble("change_dir", &source.folder, &error);
                return;
            }
        }
        let path = join(&cleaned(&source.folder), &source.name);
        let excluded =
            |is_folder| source.name != b"." && self.filters.excludes(&source.name, is_folder, false);
        // A slash behind a symlink means what it points to; the filter sees the symlink.
        if source.content && disk.lstat(&path).is_ok_and(|stat| stat.kind == Kind::Symlink) && excluded(false)
        {
            return;
        }
        // A slash behind a symlink means the folder that it leads to; behind anything else it means nothing.
        let followed = |stat: Stat| match stat.kind {
            Kind::Symlink if source.content => match disk.stat(&path) {
                Ok(to) if to.kind == Kind::Folder => Ok(to),
                Err(error) if self.from_file && error.raw_os_error() == Some(errno::ELOOP) => Err(error),
                _ => Ok(stat),
            },
            _ => Ok(stat),
        };
        let stat = match disk.lstat(&path).and_then(followed) {
            Ok(stat) => stat,
            Err(error) => {
                let (io_error, early_error) = (self.scanned.io_error, self.scanned.early_error);
                self.trouble("link_stat", &path, &error);
                // What is not there is not hidden by an error either: it may be deleted at the destination.
                if error.raw_os_error() == Some(errno::ENOENT) {
                    (self.scanned.io_error, self.scanned.early_error) = (io_error, early_error);
                }
                return;
            }
        };
        let is_folder = stat.kind == Kind::Folder;
        if excluded(is_folder) {
            return;
        }
        if is_folder && !self.options.transfers_folders() {
            let shown: &[u8] = if source.name == b"." { b"." } else { &source.name };
            self.console.info([b"skipping directory ".as_slice(), shown].concat());
            return;
        }
        let root = self.root(source);
        if self.options.relative {
            self.implied_folders(disk, source, root);
        }
        let name = Bytes::copy_from_slice(&source.name);
        let mut entry = self.entry(disk, &path, name.clone(), &stat, root);
        entry.top = true;
        let lists = is_folder && (self.options.recursive || (self.options.dirs && source.content));
        entry.content = lists;
        self.add(entry, true);
        if lists {
            self.folder(disk, &path, &name, root, stat.dev);
        }
    }

    fn add(&mut self, entry: Entry, counts: bool) {
        if counts {
            self.scanned.listed.count(entry.kind);
            self.scanned.total_size += entry.size;
        }
        self.scanned.entries.push(entry);
    }

    fn root(&mut self, source: &Source) -> u32 {
        let root = Root { folder: cleaned(&source.folder), prefix: source.prefix };
        let roots = &mut self.scanned.roots;
        let at = roots.iter().position(|known| *known == root).unwrap_or_else(|| {
            roots.push(root);
            roots.len() - 1
        });
        at as u32
    }

    /// With `-R`, the folders on the way to a source.
    fn implied_folders(&mut self, disk: &Disk, source: &Source, root: u32) {
        let name = &source.name;
        let ends = (0..name.len()).filter(|&at| name[at] == b'/');
        let ends: Vec<usize> = if name == b"." { Vec::new() } else { ends.collect() };
        for (depth, end) in ends.into_iter().enumerate() {
            let path = join(&source.folder, &name[..end]);
            let Ok(stat) = disk.stat(&path) else { return };
            if stat.kind != Kind::Folder {
                return;
            }
            let mut entry = self.entry(disk, &path, Bytes::copy_from_slice(&name[..end]), &stat, root);
            entry.implied = true;
            let counts = self.counts_implied(&name[..end], depth, root);
            self.add(entry, counts);
        }
    }

    /// Whether a folder on the way to a source is listed once more: not when the source before it, among those
    /// below the same folder, led through it, too.
    fn counts_implied(&mut self, folder: &[u8], depth: usize, root: u32) -> bool {
        if self.options.is_incremental() {
            let parent = split(folder).0.to_vec();
            return self.implied.insert((depth, parent), (root, folder.to_vec()))
                != Some((root, folder.to_vec()));
        }
        let same = self.way == folder || is_below(&self.way, folder);
        if !same {
            self.way = folder.to_vec();
        }
        !same
    }

    fn folder(&mut self, disk: &Disk, path: &[u8], name: &Bytes, root: u32, dev: u32) {
        let listed = match disk.read_dir(path) {
            Ok(listed) => listed,
            Err(error) => {
                let known = self.scanned.early_error;
                self.trouble("opendir", path, &error);
                // What is read after the first list has been sent is told with its own.
                if self.options.is_incremental() && name.as_ref() != b"." {
                    self.scanned.early_error = known;
                    if let Some(own) = self.scanned.entries.last_mut() {
                        own.unreadable = true;
                    }
                }
                return;
            }
        };
        // A folder that is named twice is read once when the list is sent folder by folder.
        let again = name.as_ref() != b"." && !self.read.insert((name.clone(), self.turn));
        let counts = !self.options.is_incremental() || !again;
        let mut folders = Vec::new();
        for inner in listed {
            let inner_name = if name.as_ref() == b"." {
                inner.name.clone()
            } else {
                Bytes::from([name.as_ref(), b"/", inner.name.as_ref()].concat())
            };
            let is_folder = inner.stat.kind == Kind::Folder;
            if !self.filters.is_empty() && self.filters.excludes(&inner_name, is_folder, false) {
                continue;
            }
            if is_folder {
                let mut key = inner.name.to_vec();
                key.push(b'/');
                folders.push((key, inner_name, inner.stat));
                continue;
            }
            let inner_path = join(path, &inner.name);
            let entry = self.entry(disk, &inner_path, inner_name, &inner.stat, root);
            self.add(entry, counts);
        }
        folders.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, inner_name, stat) in folders {
            let inner_path = join(path, &key[..key.len() - 1]);
            let descends = self.options.recursive && !(self.options.one_file_system && stat.dev != dev);
            let mut entry = self.entry(disk, &inner_path, inner_name.clone(), &stat, root);
            entry.content = descends;
            self.add(entry, counts);
            if descends {
                self.folder(disk, &inner_path, &inner_name, root, dev);
            }
        }
    }

    fn entry(&mut self, disk: &Disk, path: &[u8], name: Bytes, stat: &Stat, root: u32) -> Entry {
        let target = match stat.kind {
            Kind::Symlink => disk.read_link(path).unwrap_or_default(),
            _ => Bytes::new(),
        };
        let mode = match stat.kind {
            Kind::Symlink => stat.mode,
            kind => chmod::apply(&self.options.chmod, stat.mode, kind == Kind::Folder, self.umask),
        };
        let checksum =
            (self.options.checksum && stat.kind == Kind::File).then(|| disk.digest(path).unwrap_or(0));
        let size = match stat.kind {
            Kind::File | Kind::Symlink => stat.size,
            _ => 0,
        };
        Entry {
            name,
            kind: stat.kind,
            mode,
            size,
            mtime_ns: stat.mtime_ns,
            uid: stat.uid,
            gid: stat.gid,
            target,
            checksum,
            content: false,
            unreadable: false,
            implied: false,
            top: false,
            root,
        }
    }

    fn trouble(&mut self, call: &str, path: &[u8], error: &std::io::Error) {
        (self.scanned.io_error, self.scanned.early_error) = (true, true);
        let shown = if path.len() > 1 { path.strip_suffix(b"/").unwrap_or(path) } else { path };
        self.console.error(
            [
                format!("rsync: [sender] {call} ").as_bytes(),
                &quoted(shown),
                format!(" failed: {}", show_errno(error)).as_bytes(),
            ]
            .concat(),
        );
    }
}
