//! What the sender offers: the file list, made from the command line's sources.

mod source;
mod top;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::chmod;
use super::console::Console;
use super::env::Env;
use super::file_list::{Entry, prune_empty_folders, sort_and_clean};
use super::filter::{Filters, Rules};
use super::options::Options;
use super::outcome::Kinds;
use super::paths::{absolute, cleaned, collapsed, has_turn, join, quoted, split};
use super::stop::{Stop, show_errno};
use crate::disk::{Disk, Kind, Stat};

use source::{Source, plain_source, relative_source};

pub(super) use source::cannot_enter;

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

/// Makes the list. Trouble is printed as it is met; what is wrong with a folder's rules ends it.
pub(super) fn scan<E: Env>(
    env: &E,
    options: &Options,
    rules: Rules<'_, E>,
    receiver_filters: &Filters,
    sources: &[Vec<u8>],
    names: Option<&[Vec<u8>]>,
    console: &Console,
) -> Result<Scanned, Stop> {
    let mut scan = Scan {
        options,
        rules,
        console,
        umask: env.umask(),
        from_file: names.is_some(),
        read: BTreeSet::new(),
        turn: 0,
        implied: BTreeMap::new(),
        way: Vec::new(),
        dot_implied: false,
        dot_entered: false,
        entered: Vec::new(),
        scanned: Scanned::default(),
    };
    let working = env.working_folder();
    let sources: Vec<Source> = match names {
        Some(names) => {
            let base = absolute(working, &cleaned(sources.first().map_or(b".", Vec::as_slice)));
            let below = |name: &[u8]| {
                let slashes = name.iter().take_while(|&&byte| byte == b'/').count();
                if slashes == name.len() { b"./".to_vec() } else { within(&name[slashes..]) }
            };
            names.iter().map(|name| relative_source(&base, &below(name))).collect()
        }
        None if options.relative => sources.iter().map(|path| relative_source(working, path)).collect(),
        None => sources.iter().map(|path| plain_source(working, path)).collect(),
    };
    env.read_disk(|disk| scan.sources(disk, &sources))?;
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
    Ok(scanned)
}

/// A name of `--files-from`, which no `..` leads out of the folder that all are in.
fn within(name: &[u8]) -> Vec<u8> {
    if !has_turn(name) {
        return name.to_vec();
    }
    // A `..` that would lead out takes the `./` away.
    let leads_out = has_turn(&collapsed(name));
    let from_dot: &[u8] = if name.starts_with(b"./") && !leads_out { b"./" } else { b"" };
    let inside = collapsed(&[b"/", name].concat())[1..].to_vec();
    match split(name).1 {
        _ if inside.is_empty() => b"./".to_vec(),
        b"" | b"." | b".." => [from_dot, &inside, b"/"].concat(),
        _ => [from_dot, &inside].concat(),
    }
}

struct Scan<'a, E> {
    options: &'a Options,
    rules: Rules<'a, E>,
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
    /// The folder that `./` names is in the list.
    dot_implied: bool,
    /// When the list comes folder by folder: the rules of a root were read, which hold for all sources.
    dot_entered: bool,
    /// And the folders whose rules are in force, from the top.
    entered: Vec<(u32, Vec<u8>)>,
    scanned: Scanned,
}

impl<E: Env> Scan<'_, E> {
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
