//! Files below the synced folder, for faults that choose some.

use harness::rng;
use rand_chacha::ChaCha8Rng;

use crate::disk::Kind;
use crate::host::Host;

/// The regular files below a folder that have a content, as paths below it, in order.
pub(super) fn files_below(host: &Host, root: &str) -> Vec<String> {
    let walked = host.disk().walk(root).unwrap_or_default();
    let files = walked.iter().filter(|(_, stat)| stat.kind == Kind::File && stat.size > 0);
    let below = files.filter_map(|(path, _)| path.get(root.len() + 1..));
    below.map(|path| String::from_utf8_lossy(path).into_owned()).collect()
}

/// So many of these, each at most once.
pub(super) fn draw(rng: &mut ChaCha8Rng, mut from: Vec<String>, count: u64) -> Vec<String> {
    let mut drawn = Vec::new();
    while !from.is_empty() && (drawn.len() as u64) < count {
        let index = rng::below(rng, from.len() as u64);
        drawn.push(from.swap_remove(usize::try_from(index).expect("less than a length")));
    }
    drawn
}
