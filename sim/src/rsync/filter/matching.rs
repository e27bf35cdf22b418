//! Whether a rule's pattern fits a name.

use super::wildmatch;
use super::{Flags, Rule};

/// A name that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    /// From the root of the transfer, without a leading slash.
    pub name: &'a [u8],
    pub is_folder: bool,
    /// The absolute folder from which it counts.
    pub base: &'a [u8],
}

impl Rule {
    /// Whether the rule is about this name.
    pub(super) fn matches(&self, name: Name<'_>) -> bool {
        if self.flags.has(Flags::XATTR) {
            return false;
        }
        let negated = self.flags.has(Flags::NEGATED);
        if self.flags.has(Flags::FOLDERS_ONLY) && !name.is_folder {
            return negated;
        }
        let has_path = self.pattern.contains(&b'/') || is_deep(&self.pattern);
        let found = if self.flags.has(Flags::ABSOLUTE) && has_path {
            let base = name.base.strip_prefix(b"/").unwrap_or(name.base);
            let between: &[u8] = if base.is_empty() || base.ends_with(b"/") { b"" } else { b"/" };
            let whole = [base, between, name.name].concat();
            fits_path(&self.pattern, &whole, name.is_folder, false)
        } else {
            fits_path(&self.pattern, name.name, name.is_folder, true)
        };
        found != negated
    }
}

/// Whether a path fits; `rooted` lets a pattern that begins with `**/` match its first part, too.
fn fits_path(pattern: &[u8], path: &[u8], is_folder: bool, rooted: bool) -> bool {
    match pattern.strip_suffix(b"/***") {
        Some(folder) => {
            let inside = [folder, b"/**"].concat();
            // It has wildcards, so that a backslash in it is none of its own.
            (is_folder && fits(folder, path, rooted, true)) || fits(&inside, path, rooted, true)
        }
        None => {
            let wild = pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
            fits(pattern, path, rooted, wild)
        }
    }
}

fn fits(pattern: &[u8], path: &[u8], rooted: bool, wild: bool) -> bool {
    let fits = |pattern: &[u8], tail: &[u8]| {
        if wild { wildmatch::matches(pattern, tail) } else { pattern == tail }
    };
    if let Some(anchored) = pattern.strip_prefix(b"/") {
        return fits(anchored, path);
    }
    // One that begins with `**` is held against the whole path, with a slash before it.
    if pattern.starts_with(b"**") {
        return if rooted { fits(pattern, &[b"/", path].concat()) } else { fits(pattern, path) };
    }
    // A pattern is held against the end of the path, beginning at any of its parts.
    let starts = (0..path.len()).filter(|&at| at == 0 || path[at - 1] == b'/');
    starts.rev().any(|at| fits(pattern, &path[at..]))
}

/// Whether a pattern can match a slash.
fn is_deep(pattern: &[u8]) -> bool {
    pattern.windows(2).any(|pair| pair == b"**")
}
