//! Where the two differ, and the smallest case in which they still do.

use std::collections::BTreeMap;
use std::io;

use similar::TextDiff;

use super::case::{Case, Node};
use super::run::{self, Modelled, Seen};
use super::words;

/// How often a case may be tried in order to make it smaller.
const TRIES_MAX: usize = 400;
/// How often the real one is run again when something differs: its three processes race, so that two of its own
/// runs can differ in when a folder gets its time and which words still reach the terminal. One that equals the
/// model is enough.
const AGAIN_MAX: usize = 5;

/// How a comparison ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Same,
    /// The model refused an option.
    Refused(String),
    /// What differs, and how.
    Differs(&'static str, String),
}

/// Compares the two on one case.
///
/// # Errors
/// When a run could not be made.
pub fn compare(case: &Case) -> io::Result<Verdict> {
    let modelled = match run::model(case)? {
        Modelled::Seen(seen) => seen,
        Modelled::Refused(why) => return Ok(Verdict::Refused(why)),
    };
    let mut difference = None;
    for _ in 0..=AGAIN_MAX {
        match differs(&run::real(case)?, &modelled) {
            None => return Ok(Verdict::Same),
            Some(found) => difference = difference.or(Some(found)),
        }
    }
    Ok(difference.map_or(Verdict::Same, |(what, how)| Verdict::Differs(what, how)))
}

/// The first thing in which two runs differ, and how.
pub fn differs(real: &Seen, modelled: &Seen) -> Option<(&'static str, String)> {
    let texts = |real: String, modelled: String| {
        let diff = TextDiff::from_lines(&real, &modelled);
        diff.unified_diff().context_radius(20).header("rsync", "the model").to_string()
    };
    let lines = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    if real.code != modelled.code {
        let shown = |seen: &Seen| format!("exit code {}\n{}", seen.code, lines(&seen.errors));
        return Some(("exit code", texts(shown(real), shown(modelled))));
    }
    if real.tree != modelled.tree {
        let shown = |tree: &BTreeMap<String, String>| {
            tree.iter().map(|(name, what)| format!("{name}: {what}\n")).collect::<String>()
        };
        return Some(("tree", texts(shown(&real.tree), shown(&modelled.tree))));
    }
    let raced = deletions_first(&modelled.items);
    let items = if raced.as_ref() == Some(&real.items) { &real.items } else { &modelled.items };
    for (what, one, other) in [
        ("items", &real.items, items),
        ("messages", &real.messages, &modelled.messages),
        ("errors", &real.errors, &modelled.errors),
    ] {
        if one != other {
            return Some((what, texts(lines(one), lines(other))));
        }
    }
    None
}

/// The other order in which the real one says the same: when the list of the second folder has come before it has
/// gone through the first, all deletions overtake the items. That is so only where the first folder has some.
fn deletions_first(items: &[String]) -> Option<Vec<String>> {
    let begins = items.first().is_some_and(|line| words::is_deletion(line));
    let (deletions, rest): (Vec<_>, Vec<_>) =
        items.iter().cloned().partition(|line| words::is_deletion(line));
    begins.then(|| [deletions, rest].concat())
}

/// The smallest case found that still differs, and how.
///
/// # Errors
/// When a run could not be made.
pub fn shrink(case: &Case) -> io::Result<(Case, Verdict)> {
    let mut smallest = case.clone();
    let mut verdict = compare(case)?;
    let Verdict::Differs(kind, _) = verdict else { return Ok((smallest, verdict)) };
    let mut tries = 0;
    loop {
        let mut smaller = false;
        for candidate in candidates(&smallest) {
            tries += 1;
            if tries > TRIES_MAX {
                return Ok((smallest, verdict));
            }
            // A candidate whose files cannot be made is none.
            let Ok(found) = compare(&candidate) else { continue };
            if matches!(found, Verdict::Differs(now, _) if now == kind) {
                (smallest, verdict) = (candidate, found);
                smaller = true;
                break;
            }
        }
        if !smaller {
            return Ok((smallest, verdict));
        }
    }
}

/// Cases with a little less, the greatest steps first.
fn candidates(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    for at in 0..case.entries.len() {
        if case.entries[at].path == b"src" {
            continue;
        }
        let gone = &case.entries[at].path;
        let below = [gone, b"/".as_slice()].concat();
        let mut smaller = case.clone();
        smaller.entries.retain(|entry| entry.path != *gone && !entry.path.starts_with(&below));
        found.push(smaller);
    }
    found.sort_by_key(|smaller| smaller.entries.len());
    for at in 0..case.args.len() {
        let is_shell = case.args[at].starts_with(b"--rsh")
            || (!case.args[at].starts_with(b"--") && case.args[at].contains(&b'e'));
        if case.args[at].starts_with(b"-") && !is_shell {
            let mut smaller = case.clone();
            smaller.args.remove(at);
            found.push(smaller);
        }
        // One letter of several.
        let is_bundle = case.args[at].len() > 2 && case.args[at][1..].iter().all(u8::is_ascii_alphabetic);
        if case.args[at].starts_with(b"-") && is_bundle {
            for letter in (1..case.args[at].len()).filter(|&letter| case.args[at][letter] != b'e') {
                let mut smaller = case.clone();
                smaller.args[at].remove(letter);
                found.push(smaller);
            }
        }
    }
    for at in 0..case.entries.len() {
        let simple = 1_000_000_000_000_000_000;
        let mut smaller = case.clone();
        let entry = &mut smaller.entries[at];
        entry.owner = 0;
        entry.mtime_ns = simple;
        match entry.node {
            Node::Folder => entry.mode = 0o755,
            Node::File(_) => entry.mode = 0o644,
            _ => {}
        }
        if smaller != *case {
            found.push(smaller);
        }
        if let Node::File(pieces) = &case.entries[at].node
            && pieces.len() > 1
        {
            let mut smaller = case.clone();
            smaller.entries[at].node = Node::File(vec![pieces[0]]);
            found.push(smaller);
        }
    }
    found
}
