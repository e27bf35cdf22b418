//! One rule's text: its name, its modifiers and its pattern.

use super::Flags;
use super::origin::Origin;
use super::parse::{Reading, RuleError, Style};
use crate::rsync::outcome::SYNTAX;

/// Takes the next rule off a text: what it is, and its pattern.
pub(super) fn token<'t>(
    rest: &mut &'t [u8],
    template: Flags,
    style: Style,
    origin: &Origin,
    reading: &Reading<'_>,
) -> Result<(Flags, &'t [u8]), RuleError> {
    let text: &'t [u8] = rest;
    let wrong = |what: &str| wrong(what, text, origin);
    let mut flags = template.only(Flags::INHERITED);
    let mut at = 0;
    if template.has(Flags::NO_PREFIXES) {
        if text[0] == b'!' && template.has(Flags::CVS) {
            flags |= Flags::CLEAR;
        }
    } else if style == Style::Old {
        match text {
            [b'-', b' ', ..] => (flags, at) = (flags.without(Flags::INCLUDE), 2),
            [b'+', b' ', ..] => (flags, at) = (flags | Flags::INCLUDE, 2),
            [b'!', ..] => flags |= Flags::CLEAR,
            _ => {}
        }
    } else {
        (flags, at) = prefix(text, flags, template, origin)?;
    }
    if template.has_sides() {
        if flags.has_sides() {
            return Err(wrong("specified-side merge file contains specified-side filter"));
        }
        flags |= template.only(Flags::SIDES);
    }
    let end = match template.has(Flags::WORDS) {
        true => text[at..].iter().position(|&byte| is_space(byte)).map_or(text.len(), |length| at + length),
        false => text.len(),
    };
    let pattern = &text[at..end];
    if flags.has(Flags::CLEAR) {
        let bare = template.has(Flags::NO_PREFIXES) || style == Style::Old;
        if !bare && !pattern.is_empty() {
            return Err(wrong("'!' rule has trailing characters"));
        }
        if pattern.len() > 1 {
            flags = flags.without(Flags::CLEAR);
        }
    } else if pattern.is_empty() && !flags.has(Flags::CVS) {
        return Err(wrong("unexpected end of filter rule"));
    }
    if reading.delete_excluded && !flags.has_sides() && !flags.has(Flags::MERGE) {
        flags |= Flags::SENDER;
    }
    *rest = &text[end..];
    Ok((flags, pattern))
}

/// A rule's name and modifiers: what they say, and where the pattern begins.
fn prefix(
    text: &[u8],
    mut flags: Flags,
    template: Flags,
    origin: &Origin,
) -> Result<(Flags, usize), RuleError> {
    let Some((letter, mut at)) = letter(text) else {
        return Err(wrong("Unknown filter rule", text, origin));
    };
    let mut says_side = false;
    match letter {
        b':' => flags |= Flags::MERGE | Flags::PER_FOLDER,
        b'.' => flags |= Flags::MERGE,
        b'+' => flags |= Flags::INCLUDE,
        b'-' => {}
        b'S' => (flags, says_side) = (flags | Flags::INCLUDE | Flags::SENDER, true),
        b'H' => (flags, says_side) = (flags | Flags::SENDER, true),
        b'R' => (flags, says_side) = (flags | Flags::INCLUDE | Flags::RECEIVER, true),
        b'P' => (flags, says_side) = (flags | Flags::RECEIVER, true),
        b'!' => return Ok((flags | Flags::CLEAR, at + usize::from(at < text.len()))),
        _ => return Err(wrong("Unknown filter rule", text, origin)),
    }
    loop {
        at += 1;
        let Some(&modifier) = text.get(at) else { return Ok((flags, at)) };
        if matches!(modifier, b' ' | b'_') {
            return Ok((flags, at + 1));
        }
        if template.has(Flags::WORDS) && is_space(modifier) {
            return Ok((flags, at));
        }
        let is_merge = flags.has(Flags::MERGE);
        flags |= match modifier {
            b'-' if is_merge && !flags.has(Flags::NO_PREFIXES) => Flags::NO_PREFIXES,
            b'+' if is_merge && !flags.has(Flags::NO_PREFIXES) => Flags::NO_PREFIXES | Flags::INCLUDE,
            b'/' => Flags::ABSOLUTE,
            b'!' if !is_merge => Flags::NEGATED,
            b'C' if !flags.has(Flags::NO_PREFIXES) && !says_side => {
                Flags::NO_PREFIXES | Flags::WORDS | Flags::NO_INHERIT | Flags::CVS
            }
            b'e' if is_merge => Flags::EXCLUDE_SELF,
            b'n' if is_merge => Flags::NO_INHERIT,
            b'w' if is_merge => Flags::WORDS,
            b'p' => Flags::PERISHABLE,
            b'r' if !says_side => Flags::RECEIVER,
            b's' if !says_side => Flags::SENDER,
            b'x' => Flags::XATTR,
            other => {
                let place = match origin {
                    Origin::Given => [b" '", &[other][..], format!("' at position {at}").as_bytes()].concat(),
                    _ => Vec::new(),
                };
                let begin = [b"invalid modifier", &*place, b" in filter rule: "].concat();
                let line = [begin, origin.shown(text)].concat();
                return Err(RuleError::Wrong { line, code: SYNTAX, place: "exclude.c(1379)" });
            }
        };
    }
}

/// The letter that a rule's name stands for, and where the name ends: at its last byte, or the comma behind it.
fn letter(text: &[u8]) -> Option<(u8, usize)> {
    const LONG: [(&[u8], u8); 9] = [
        (b"clear", b'!'),
        (b"dir-merge", b':'),
        (b"exclude", b'-'),
        (b"hide", b'H'),
        (b"include", b'+'),
        (b"merge", b'.'),
        (b"protect", b'P'),
        (b"risk", b'R'),
        (b"show", b'S'),
    ];
    let first = *text.first()?;
    let mut long = LONG.iter().filter(|(name, _)| name[0] == first).peekable();
    if long.peek().is_none() {
        return Some((first, usize::from(text.get(1) == Some(&b','))));
    }
    let (name, letter) = long.find(|(name, _)| text.starts_with(name))?;
    match text.get(name.len()) {
        Some(b',') => Some((*letter, name.len())),
        None | Some(b'_') => Some((*letter, name.len() - 1)),
        Some(&byte) if is_space(byte) => Some((*letter, name.len() - 1)),
        _ => None,
    }
}

fn wrong(what: &str, text: &[u8], origin: &Origin) -> RuleError {
    let line = [what.as_bytes(), b": ", &*origin.shown(text)].concat();
    RuleError::Wrong { line, code: SYNTAX, place: "exclude.c(136)" }
}

/// What C's isspace takes for white space.
pub(super) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}
