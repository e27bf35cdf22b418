//! Random cases: a source, a destination that is like it in part, and what options need beside them.

use harness::rng::{below, stream};
use rand_chacha::ChaCha8Rng;

use super::case::{Case, Entry, Node};
use super::options;

/// Names that trees of a case are made of: few, so that they meet; odd, so that they hurt.
const NAMES: [&str; 28] = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "a.txt",
    "b.xml",
    "a-b",
    "a b",
    "A",
    ".hid",
    "a~",
    "-dash",
    "--delete",
    "ü",
    "日本",
    "#x",
    "x*y",
    "[z]",
    "back\\slash",
    "new\nline",
    "_",
    "core",
    "a:b",
    "b#",
    "\\#123",
    ".~tmp~x",
    "a-name-that-is-rather-long-so-that-a-temporary-one-is-longer",
];

/// Modes that files have.
pub const FILE_MODES: [u32; 10] = [0o644, 0o644, 0o644, 0o600, 0o755, 0o444, 0o640, 0o666, 0o4755, 0];
const FOLDER_MODES: [u32; 8] = [0o755, 0o755, 0o755, 0o755, 0o700, 0o775, 0o555, 0o1777];
const SECONDS: [i64; 6] = [0, 0, 1, 2, 5, 3600];
const NANOS: [i64; 5] = [0, 0, 1, 500_000_000, 999_999_999];
const BASE_S: i64 = 1_000_000_000;

/// Draws for one case.
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        below(&mut self.0, bound as u64) as usize
    }

    /// True so many times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a, T: ?Sized>(&mut self, of: &'a [&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// The case of this seed.
pub fn case(seed: u64) -> Case {
    let mut draw = Draw(stream(seed, "rsync fidelity"));
    let mut source = Vec::new();
    let root = folder(&mut draw, b"src".to_vec());
    source.push(root);
    let depth = draw.below(4);
    fill(&mut draw, b"src", depth, &mut source);
    let mut entries = source.clone();
    if draw.chance(88) {
        entries.extend(like(&mut draw, &source, b"dst"));
    }
    let args = options::draw(&mut draw, &source, &mut entries);
    Case { title: format!("seed {seed}"), args, entries }
}

fn folder(draw: &mut Draw, path: Vec<u8>) -> Entry {
    let mode = if draw.chance(3) { 0o2755 } else { FOLDER_MODES[draw.below(FOLDER_MODES.len())] };
    Entry { path, node: Node::Folder, mode, owner: owner(draw), mtime_ns: time(draw) }
}

fn owner(draw: &mut Draw) -> u32 {
    if draw.chance(4) { 12_345 } else { 0 }
}

/// A time that few others differ from.
pub fn time(draw: &mut Draw) -> i64 {
    (BASE_S + SECONDS[draw.below(SECONDS.len())]) * 1_000_000_000 + NANOS[draw.below(NANOS.len())]
}

fn fill(draw: &mut Draw, path: &[u8], depth: usize, entries: &mut Vec<Entry>) {
    let count = [0, 1, 2, 3, 4, 6][draw.below(6)];
    for _ in 0..count {
        add(draw, path, depth, entries);
    }
}

/// One more entry of a folder; nothing when the name is taken.
fn add(draw: &mut Draw, folder_path: &[u8], depth: usize, entries: &mut Vec<Entry>) {
    // The simple names often, so that source and destination meet in them.
    let name = if draw.chance(60) { NAMES[draw.below(8)] } else { NAMES[draw.below(NAMES.len())] };
    let path = [folder_path, b"/", name.as_bytes()].concat();
    if entries.iter().any(|entry| entry.path == path) {
        return;
    }
    let entry = match draw.below(100) {
        0..58 => file(draw, path),
        58..84 => folder(draw, path),
        84..96 => symlink(draw, path),
        _ => Entry { path, node: Node::Pipe, mode: 0o644, owner: 0, mtime_ns: time(draw) },
    };
    let inside = (entry.node == Node::Folder).then(|| entry.path.clone());
    entries.push(entry);
    if let (Some(path), 1..) = (inside, depth) {
        fill(draw, &path, depth - 1, entries);
    }
}

