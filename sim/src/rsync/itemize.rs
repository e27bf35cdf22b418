//! What changed about an entry, and the eleven letters that `-i` prints of it.

use std::ops::{BitOr, BitOrAssign};

use crate::disk::Kind;

/// What changed about one entry, as the generator finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes(u16);

impl Changes {
    /// The content is transferred.
    pub const TRANSFER: Changes = Changes(1);
    /// It is made anew here without a transfer: a folder, a link, a device.
    pub const LOCAL: Changes = Changes(1 << 1);
    /// It did not exist.
    pub const NEW: Changes = Changes(1 << 2);
    /// The content differs (`-c`), or a symlink's target.
    pub const CONTENT: Changes = Changes(1 << 3);
    /// The size differs.
    pub const SIZE: Changes = Changes(1 << 4);
    /// The time differs.
    pub const TIME: Changes = Changes(1 << 5);
    /// The mode differs.
    pub const MODE: Changes = Changes(1 << 6);
    /// The owner differs.
    pub const OWNER: Changes = Changes(1 << 7);
    /// The group differs.
    pub const GROUP: Changes = Changes(1 << 8);
    /// It is hard-linked to a file of `--link-dest`.
    pub const LINKED: Changes = Changes(1 << 9);

    /// The flags as a number.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The flags of a number; bits without a meaning are dropped.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits & 0x3ff)
    }

    /// Whether all of `other` is set.
    pub fn has(self, other: Changes) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether something is to be told: more than that it was done here, or linked.
    pub fn is_significant(self) -> bool {
        self.0 & !(Changes::LOCAL.0 | Changes::LINKED.0) != 0
    }
}

impl BitOr for Changes {
    type Output = Changes;

    fn bitor(self, other: Changes) -> Changes {
        Changes(self.0 | other.0)
    }
}

impl BitOrAssign for Changes {
    fn bitor_assign(&mut self, other: Changes) {
        self.0 |= other.0;
    }
}

/// How a line looks for this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The client sends to another host: `<` instead of `>`.
    pub pushes: bool,
    /// Times are preserved (`-t`); else a time that differs is `T`.
    pub keeps_times: bool,
}

/// The eleven letters.
pub fn letters(changes: Changes, kind: Kind, style: Style) -> [u8; 11] {
    let update = if changes.has(Changes::LOCAL) {
        if changes.has(Changes::LINKED) { b'h' } else { b'c' }
    } else if !changes.has(Changes::TRANSFER) {
        b'.'
    } else if style.pushes {
        b'<'
    } else {
        b'>'
    };
    let what = match kind {
        Kind::File => b'f',
        Kind::Folder => b'd',
        Kind::Symlink => b'L',
        Kind::CharDevice(..) | Kind::BlockDevice(..) => b'D',
        Kind::Fifo | Kind::Socket => b'S',
    };
    let mut line = [b'.'; 11];
    (line[0], line[1]) = (update, what);
    let time = if style.keeps_times { b't' } else { b'T' };
    for (at, flag, letter) in [
        (2, Changes::CONTENT, b'c'),
        (3, Changes::SIZE, b's'),
        (4, Changes::TIME, time),
        (5, Changes::MODE, b'p'),
        (6, Changes::OWNER, b'o'),
        (7, Changes::GROUP, b'g'),
    ] {
        if changes.has(flag) {
            line[at] = letter;
        }
    }
    if changes.has(Changes::NEW) {
        line[2..].fill(b'+');
    } else if matches!(update, b'.' | b'h' | b'c') && line[2..].iter().all(|&letter| letter == b'.') {
        line[2..].fill(b' ');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Style = Style { pushes: false, keeps_times: true };

    fn shown(changes: Changes, kind: Kind) -> String {
        String::from_utf8(letters(changes, kind, HERE).to_vec()).unwrap()
    }

    #[test]
    fn letters_are_rsyncs() {
        assert_eq!(shown(Changes::TRANSFER | Changes::NEW, Kind::File), ">f+++++++++");
        assert_eq!(shown(Changes::TRANSFER | Changes::SIZE | Changes::TIME, Kind::File), ">f.st......");
        assert_eq!(shown(Changes::LOCAL | Changes::NEW, Kind::Folder), "cd+++++++++");
        assert_eq!(shown(Changes::LOCAL | Changes::CONTENT, Kind::Symlink), "cLc........");
        assert_eq!(shown(Changes::TIME, Kind::Folder), ".d..t......");
        assert_eq!(shown(Changes::default(), Kind::File), ".f         ");
        assert_eq!(shown(Changes::TRANSFER, Kind::File), ">f.........");
        assert_eq!(shown(Changes::MODE | Changes::OWNER | Changes::GROUP, Kind::File), ".f...pog...");
    }
}
