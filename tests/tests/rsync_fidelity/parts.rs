//! What earlier runs may have left where a run keeps parts of files: parts, empty folders, and other things in the
//! place of either.

use super::case::{Entry, Node};
use super::generate::{Draw, FILE_MODES, file, symlink, time};

/// The folder in which `--delay-updates` keeps files, unless `--partial-dir` names another.
const DELAYED: &str = ".~tmp~";
const PARTIAL_DIR: &str = "--partial-dir=";
/// Options under which an old part is written over, with the folder in which it lies.
pub const OPTIONS: [(&str, &str); 2] = [("--partial-dir=.part", ".part"), ("--delay-updates", DELAYED)];

/// An old part of a file of the destination, of another mode, and its folder.
pub fn old(folder: &str, name: &str, pieces: Vec<(u32, u32)>) -> [Entry; 2] {
    let part = Entry::plain(&format!("dst/{folder}/{name}"), Node::File(pieces));
    [Entry::plain(&format!("dst/{folder}"), Node::Folder), Entry { mode: 0o640, ..part }]
}

/// Adds what stands at the destination `dst` for some files of the source, when a run with these words keeps parts in
/// folders beside them.
pub fn add(draw: &mut Draw, words: &[Vec<u8>], source: &[Entry], entries: &mut Vec<Entry>) {
    let named = words.iter().rev().find_map(|word| word.strip_prefix(PARTIAL_DIR.as_bytes()));
    let delays = words.iter().any(|word| word == b"--delay-updates");
    let Some(dir) = named.or(delays.then_some(DELAYED.as_bytes())).filter(|dir| !dir.starts_with(b"/"))
    else {
        return;
    };
    let files: Vec<&Entry> = source.iter().filter(|entry| matches!(entry.node, Node::File(_))).collect();
    if files.is_empty() || !draw.chance(70) {
        return;
    }
    for _ in 0..1 + draw.below(3) {
        let wanted = files[draw.below(files.len())];
        let at = [b"dst", &wanted.path[3..]].concat();
        let slash = at.iter().rposition(|&byte| byte == b'/').expect("it lies below dst");
        let is_folder = |path: &[u8], entries: &[Entry]| {
            entries.iter().any(|entry| entry.path == path && entry.node == Node::Folder)
        };
        if !is_folder(&at[..slash], entries) {
            continue;
        }
        let folder = [&at[..=slash], dir].concat();
        if !is_folder(&folder, entries) && !add_folder(draw, &at[..slash], dir, entries) {
            continue;
        }
        if draw.chance(85) {
            let path = [&folder, &at[slash..]].concat();
            if entries.iter().all(|entry| entry.path != path) {
                let part = part(draw, path, wanted);
                entries.push(part);
            }
        }
    }
}

/// Adds the folder `dir` of parts below a folder, with those above it; false when something else stands there now.
fn add_folder(draw: &mut Draw, above: &[u8], dir: &[u8], entries: &mut Vec<Entry>) -> bool {
    let ends = (0..dir.len()).filter(|&at| dir[at] == b'/').chain([dir.len()]);
    for end in ends {
        let path = [above, b"/", &dir[..end]].concat();
        if let Some(there) = entries.iter().find(|entry| entry.path == path) {
            if there.node == Node::Folder {
                continue;
            }
            return false;
        }
        let folder = Entry { mode: 0o700, owner: 0, mtime_ns: time(draw), path, node: Node::Folder };
        let entry = match draw.below(20) {
            0..16 => folder,
            16 => file(draw, folder.path),
            17 => symlink(draw, folder.path),
            18 => Entry { node: Node::Symlink(b"a".to_vec()), mode: 0o777, ..folder },
            _ => Entry { node: Node::Pipe, mode: 0o644, ..folder },
        };
        let is_folder = entry.node == Node::Folder;
        entries.push(entry);
        if !is_folder {
            return false;
        }
    }
    true
}

/// A part of a file, more often than not a beginning of it.
fn part(draw: &mut Draw, path: Vec<u8>, of: &Entry) -> Entry {
    let Node::File(pieces) = &of.node else { unreachable!("parts are of files") };
    let part = Entry {
        path: path.clone(),
        node: Node::File(pieces.clone()),
        mode: if draw.chance(50) { of.mode } else { FILE_MODES[draw.below(FILE_MODES.len())] },
        owner: 0,
        mtime_ns: if draw.chance(30) { of.mtime_ns } else { time(draw) },
    };
    let mut begun = pieces.clone();
    match draw.below(20) {
        0..8 => {
            begun.truncate(1 + draw.below(begun.len().max(1)));
            if let Some(last) = begun.last_mut() {
                last.0 = draw.below(last.0 as usize + 1) as u32;
            }
            Entry { node: Node::File(begun), ..part }
        }
        8..10 => part,
        10..13 => {
            // Written over in its middle, or longer than it will be.
            let at = draw.below(begun.len() + 1);
            begun.insert(at, (700 + draw.below(3000) as u32, 6));
            Entry { node: Node::File(begun), ..part }
        }
        13..17 => file(draw, path),
        17 => symlink(draw, path),
        18 => Entry { node: Node::Folder, mode: 0o755, ..part },
        _ => Entry { node: Node::Pipe, mode: 0o644, ..part },
    }
}