/// A link that may lead to something.
pub fn symlink(draw: &mut Draw, path: Vec<u8>) -> Entry {
    let target = draw
        .pick(&["a", "b", "nowhere", "../a", ".", "/nowhere", "a b", "c/d", "../src"])
        .as_bytes()
        .to_vec();
    Entry { path, node: Node::Symlink(target), mode: 0o777, owner: 0, mtime_ns: time(draw) }
}

/// A file with some content.
pub fn file(draw: &mut Draw, path: Vec<u8>) -> Entry {
    let number = |draw: &mut Draw| 1 + draw.below(4) as u32;
    let pieces = match draw.below(20) {
        0..2 => Vec::new(),
        2..14 => vec![([1, 5, 5, 100, 1000][draw.below(5)], number(draw))],
        14..16 => vec![(2000, number(draw)), (3000, 0), (1500, number(draw))],
        16..19 => (0..2 + draw.below(6)).map(|_| (700 + draw.below(3000) as u32, number(draw))).collect(),
        _ => vec![(40_000, number(draw)), (60_000, number(draw)), (30_000, 0)],
    };
    let mode = FILE_MODES[draw.below(FILE_MODES.len())];
    Entry { path, node: Node::File(pieces), mode, owner: owner(draw), mtime_ns: time(draw) }
}

/// A tree under another name that has much in common with `source`.
pub fn like(draw: &mut Draw, source: &[Entry], root: &[u8]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let alike = [30, 60, 90][draw.below(3)];
    for entry in source {
        let path = [root, &entry.path[3..]].concat();
        let parent = path.iter().rposition(|&byte| byte == b'/').map(|at| path[..at].to_vec());
        let has_parent = parent.is_none_or(|parent| {
            entries.iter().any(|entry| entry.path == parent && entry.node == Node::Folder)
        });
        if !has_parent || entries.iter().any(|entry| entry.path == path) {
            continue;
        }
        let mut entry = Entry { path, ..entry.clone() };
        let is_root = entry.path == root;
        if !draw.chance(alike) {
            match draw.below(if is_root { 2 } else { 10 }) {
                0 => entry.mtime_ns = time(draw),
                1 => {
                    entry.mode = match entry.node {
                        Node::Folder => FOLDER_MODES[draw.below(FOLDER_MODES.len())],
                        Node::Symlink(_) => entry.mode,
                        _ => FILE_MODES[draw.below(FILE_MODES.len())],
                    };
                }
                2 => entry.mtime_ns += [1, -1, 1_000_000_000, -1_000_000_000][draw.below(4)],
                3 => entry.owner = owner(draw),
                4 | 5 => change(draw, &mut entry),
                6 => {
                    let retyped = match draw.below(4) {
                        0 => file(draw, entry.path.clone()),
                        1 => folder(draw, entry.path.clone()),
                        2 => symlink(draw, entry.path.clone()),
                        _ => Entry { node: Node::Pipe, mode: 0o644, ..entry.clone() },
                    };
                    entry = retyped;
                }
                7 => {
                    let mtime_ns = entry.mtime_ns;
                    change(draw, &mut entry);
                    entry.mtime_ns = mtime_ns;
                }
                _ => continue,
            }
        }
        let inside = (entry.node == Node::Folder).then(|| entry.path.clone());
        entries.push(entry);
        if let Some(path) = inside
            && draw.chance(35)
        {
            add(draw, &path, 1, &mut entries);
        }
    }
    entries
}

/// Other content, of the same size more often than not.
fn change(draw: &mut Draw, entry: &mut Entry) {
    entry.mtime_ns = time(draw);
    match &mut entry.node {
        Node::File(pieces) if !pieces.is_empty() => {
            let at = draw.below(pieces.len());
            match draw.below(4) {
                0 => pieces[at].1 = 5,
                1 => pieces[at].0 += 1 + draw.below(3) as u32,
                2 => pieces.insert(at, (10, 6)),
                _ if pieces.len() > 1 => drop(pieces.remove(at)),
                _ => pieces[at].1 = 7,
            }
        }
        Node::File(pieces) => pieces.push((3, 8)),
        Node::Symlink(target) => *target = b"elsewhere".to_vec(),
        _ => {}
    }
}
