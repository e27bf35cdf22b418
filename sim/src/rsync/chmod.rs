//! `--chmod`: changes that are made to every mode of the file list.

use serde::{Deserialize, Serialize};

/// What becomes of the named bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Change {
    Add,
    Remove,
    Set,
}

/// One part of a `--chmod` argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tweak {
    /// Only folders (`D`) or only what is none (`F`).
    only: Option<Only>,
    change: Change,
    /// The classes' bits (0700, 0070, 0007 together), or none when they were not said.
    who: Option<u32>,
    /// r, w and x for one class.
    what: u32,
    /// `X`: x where some x was set before all tweaks, or on a folder.
    x_if_x: bool,
    /// Setuid, setgid and sticky.
    special: u32,
    /// An octal mode, which replaces everything.
    octal: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Only {
    Folders,
    Files,
}

/// The parts of a `--chmod` argument; none when rsync would call it invalid.
pub fn parse(text: &[u8]) -> Option<Vec<Tweak>> {
    text.split(|&byte| byte == b',').map(parse_one).collect()
}

/// A mode after all tweaks; `umask` bounds those that name no class.
pub fn apply(tweaks: &[Tweak], mode: u32, is_folder: bool, umask: u32) -> u32 {
    let may_execute = is_folder || mode & 0o111 != 0;
    tweaks.iter().fold(mode, |mode, tweak| tweak.apply(mode, is_folder, may_execute, umask))
}

fn parse_one(text: &[u8]) -> Option<Tweak> {
    let mut tweak =
        Tweak { only: None, change: Change::Set, who: None, what: 0, x_if_x: false, special: 0, octal: None };
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'D' if tweak.only.is_none() => tweak.only = Some(Only::Folders),
            b'F' if tweak.only.is_none() => tweak.only = Some(Only::Files),
            b'u' => *tweak.who.get_or_insert(0) |= 0o700,
            b'g' => *tweak.who.get_or_insert(0) |= 0o070,
            b'o' => *tweak.who.get_or_insert(0) |= 0o007,
            b'a' => tweak.who = Some(0o777),
            b'+' | b'-' | b'=' => break,
            b'0'..=b'7' if tweak.who.is_none() => {
                let digits = std::str::from_utf8(&text[at..]).ok()?;
                tweak.octal = Some(u32::from_str_radix(digits, 8).ok().filter(|&mode| mode <= 0o7777)?);
                return Some(tweak);
            }
            _ => return None,
        }
        at += 1;
    }
    tweak.change = match text[at] {
        b'+' => Change::Add,
        b'-' => Change::Remove,
        _ => Change::Set,
    };
    let mut letters = text[at + 1..].iter().peekable();
    letters.peek()?;
    for letter in letters {
        match letter {
            b'r' => tweak.what |= 4,
            b'w' => tweak.what |= 2,
            b'x' => tweak.what |= 1,
            b'X' => tweak.x_if_x = true,
            b's' => {
                let who = tweak.who.unwrap_or(0o770);
                tweak.special |= if who & 0o700 != 0 { 0o4000 } else { 0 };
                tweak.special |= if who & 0o070 != 0 { 0o2000 } else { 0 };
            }
            b't' => tweak.special |= 0o1000,
            _ => return None,
        }
    }
    Some(tweak)
}

impl Tweak {
    fn apply(&self, mode: u32, is_folder: bool, may_execute: bool, umask: u32) -> u32 {
        match self.only {
            Some(Only::Folders) if !is_folder => return mode,
            Some(Only::Files) if is_folder => return mode,
            _ => {}
        }
        if let Some(octal) = self.octal {
            return octal;
        }
        let x = if self.x_if_x && may_execute { 1 } else { 0 };
        let every_class = (self.what | x) * 0o111;
        let bits = self.special | every_class & self.who.unwrap_or(0o777 & !umask);
        match self.change {
            Change::Add => mode | bits,
            Change::Remove => mode & !bits,
            // Setuid and its kin stay unless they are named.
            Change::Set => mode & !(self.who.unwrap_or(0o777) | self.special) | bits,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changed(text: &str, mode: u32, is_folder: bool) -> u32 {
        apply(&parse(text.as_bytes()).unwrap(), mode, is_folder, 0o022)
    }

    #[test]
    fn modes_are_changed_as_chmod_does() {
        assert_eq!(changed("Dg+s,ug+w,Fo-w,+X", 0o755, true), 0o2775);
        assert_eq!(changed("Dg+s,ug+w,Fo-w,+X", 0o646, false), 0o664);
        assert_eq!(changed("D755,F644", 0o600, false), 0o644);
        assert_eq!(changed("a=r", 0o751, false), 0o444);
        assert_eq!(changed("+w", 0o444, false), 0o644);
        assert_eq!(changed("a=r,ug+w,+X", 0o4755, false), 0o4775);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["", "zz", "u+x,,D+w", "u", "8", "12345678", "u+q"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_leave_the_mode_bits(text in prop::collection::vec(any::<u8>(), 0..20), mode in 0u32..0o10000) {
            if let Some(tweaks) = parse(&text) {
                prop_assert!(apply(&tweaks, mode, false, 0o022) <= 0o7777);
            }
        }
    }
}
